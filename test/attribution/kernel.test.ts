import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { createAttributor } from "../../src/attribution/attributor.js";
import { createAppIndex, matchApp } from "../../src/attribution/match-app.js";
import { loadNative } from "../../src/attribution/native.js";
import { runningApps, runningProcesses } from "../../src/attribution/running.js";
import type { Owner } from "../../src/connection/client.js";
import { isRoot, listenOn, NOBODY, start } from "../native/clients.js";
import { temporaryFolder } from "../temporary-folder.js";
import { app } from "./fake-processes.js";

const native = loadNative();
/** The limit is tested elsewhere; here a busy machine must not matter. */
const PATIENT = { limitMs: 10_000 };

/** From a real socket of a real process to the app, with nothing in between replaced. */
describe.skipIf(native.implementation !== "linux")("on this machine", () => {
  let folder: string;
  beforeAll(() => {
    folder = realpathSync(temporaryFolder());
    chmodSync(folder, 0o755);
  });

  const index = createAppIndex(
    [
      app("opera", { linux: ["opera"] }),
      app("cursor", { linux: ["cursor"] }),
      app("claude-code", { scripts: ["@anthropic-ai/claude-code"] }),
    ],
    "linux",
  );

  /** An executable of that name and place: a copy of bash, that can open connections and start others. */
  function executable(...place: string[]): string {
    const path = join(folder, ...place);
    mkdirSync(join(path, ".."), { recursive: true });
    copyFileSync("/bin/bash", path);
    return path;
  }

  const connect = (port: number) => `exec 3<>/dev/tcp/127.0.0.1/${port}; read -u 3`;

  async function ownerOfConnection(command: (port: number) => [string, ...string[]], options = {}) {
    await using acceptor = await listenOn("127.0.0.1");
    const [path, ...args] = command(acceptor.port);
    await using client = start(path, args, options);
    const { tuple } = await acceptor.accepted();
    const attributor = createAttributor(native, PATIENT);
    try {
      return { owner: await attributor.lookup(tuple), pid: client.pid };
    } finally {
      await attributor.close();
    }
  }

  const processOf = (owner: Owner) => (owner.kind === "process" ? owner.process : undefined);

  test("a connection's process is named with its parents", async () => {
    const cursor = executable("bin", "cursor");
    const { owner, pid } = await ownerOfConnection((port) => [cursor, "-c", connect(port)]);
    expect(owner).toMatchObject({
      kind: "process",
      process: { pid, ppid: process.pid, path: cursor, name: "cursor" },
    });
    expect(owner.kind === "process" && owner.ancestors[0]?.pid).toBe(process.pid);
    expect(matchApp(owner, index)).toMatchObject({ id: "cursor", matchedBy: "executable" });
  });

  test("an agent on node in an editor's terminal is the agent, in the editor", async () => {
    const script = join(folder, "lib/node_modules/@anthropic-ai/claude-code/cli.js");
    mkdirSync(join(script, ".."), { recursive: true });
    writeFileSync(script, 'require("net").connect(process.argv[2], "127.0.0.1").on("error", () => {})');
    const command = join(folder, "bin", "claude");
    mkdirSync(join(folder, "bin"), { recursive: true });
    symlinkSync("../lib/node_modules/@anthropic-ai/claude-code/cli.js", command);
    const shell = (port: number) => `"${process.execPath}" "${command}" ${port}; :`;
    const { owner } = await ownerOfConnection((port) => [executable("bin", "cursor"), "-c", shell(port)]);
    expect(processOf(owner)).toMatchObject({
      name: "node",
      script: "claude",
      packageName: "@anthropic-ai/claude-code",
    });
    expect(matchApp(owner, index)).toMatchObject({
      id: "claude-code",
      matchedBy: "script",
      hostApp: { id: "cursor" },
    });
  });

  test("/usr/lib/operations/bin/agent is not Opera", async () => {
    const agent = executable("usr", "lib", "operations", "bin", "agent");
    const { owner } = await ownerOfConnection((port) => [agent, "-c", connect(port)]);
    expect(processOf(owner)?.path).toBe(agent);
    expect(matchApp(owner, index)).toBeUndefined();
  });

  test("an executable that was deleted or replaced meanwhile keeps its name", async () => {
    const cursor = executable("old", "cursor");
    const { owner } = await ownerOfConnection((port) => [cursor, "-c", `rm "${cursor}"; ${connect(port)}`]);
    expect(processOf(owner)).toMatchObject({ path: cursor, name: "cursor" });
  });

  test("the program is named that runs after exec, not the one that the process was before", async () => {
    const before = executable("sh", "opera");
    const after = executable("bin", "cursor");
    await using acceptor = await listenOn("127.0.0.1");
    const attributor = createAttributor(native, PATIENT);
    const script = `exec 3<>/dev/tcp/127.0.0.1/${acceptor.port}; read; exec "${after}" -c 'exec 4<>/dev/tcp/127.0.0.1/${acceptor.port}; read'`;
    await using client = start(before, ["-c", script]);
    const first = await attributor.lookup((await acceptor.accepted()).tuple);
    client.process.stdin?.write("\n");
    const second = await attributor.lookup((await acceptor.accepted()).tuple);
    expect([first, second].map((owner) => processOf(owner)?.pid)).toEqual([client.pid, client.pid]);
    expect([first, second].map((owner) => matchApp(owner, index)?.id)).toEqual(["opera", "cursor"]);
  });

  test.skipIf(!isRoot)("root names the processes of other users", async () => {
    const cursor = executable("bin", "cursor");
    const other = { uid: NOBODY, gid: NOBODY };
    const { owner, pid } = await ownerOfConnection((port) => [cursor, "-c", connect(port)], other);
    expect(processOf(owner)).toMatchObject({ pid, uid: NOBODY, user: "nobody", path: cursor });
    expect(matchApp(owner, index)?.id).toBe("cursor");
  });

  test("a thread's connection belongs to its process", async () => {
    const script = (port: number) => `new (require("node:worker_threads").Worker)(
      'require("net").connect(${port}, "127.0.0.1").on("error", () => {})', { eval: true })`;
    const { owner, pid } = await ownerOfConnection((port) => [process.execPath, "-e", script(port)]);
    expect(processOf(owner)).toMatchObject({ pid, name: "node" });
  });

  test("a client that has ended is named by the kernel's record, where there is one", async (context) => {
    const failure = native.attachConnectRecorder([]);
    if (failure !== null) return context.skip(`connections cannot be recorded here: ${failure}`);
    try {
      await using acceptor = await listenOn("127.0.0.1");
      await using client = start(executable("bin", "cursor"), [
        "-c",
        `exec 3<>/dev/tcp/127.0.0.1/${acceptor.port}`,
      ]);
      await once(client.process, "exit");
      const owner = await createAttributor(native, PATIENT).lookup((await acceptor.accepted()).tuple);
      expect(processOf(owner)?.pid).toBe(client.pid);
    } finally {
      native.detachConnectRecorder();
    }
  });

  test("running processes are listed by the app that they belong to", async () => {
    await using cursor = start(executable("bin", "cursor"), ["-c", "echo here; read"]);
    await cursor.line();
    const running = runningApps(await runningProcesses(native), index);
    const found = running.find((entry) => entry.app.id === "cursor");
    expect(found?.app).toEqual({ id: "cursor", name: "Cursor" });
    expect(found?.processes).toContainEqual({
      process: expect.objectContaining({ pid: cursor.pid }),
      matchedBy: "executable",
    });
  });
});
