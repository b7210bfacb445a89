import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { validateEvent } from "../event/schema.js";
import { loadPage, withoutChromium } from "./chromium.js";
import { ECHO, EchoLab, groupOf, OTHER, type Way } from "./echo-lab.js";
import { ECHO_SERVER } from "./echo-server.js";
import { requestsOf, viewOf } from "./echo-view.js";
import { requireLab } from "./require-lab.js";

type Command = readonly [program: string, ...args: string[]];

interface Client {
  readonly name: string;
  readonly command: Command;
  /** Each leaves an event. */
  readonly exchanges: number;
  /** 1 when absent. */
  readonly connections?: number;
  /** What of its output is the same in every run; all but dates when absent. */
  readonly output?: RegExp;
  /** It closes while the server does, with FIN or reset as it happens. */
  readonly end?: "raced";
}

const URL_ = `https://${ECHO}`;
const ODD = ["-sSi", "-H", "X-oDD-case:  kept"] as const;
const curl = (version: string): Command =>
  [
    ...["curl", version, ...ODD, "-d", "body", `${URL_}/a?b`],
    ...["--next", version, ...ODD, "--data-binary", "z".repeat(20_000), `${URL_}/b`],
  ] as string[] as [string];
const node = (client: string, target = URL_): Command => ["node", `test/lab/clients/${client}.mjs`, target];
const python = (client: string): Command => ["/usr/bin/python3", `test/lab/clients/${client}.py`, ECHO];

const CLIENTS_AND_PROTOCOLS: readonly Client[] = [
  { name: "curl, http/1.1", command: curl("--http1.1"), exchanges: 2 },
  { name: "curl, h2", command: curl("--http2"), exchanges: 2 },
  { name: "node:https", command: node("node-https"), exchanges: 4 },
  { name: "node:http2", command: node("node-http2"), exchanges: 5 },
  { name: "fetch of Node", command: node("node-fetch"), exchanges: 2, connections: 2 },
  { name: "http.client of Python", command: python("http_client"), exchanges: 2 },
  { name: "urllib of Python", command: python("urllib_request"), exchanges: 1, end: "raced" },
  { name: "@grpc/grpc-js, unary and bidirectional", command: node("grpc", ECHO), exchanges: 2 },
  { name: "ws, with compression", command: node("websocket", `wss://${ECHO}/socket`), exchanges: 1 },
  {
    name: "nghttp",
    command: ["nghttp", "-d", "package.json", "-H", "x-odd: kept", `${URL_}/a`, `${URL_}/b`],
    exchanges: 2,
  },
  {
    name: "h2load",
    command: ["h2load", "-n", "40", "-c", "2", "-m", "5", `${URL_}/a`],
    exchanges: 40,
    connections: 2,
    output: /^(requests|status codes|Application protocol):.*/gm,
  },
];

