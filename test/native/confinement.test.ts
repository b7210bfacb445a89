import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ADDON = fileURLToPath(new URL("../../build/Release/oximy_native.node", import.meta.url));

/** What is tried in a process that confined itself, with a pipe and a thread that it had before. */
const PROGRAM = `
  const net = require("node:net"), fs = require("node:fs"), { Worker } = require("node:worker_threads");
  const { spawnSync, execFileSync } = require("node:child_process");
  const TRY = (name, action) => { try { action(); return [name, "done"]; } catch ({ code }) { return [name, code]; } };
  const attempts = () => [
    TRY("a program", () => { const { error } = spawnSync("/bin/true"); if (error) throw error; }),
    TRY("a signal", () => process.kill(process.ppid, 0)),
  ];
  const connect = () => new Promise((resolve) =>
    net.connect(1, "127.0.0.1").on("error", ({ code }) => resolve(["a socket", code])).on("connect", () => resolve(["a socket", "done"])));
  const listen = () => new Promise((resolve) =>
    net.createServer().on("error", ({ code }) => resolve(["a unix socket", code])).listen("\\0oximy", () => resolve(["a unix socket", "done"])));
  const all = async () => [...attempts(), await connect(), await listen()];
  const worker = new Worker(\`
    const net = require("node:net"), { parentPort } = require("node:worker_threads");
    parentPort.on("message", () => net.connect(1, "127.0.0.1").on("error", ({ code }) => parentPort.postMessage(code)));
  \`, { eval: true });
  worker.once("online", async () => {
    const before = await all();
    const is = require(process.argv[1]).confine();
    const after = await all();
    worker.once("message", (thread) => {
      // What a signer needs goes on: signing, time, threads of its own, a descriptor that is open.
      const crypto = require("node:crypto");
      const { privateKey } = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
      const signed = crypto.sign("sha256", Buffer.from("x"), privateKey).length > 0;
      crypto.randomBytes(16, () => {
        fs.writeSync(1, JSON.stringify({ is, before: Object.fromEntries(before), after: Object.fromEntries(after), thread, signed }));
        process.exit(0);
      });
    });
    worker.postMessage("go");
  });
`;

test.skipIf(process.platform !== "linux")(
  "a process that confined itself has no network, starts nothing and reaches no other process, in all its threads",
  () => {
    const answer = JSON.parse(execFileSync(process.execPath, ["-e", PROGRAM, ADDON], { encoding: "utf8" }));
    expect(answer).toEqual({
      is: true,
      before: {
        "a program": "done",
        "a signal": "done",
        "a socket": "ECONNREFUSED",
        "a unix socket": "done",
      },
      after: { "a program": "EPERM", "a signal": "EPERM", "a socket": "EPERM", "a unix socket": "EPERM" },
      thread: "EPERM",
      signed: true,
    });
  },
);
