import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabServer } from "../../lab/lab-server.js";
import { ECHO_SERVER } from "./echo-server.js";
import { requireLab } from "./require-lab.js";
import type { ReceivedConnection } from "./servers/received-connection.js";

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");

describe.skipIf(requireLab())("the lab's echo server", () => {
  let lab: Lab;
  let server: LabServer<ReceivedConnection>;
  beforeAll(async () => {
    lab = await createLab();
    server = await lab.addServerOf(ECHO_SERVER, {
      names: ["echo.example"],
      clientCertificate: "asked",
    });
  });
  afterAll(() => lab.close());

  const curl = async (...args: string[]) => (await lab.machine.exec("curl", ["-sS", ...args])).stdout;
  const node = async (script: string) => {
    const env = { NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt" };
    return lab.machine.exec("node", ["--input-type=module", "-e", script], { env, cwd: process.cwd() });
  };

  it.each([
    [
      "--http1.1",
      "http/1.1",
      /^POST \/a\?b HTTP\/1\.1\r\nHost: echo\.example\r\n(.*\r\n)*X-Odd: 1\r\n(.*\r\n)*\r\nbody$/,
    ],
    ["--http2", "h2", /^PRI \* HTTP\/2\.0\r\n\r\nSM\r\n\r\n/],
  ])("writes down what came by curl %s, byte for byte", async (version, alpn, shape) => {
    const before = server.requests.length;
    expect(
      JSON.parse(await curl(version, "-H", "X-Odd: 1", "-d", "body", "https://echo.example/a?b")),
    ).toMatchObject({
      method: "POST",
      body: "body",
    });
    const connection = (await server.received(before + 1)).at(-1)!;
    const head = Buffer.from(connection.head, "base64");
    expect(connection).toMatchObject({
      alpn,
      serverName: "echo.example",
      bytes: head.length,
      sha256: sha256(head),
    });
    expect(head.toString("latin1")).toMatch(shape);
  });

  it("sends and takes any number of bytes", async () => {
    const twice =
      'for i in 1 2; do curl -sS https://echo.example/download/3000000 | tee -a "$0" | sha256sum; done';
    const sums = (await lab.machine.exec("sh", ["-c", twice, `${lab.dir}/both`])).stdout.trim().split("\n");
    expect(sums[0]).toBe(sums[1]);
    const answer = JSON.parse(await curl("-T", `${lab.dir}/both`, "https://echo.example/upload/0"));
    expect(answer.bytes).toBe(6_000_000);
  });

  it("speaks WebSocket with compression", async () => {
    const { stdout } = await node(`
      import WebSocket from "ws";
      const webSocket = new WebSocket("wss://echo.example/", { perMessageDeflate: true });
      webSocket.on("open", () => webSocket.send("hello ".repeat(100)));
      webSocket.on("message", (data) => { console.log(webSocket.extensions, data.length); webSocket.close(); });`);
    expect(stdout).toBe("permessage-deflate 600\n");
  });

  it("speaks gRPC with trailers", async () => {
    const { stdout } = await node(`
      import { connect } from "node:http2";
      const session = connect("https://echo.example");
      const call = session.request({ ":method": "POST", ":path": "/s/m", "content-type": "application/grpc", te: "trailers" });
      call.on("trailers", (trailers) => console.log("status", trailers["grpc-status"]));
      call.on("data", (data) => console.log(data.toString("hex"))).on("end", () => session.close());
      call.end(Buffer.from("00000000026869", "hex"));`);
    expect(stdout.split("\n").sort()).toEqual(["", "00000000026869", "status 0"]);
  });

  it("resets in the middle of an answer", async () => {
    for (const version of ["--http1.1", "--http2"]) {
      const result = await lab.machine.exec("curl", ["-sS", version, "https://echo.example/reset"]);
      expect([18, 56, 92]).toContain(result.code);
      expect(result.stdout).toBe("half an answer");
    }
  });

  it("sees a client's certificate", async () => {
    const before = server.requests.length;
    const { key, cert, fingerprint256 } = lab.authority.issue(["client"]);
    const pair = "cat > /tmp/$$.pem; curl -sS --cert /tmp/$$.pem https://echo.example/; rm /tmp/$$.pem";
    await lab.machine.exec("sh", ["-c", pair], { input: cert + key });
    expect((await server.received(before + 1)).at(-1)?.clientCertificate).toBe(fingerprint256);
  });
});