describe.skipIf(requireLab())("what clients send and get", () => {
  let echo: EchoLab;
  let seen = 0;
  beforeAll(async () => {
    echo = await EchoLab.start();
  });
  afterAll(() => echo?.close());

  async function run(way: Way, { command, connections = 1, output, end }: Client) {
    const before = echo.server.requests.length;
    const [program, ...args] = command;
    const { code, stdout, stderr } = await echo.run(way, program, args);
    const received = (await echo.server.received(before + connections)).slice(before);
    return {
      code,
      stderr,
      stdout: output ? stdout.match(output) : stdout.replace(/^date: .*$/gim, "date"),
      // Connections are told when they end, two at once in any order.
      received: received
        .map((one) => JSON.stringify({ ...viewOf(one), ...(end ? { end } : {}) }, null, 1))
        .sort(),
    };
  }

  /** The next events, which are all of the echo server. */
  async function captured(total: number) {
    seen += total;
    const events = (await echo.oximy.captured(seen)).slice(-total);
    for (const event of events) {
      validateEvent(event);
      expect(event).toMatchObject({ source: { id: "echo" } });
    }
    return events;
  }

  /**
   * Both ways, until they are the same. Where a client's own timing decides in which order it sends what is
   * independent (a SETTINGS acknowledgement, the requests of a page), that differs from run to run: what we changed
   * would differ in every one.
   */
  async function compare<Result>(runOnce: (way: Way) => Promise<Result>) {
    const direct: Result[] = [];
    for (let times = 1; ; times++) {
      direct.push(await runOnce("direct"));
      const through = await runOnce("through");
      const isSame = direct.some((result) => isDeepStrictEqual(result, through));
      if (isSame || times === 5) return { direct, through, times };
    }
  }

  it.each(CLIENTS_AND_PROTOCOLS)("are the same as without us, and captured: $name", async (client) => {
    const { direct, through, times } = await compare((way) => run(way, client));
    expect(direct[0]).toMatchObject({ code: 0 });
    expect(direct).toContainEqual(through);
    const events = await captured(client.exchanges * times);
    expect(events.map((event) => event.metadata.reason)).not.toContain("capture_lost");
  });

  it.skipIf(withoutChromium())(
    "are the same as without us, and captured: Chromium with an event stream and a WebSocket",
    async () => {
      const load = async (way: Way) => {
        const before = echo.server.requests.length;
        const roots = [echo.lab.authority.cert, readFileSync(echo.oximy.certificate, "utf8")];
        const { stdout } = await loadPage(echo.lab, `${URL_}/page`, roots, groupOf(way));
        await expect.poll(() => echo.server.requests.slice(before).some(({ bytes }) => bytes > 0)).toBe(true);
        const received = echo.server.requests.slice(before).filter(({ bytes }) => bytes > 0);
        return { page: /<pre>.*<\/pre>/.exec(stdout)?.[0], received: received.map(requestsOf) };
      };
      const { direct, through } = await compare((way) => {
        seen = echo.oximy.events.length;
        return load(way);
      });
      expect(direct[0]?.page).toBe('<pre>{"http":"2.0","message":"hello","events":5}</pre>');
      expect(direct).toContainEqual(through);
      const paths = ["/done", "/events/5/10", "/fetched", "/page", "/socket", "/wait"];
      const captured = () =>
        echo.oximy.events.slice(seen).flatMap(({ metadata }) => metadata.request_path ?? []);
      await expect.poll(() => captured().sort(), { timeout: 5_000 }).toEqual(paths);
      // A connection that it opened ahead and did not use is told too.
      seen = echo.oximy.events.length;
    },
    60_000,
  );

  it("are the same as without us, and passed through: git clone from an unknown host", async () => {
    const folder = join(echo.lab.dir, "repositories");
    const work = join(echo.lab.dir, "work");
    mkdirSync(folder);
    mkdirSync(work);
    const git = (...args: string[]) => execFileSync("git", ["-C", work, ...args], { stdio: "pipe" });
    git("init", "-q");
    writeFileSync(join(work, "file"), "content\n".repeat(10_000));
    git("add", "file");
    git("-c", "user.name=a", "-c", "user.email=a@example", "commit", "-qm", "file");
    git("clone", "-q", "--bare", work, join(folder, "some.git"));
    execFileSync("git", ["-C", join(folder, "some.git"), "update-server-info"]);
    const server = await echo.lab.addServerOf(ECHO_SERVER, { names: ["git.example"], folder });
    const clone = async (way: Way) => {
      const before = server.requests.length;
      const target = join(echo.lab.dir, `clone-${way}`);
      const { code } = await echo.run(way, "git", [
        "clone",
        "-q",
        "https://git.example/files/some.git",
        target,
      ]);
      const received = (await server.received(before + 1)).slice(before);
      return {
        code,
        head: git("-C", target, "rev-parse", "HEAD").toString(),
        received: received.map(viewOf),
      };
    };
    const direct = await clone("direct");
    expect(direct).toMatchObject({ code: 0, head: git("rev-parse", "HEAD").toString() });
    expect(await clone("through")).toEqual(direct);
    expect(echo.oximy.events).toHaveLength(seen);
  });

  const addAskingServer = () =>
    echo.lab.addServerOf(ECHO_SERVER, { names: [OTHER], clientCertificate: "asked" });
  let asking: ReturnType<typeof addAskingServer> | undefined;
  it("are the same as without us, and told: openssl with a client certificate", async () => {
    asking ??= addAskingServer();
    const server = await asking;
    const { key, cert, fingerprint256 } = echo.lab.authority.issue(["client"]);
    const file = join(echo.lab.dir, "client.pem");
    writeFileSync(file, key + cert);
    const ask = async (way: Way) => {
      const before = server.requests.length;
      const args = ["s_client", "-quiet", "-connect", `${OTHER}:443`, "-servername", OTHER, "-cert", file];
      const input = `GET /a HTTP/1.1\r\nHost: ${OTHER}\r\nConnection: close\r\n\r\n`;
      const { stdout } = await echo.run(way, "openssl", args, { input });
      const received = (await server.received(before + 1)).slice(before);
      return { stdout: stdout.replace(/^date: .*$/gim, "date"), received: received.map(viewOf) };
    };
    const direct = await ask("direct");
    expect(direct.received).toMatchObject([{ clientCertificate: fingerprint256 }]);
    expect(await ask("through")).toEqual(direct);
    // What an earlier client opened ahead and never used may be told only now.
    const told = () => echo.oximy.events.slice(seen).flatMap(({ metadata }) => metadata.reason ?? []);
    await expect
      .poll(() => told().filter((reason) => reason !== "no_request"))
      .toEqual(["upstream_client_certificate"]);
  });
});
