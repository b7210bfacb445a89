import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ReceivedRequest } from "../../src/demo/ai-server.js";
import type { AiServerArguments } from "../../src/demo/ai-server-main.js";
import type { CertificateKind, ServerCertificate } from "./certificates.js";
import type { Lab } from "./lab.js";
import type { LabProcess } from "./lab-process.js";

const AI_SERVER = fileURLToPath(new URL("../../src/demo/ai-server-main.ts", import.meta.url));
const TYPESCRIPT = import.meta.resolve("tsx");

export interface ServerOptions {
  readonly names: readonly string[];
  readonly certificate?: CertificateKind;
  /** 443 when absent. */
  readonly port?: number;
  readonly contentEncoding?: AiServerArguments["contentEncoding"];
  /** Milliseconds between the events of a stream. */
  readonly eventInterval?: number;
}

/** A server of the lab's internet, with two addresses of its own. */
export class LabServer {
  readonly v4: string;
  readonly v6: string;
  readonly certificate: ServerCertificate;
  readonly process: LabProcess;

  private constructor(
    address: { v4: string; v6: string },
    certificate: ServerCertificate,
    process: LabProcess,
  ) {
    this.v4 = address.v4;
    this.v6 = address.v6;
    this.certificate = certificate;
    this.process = process;
  }

  static async start(lab: Lab, options: ServerOptions): Promise<LabServer> {
    const { names, certificate: kind, port = 443, ...rest } = options;
    const address = lab.addNames(names);
    const certificate = lab.authority.issue(names, kind);
    const [keyFile, certFile] = [join(lab.dir, `${address.v4}.key`), join(lab.dir, `${address.v4}.crt`)];
    writeFileSync(keyFile, certificate.key);
    writeFileSync(certFile, certificate.cert);
    const config: AiServerArguments = { hosts: [address.v4, address.v6], port, keyFile, certFile, ...rest };
    const process = lab.internet.spawn("node", ["--import", TYPESCRIPT, AI_SERVER, JSON.stringify(config)]);
    await process.printed(/^\{"ports":.*\}$/m);
    return new LabServer(address, certificate, process);
  }

  /** What the server has received so far, in order. */
  get requests(): ReceivedRequest[] {
    const lines = this.process.stdout.split("\n").slice(1, -1);
    return lines.map((line) => JSON.parse(line) as ReceivedRequest);
  }

  /** Waits until the server has received `total` requests since its start. */
  async received(total: number): Promise<ReceivedRequest[]> {
    await this.process.printed(new RegExp(`^(.*\\n){${total + 1}}`));
    return this.requests;
  }
}
