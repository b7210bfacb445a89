import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabServer } from "../../lab/lab-server.js";
import { usePrivateCopies } from "../../lab/private-copies.js";
import type { OximyEvent } from "../../src/event/event.js";
import { validateEvent } from "../event/schema.js";
import { parseKeyLog } from "../tls/recording.js";
import { ECHO_SERVER } from "./echo-server.js";
import { LabOximy, stateFolderOf } from "./oximy.js";
import { requireLab } from "./require-lab.js";
import type { ReceivedConnection } from "./servers/received-connection.js";

const HOST = "api.openai.com";
/** Asks clients for a certificate. */
const ASKING = "api.mistral.ai";
const URL_ = `https://${HOST}/v1/chat/completions`;
const BODY = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "Hello" }] });
const POST = ["-sS", "-H", "content-type: application/json", "-d", BODY];

/** Where no certificate was ever made, and nothing is trusted. */
describe.skipIf(requireLab())("oximy local, reading", () => {
  let lab: Lab;
  let server: LabServer;
  let oximy: LabOximy;
  let asking: LabServer<ReceivedConnection>;

  beforeAll(async () => {
    lab = await createLab();
    await usePrivateCopies(lab);
    server = await lab.addServer({ names: [HOST] });
    await lab.addServer({ names: ["api.anthropic.com"], certificate: "expired" });
    asking = await lab.addServerOf(ECHO_SERVER, { names: [ASKING], clientCertificate: "asked" });
    oximy = await LabOximy.startReading(lab);
  });
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  /** The event of what `call` does. */
  async function eventOf<T>(call: () => Promise<T>): Promise<{ result: T; event: OximyEvent }> {
    const before = oximy.events.length;
    const result = await call();
    const event = (await oximy.captured(before + 1)).at(-1)!;
    validateEvent(event);
    return { result, event };
  }
  const expectRead = (event: OximyEvent) => {
    expect(event).toMatchObject({ trace_level: "full", metadata: { via: "read" } });
    expect(event.interaction?.response?.content).toBe("Hi there!");
  };
  const node = (code: string) => lab.machine.exec("node", ["-e", code], { timeout: 60_000 });

  it.each([
    ["HTTP/1.1", "--http1.1", "1.3"],
    ["HTTP/2", "--http2", "1.3"],
    ["HTTP/1.1", "--http1.1", "1.2"],
  ])("reads curl's %s (%s) over TLS %s from its first call", async (_name, protocol, version) => {
    const { result, event } = await eventOf(() =>
      lab.machine.exec("curl", [...POST, protocol, "--tls-max", version, URL_]),
    );
    expect(result.code).toBe(0);
    expectRead(event);
  });

  it("reads a client that accepts one certificate only, which is the server's own", async () => {
    const { result, event } = await eventOf(() =>
      node(`
        const checkServerIdentity = (_, { fingerprint256 }) =>
          fingerprint256 === "${server.certificate.fingerprint256}" ? undefined : new Error("not the pinned one");
        const options = { method: "POST", headers: { "content-type": "application/json" }, checkServerIdentity,
          ca: [${JSON.stringify(lab.authority.cert)}] };
        require("https").request("${URL_}", options, (response) => response.resume().on("end", () => console.log(response.statusCode)))
          .on("error", (error) => console.log(error.message)).end(${JSON.stringify(BODY)});`),
    );
    expect(result.stdout.trim()).toBe("200");
    expectRead(event);
  });

  it("reads a client that shows the server a certificate of its own", async () => {
    const { key, cert } = lab.authority.issue(["client"]);
    const file = join(lab.dir, "client.pem");
    writeFileSync(file, key + cert);
    const { result, event } = await eventOf(() =>
      lab.machine.exec("curl", [...POST, "--cert", file, `https://${ASKING}/v1/chat/completions`]),
    );
    expect(result.code).toBe(0);
    expect(event).toMatchObject({ trace_level: "full", metadata: { via: "read" } });
    expect(event.interaction?.response?.content).toBe("Hello");
    const shown = (await asking.received(1)).at(-1)!;
    expect(shown.clientCertificate).toBe(new X509Certificate(cert).fingerprint256);
  });

  it("reads a client that refuses every authority but its own", async () => {
    const own = join(lab.dir, "own-authority.pem");
    writeFileSync(own, lab.authority.cert);
    const { result, event } = await eventOf(() =>
      lab.machine.exec("curl", [...POST, "--cacert", own, "--capath", "/nowhere", URL_]),
    );
    expect(result.code).toBe(0);
    expectRead(event);
  });

  it("leaves a bad certificate to the client, which refuses it as it does without us", async () => {
    const { result, event } = await eventOf(() =>
      lab.machine.exec("curl", ["-sS", "https://api.anthropic.com/v1/models"]),
    );
    expect(result.code).toBe(60);
    expect(result.stderr).toMatch(/expired/);
    expect(event.metadata.via).toBe("read");
    expect(["client_handshake_failed", "no_request"]).toContain(event.metadata.reason);
  });

  it("leaves no core dump while it can hold secrets, and nobody but root looks into it", () => {
    for (const pid of [oximy.process.pid, oximy.proxyPid]) {
      expect(readFileSync(`/proc/${pid}/limits`, "utf8")).toMatch(/^Max core file size +0 +0 +bytes/m);
      expect(statSync(`/proc/${pid}/mem`).uid).toBe(0);
    }
  });

  it("makes no certificate, and keeps no secret in any file or output", async () => {
    const log = join(lab.dir, "keys.log");
    await eventOf(() => lab.machine.exec("curl", [...POST, URL_], { env: { SSLKEYLOGFILE: log } }));
    const secrets = parseKeyLog(readFileSync(log, "utf8")).map(([, secret]) => secret);
    expect(secrets.length).toBeGreaterThanOrEqual(4);
    const outputs = [
      Buffer.from(oximy.process.stdout + oximy.process.stderr),
      ...[oximy.home, stateFolderOf(oximy.home)].flatMap(filesBelow).map((path) => readFileSync(path)),
    ];
    for (const secret of secrets) {
      for (const form of [
        secret,
        Buffer.from(secret.toString("hex")),
        Buffer.from(secret.toString("base64")),
      ]) {
        expect(outputs.filter((output) => output.includes(form))).toEqual([]);
      }
    }
    expect([oximy.home, stateFolderOf(oximy.home)].flatMap((folder) => readdirSync(folder))).not.toContain(
      "ca",
    );
  });

  it("reads nothing of users who are not selected", async () => {
    await oximy.stop();
    oximy = await LabOximy.startReading(lab, ["--user", "34567"]);
    expect((await lab.machine.exec("curl", [...POST, URL_], { uid: 34_568 })).code).toBe(0);
    const { event } = await eventOf(() => lab.machine.exec("curl", [...POST, URL_], { uid: 34_567 }));
    expectRead(event);
    expect(event.client.uid).toBe(34_567);
    expect(oximy.events).toHaveLength(1);
  });
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}
