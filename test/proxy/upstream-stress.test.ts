import { readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { expect, it } from "vitest";
import { abort } from "../../src/proxy/relay.js";
import { UpstreamConnector, type UpstreamResult } from "../../src/proxy/upstream/upstream.js";
import type { ClientHello } from "../../src/proxy/verdict/client-hello.js";
import { captureHello, HOST, helloOf } from "./client-hello-rig.js";
import { ROOT, rawServer, type TestServer, tlsServer } from "./upstream-rig.js";

const RUNS = Number(process.env.OXIMY_STRESS_RUNS ?? 200);
const AT_ONCE = 20;

const openDescriptors = () => readdirSync(process.platform === "linux" ? "/proc/self/fd" : "/dev/fd").length;

type Target = Pick<TestServer, "target"> & AsyncDisposable;

/** What a server does with the first bytes of a client, and how that ends. */
const SERVERS: ReadonlyArray<[string, () => Promise<Target>, UpstreamResult["kind"]]> = [
  ["resets at once", () => rawServer((socket) => socket.resetAndDestroy()), "failed"],
  ["resets on the hello", () => onHello((socket) => socket.resetAndDestroy()), "failed"],
  ["ends on the hello", () => onHello((socket) => socket.end()), "failed"],
  ["answers garbage", () => onHello((socket) => socket.end(Buffer.alloc(500, 0x5a))), "failed"],
  ["answers an alert", () => onHello((socket) => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 40]))), "failed"],
  [
    "answers half a record and resets",
    () =>
      onHello((socket) => socket.write(Buffer.from([22, 3, 3, 0, 99, 2]), () => socket.resetAndDestroy())),
    "failed",
  ],
  ["shows a certificate of nobody's", () => tlsServer(), "untrusted"],
  ["asks for a certificate", () => tlsServer({ requestCert: true }), "client_certificate_requested"],
  [
    "asks for a certificate in TLS 1.2",
    () => tlsServer({ requestCert: true, maxVersion: "TLSv1.2" }),
    "client_certificate_requested",
  ],
];

const onHello = (behave: (socket: Socket) => void) =>
  rawServer((socket) => socket.once("data", () => behave(socket)));

async function repeat(run: (round: number) => Promise<void>): Promise<void> {
  const lanes = Array.from({ length: AT_ONCE }, async (_lane, lane) => {
    for (let round = lane; round < RUNS; round += AT_ONCE) await run(round);
  });
  await Promise.all(lanes);
}

/** Descriptors are closed a moment after their sockets say so. */
const settledAt = (descriptors: number) => expect.poll(openDescriptors).toBeLessThanOrEqual(descriptors);

const hello: ClientHello = helloOf(await captureHello("node"));

it.each(SERVERS)(
  "a server that %s, time and again, costs neither the process nor a descriptor",
  async (_what, start, kind) => {
    const upstream = new UpstreamConnector({ roots: kind === "untrusted" ? [] : [ROOT], env: {} });
    const before = openDescriptors();
    {
      await using server = await start();
      await repeat(async () => {
        expect((await upstream.connect(server.target, HOST, hello)).kind).toBe(kind);
      });
    }
    await settledAt(before);
  },
  60_000,
);

it("sessions that are dropped at any moment of their life cost neither the process nor a descriptor", async () => {
  const upstream = new UpstreamConnector({ roots: [ROOT], env: {} });
  const ends: ReadonlyArray<(result: UpstreamResult & { kind: "secure" }) => void> = [
    ({ side }) => abort(side),
    ({ side }) => void side.stream.destroy(),
    ({ side }) => void side.stream.end(),
    ({ side }) => void side.stream.once("data", () => abort(side)),
    ({ side }) => void side.stream.once("data", () => side.stream.destroy()),
    ({ side }) => {
      side.stream.write("x".repeat(100_000));
      abort(side);
    },
    ({ side }) => {
      side.stream.on("data", () => {}).end("x".repeat(100_000));
    },
  ];
  const before = openDescriptors();
  {
    await using server = await tlsServer();
    await repeat(async (round) => {
      const result = await upstream.connect(server.target, HOST, { ...hello, resumes: round % 2 === 0 });
      if (result.kind !== "secure") throw new Error(JSON.stringify(result));
      const closed = new Promise((resolve) => result.side.stream.once("close", resolve));
      result.side.stream.resume();
      ends[round % ends.length]!(result);
      await closed;
    });
  }
  await settledAt(before);
}, 60_000);
