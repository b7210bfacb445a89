import { writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ReceivedRequest } from "./ai-server.js";
import type { CertificateKind, ServerCertificate } from "./certificates.js";
import type { Lab } from "./lab.js";
import type { LabProcess } from "./lab-process.js";

/**
 * A file that runs as a server: its one argument is ServerArguments as JSON, together with its own settings; it prints
 * `{"ports":…}` once it listens, and then its log, one `Entry` as JSON per line.
 */
export interface ServerProgram<Entry, Settings = Record<string, never>> {
  readonly file: URL;
  /** Never set: they only bind the types of log and settings to the program. */
  readonly entry?: Entry;
  readonly settings?: Settings;
}

export interface ServerArguments {
  readonly hosts: readonly string[];
  readonly port: number;
  /** Absent for plain HTTP. */
  readonly keyFile?: string;
  readonly certFile?: string;
}

/** Behaves like api.openai.com and api.anthropic.com, over https or http; logs requests. */
export const AI_SERVER: ServerProgram<
  ReceivedRequest,
  { readonly contentEncoding?: "gzip"; readonly eventInterval?: number }
> = { file: new URL(`./ai-server-main${extname(import.meta.url)}`, import.meta.url) };

/** The names and presentation of a server, together with the settings of its program. */
export type ServerOptions<Settings> = Settings & {
  readonly names: readonly string[];
  /** Default `https`. */
  readonly scheme?: "https" | "http";
  /** Default `valid`. */
  readonly certificate?: CertificateKind;
  /** Defaults to that of the scheme. */
  readonly port?: number;
};

/** A server of the lab's internet, with two addresses of its own. */
export class LabServer<Entry = ReceivedRequest> {
  readonly v4: string;
  readonly v6: string;
  /** The certificate that it presents (over https). */
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

  static async start<Entry, Settings>(
    lab: Lab,
    program: ServerProgram<Entry, Settings>,
    options: ServerOptions<Settings>,
  ): Promise<LabServer<Entry>> {
    const { names, scheme = "https", certificate: kind, port, ...settings } = options;
    const address = lab.addNames(names);
    const certificate = lab.authority.issue(names, kind);
    const [keyFile, certFile] = [join(lab.dir, `${address.v4}.key`), join(lab.dir, `${address.v4}.crt`)];
    writeFileSync(keyFile, certificate.key);
    writeFileSync(certFile, certificate.cert);
    const where: ServerArguments = {
      hosts: [address.v4, address.v6],
      port: port ?? (scheme === "https" ? 443 : 80),
    };
    const config = { ...settings, ...where, ...(scheme === "https" ? { keyFile, certFile } : {}) };
    const typescript = program.file.pathname.endsWith(".ts") ? ["--import", import.meta.resolve("tsx")] : [];
    const args = [...typescript, fileURLToPath(program.file), JSON.stringify(config)];
    const process = lab.internet.spawn("node", args);
    await process.printed(/^\{"ports":.*\}\n/);
    return new LabServer<Entry>(address, certificate, process);
  }

  /** The server's log so far, in order: requests, or whatever its program logs. */
  get requests(): Entry[] {
    const lines = this.process.stdout.split("\n").slice(1, -1);
    return lines.map((line) => JSON.parse(line) as Entry);
  }

  /** Waits until the server has logged `total` entries since its start. */
  async received(total: number): Promise<Entry[]> {
    await this.process.printed(new RegExp(`^(.*\\n){${total + 1}}`));
    return this.requests;
  }
}
