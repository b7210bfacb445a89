import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../src/demo/lab/lab.js";
import { validateEvent } from "../event/schema.js";
import { LabOximy, spawnOximy, sudoEnvironment } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const URL_ = "https://api.openai.com/v1/models";

describe.skipIf(requireLab())("a client that does not trust our certificate", () => {
  let lab: Lab;
  let oximy: LabOximy;

  beforeAll(async () => {
    lab = await createLab();
    await lab.addServer({ names: ["api.openai.com"] });
    oximy = await LabOximy.start(lab);
  });
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  const curl = () => lab.machine.exec("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", URL_]);
  const python = () =>
    lab.machine.exec("/usr/bin/python3", [
      "-c",
      `import urllib.request, urllib.error
try: urllib.request.urlopen("${URL_}")
except urllib.error.HTTPError as answer: print(answer.code)`,
    ]);
  const pins = async (...args: string[]) =>
    (await spawnOximy(lab, ["pins", ...args], { env: sudoEnvironment(oximy.home) }).exited).stdout;

  it("is refused twice, then left alone, with an event for each connection and one line of advice", async () => {
    expect((await curl()).code).toBe(60);
    expect((await curl()).code).toBe(60);
    expect(await curl()).toMatchObject({ code: 0, stdout: "404" });
    expect(await curl()).toMatchObject({ code: 0, stdout: "404" });
    const events = await oximy.captured(4);
    for (const event of events) validateEvent(event);
    expect(events.map((event) => event.metadata.reason)).toEqual([
      "client_refused_certificate",
      "client_refused_certificate",
      "pinned",
      "pinned",
    ]);
    expect(events.map((event) => event.client.name)).toEqual(["curl", "curl", "curl", "curl"]);
    expect(events[3]?.metadata.bytes_down).toBeGreaterThan(0);
    await oximy.logged(/curl does not trust .*api\.openai\.com.*CURL_CA_BUNDLE/);
    expect(oximy.process.stderr.match(/does not trust/g)).toHaveLength(1);
    expect(await pins()).toMatch(/api\.openai\.com .*curl/);
  });

  it("teaches nothing about other programs, and gets advice for its own runtime", async () => {
    expect((await python()).code).toBe(1);
    expect((await python()).code).toBe(1);
    expect(await python()).toMatchObject({ code: 0, stdout: "404\n" });
    await oximy.logged(/python3\S* does not trust .*SSL_CERT_FILE/);
  });

  it("is asked again after `oximy pins clear`", async () => {
    await pins("clear");
    expect(await pins()).toBe("No app is left alone.\n");
    await expect.poll(async () => (await curl()).code, { timeout: 3_000 }).toBe(60);
  });

  it("learns nothing from a handshake that is broken off", async () => {
    await pins("clear");
    const before = oximy.events.length;
    // The session's bytes go through a pipe that breaks as soon as the server answers.
    const script = `
      const socket = require("net").connect(443, "api.openai.com");
      const pipe = new (require("stream").Duplex)({ read() {}, write: (bytes, _, done) => socket.write(bytes, done) });
      require("tls").connect({ socket: pipe, servername: "api.openai.com" }).on("error", () => {});
      socket.once("data", () => process.exit(0));`;
    for (let i = 0; i < 3; i++) await lab.machine.exec("node", ["-e", script]);
    await expect.poll(() => oximy.events.length, { timeout: 5_000 }).toBe(before + 3);
    expect(oximy.events.slice(before).map((event) => event.metadata.reason)).not.toContain(
      "client_refused_certificate",
    );
    expect(await pins()).toBe("No app is left alone.\n");
  });
});
