import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabProcess } from "../../lab/lab-process.js";
import { CREDENTIALS } from "../credentials.js";
import { LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

/** A proxy of a company: tunnels by CONNECT for whom it knows, and prints whereto. */
const companyProxy = (addresses: Record<string, string>) => `
  const net = require("net");
  const addresses = ${JSON.stringify(addresses)};
  const server = require("http").createServer();
  server.on("connect", (request, client, head) => {
    const name = Buffer.from(request.headers["proxy-authorization"]?.slice(6) ?? "", "base64").toString();
    if (name !== "ana:${CREDENTIALS.proxyPassword}") return client.end("HTTP/1.1 407 Who are you?\\r\\n\\r\\n");
    console.log(request.url);
    const [, host, port] = /^\\[?(.*?)\\]?:(\\d+)$/.exec(request.url);
    const upstream = net.connect(port, addresses[host], () => {
      client.write("HTTP/1.1 200 OK\\r\\n\\r\\n");
      upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
  });
  server.listen(3128, "203.0.113.2", () => console.log("listening"));`;

describe.skipIf(requireLab())("a machine that reaches the internet through a proxy", () => {
  let lab: Lab;
  let proxy: LabProcess;
  let oximy: LabOximy;
  beforeAll(async () => {
    lab = await createLab();
    const addresses: Record<string, string> = {};
    for (const name of ["api.openai.com", "www.example.org"]) {
      addresses[name] = (await lab.addServer({ names: [name] })).v4;
    }
    proxy = lab.internet.spawn("node", ["-e", companyProxy(addresses)]);
    await proxy.printed(/listening/);
    oximy = await LabOximy.start(lab, ["--trust", "always"], {
      HTTPS_PROXY: `http://ana:${CREDENTIALS.proxyPassword}@203.0.113.2:3128`,
    });
  });
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  it("has what is read, and what passes through, sent by that proxy", async () => {
    const body = '{"model":"gpt-4","messages":[{"role":"user","content":"Hello"}]}';
    const url = "https://api.openai.com/v1/chat/completions";
    const read = await lab.machine.exec("curl", [
      "-4",
      "-sS",
      "--cacert",
      oximy.certificate,
      "-d",
      body,
      url,
    ]);
    expect(JSON.parse(read.stdout).choices[0].message.content).toBe("Hi there!");
    const passed = await lab.machine.exec("curl", [
      "-4",
      "-sS",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}",
      "https://www.example.org/",
    ]);
    expect(passed).toMatchObject({ code: 0, stdout: "404" });
    expect((await oximy.captured(1))[0]).toMatchObject({ trace_level: "full" });
    expect(proxy.stdout.trim().split("\n").slice(1)).toEqual(["api.openai.com:443", "www.example.org:443"]);
  });
});
