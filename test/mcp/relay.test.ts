/** What passes through `oximy mcp` is what passes without it, byte for byte, whatever is said. */

import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { ended, eventsOf, startWrapped, wholeOf } from "./wrapped.js";

let home: string;
beforeEach(() => {
  home = temporaryFolder();
});

const node = (script: string) => [process.execPath, "-e", script];
/** Answers each line that is a request with its id and params. */
const ECHO = node(`
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, params } = JSON.parse(line);
    if (id !== undefined) process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result: params }) + "\\n");
  });
`);
const CAT = ["cat"];
const request = (id: number, params: unknown = {}) =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params })}\n`;
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("bytes", () => {
  test.each<[string, Buffer]>([
    ["nothing", Buffer.alloc(0)],
    ["what is no text, 4 MB of it", randomBytes(4 << 20)],
    ["a line that does not end, 10 MB of it", Buffer.alloc(10 << 20, "x")],
    ["one message of 10 MB", Buffer.from(request(1, { text: "ü".repeat(5 << 20) }))],
    ["ends of lines of all kinds", Buffer.from("\r\n\n\r\0\n{}\n{]\n\ufeff{}\n")],
    ["nesting without end", Buffer.from(`${"[".repeat(200_000)}\n`)],
  ])("%s", async (_, bytes) => {
    const child = startWrapped(home, CAT);
    const [out, err] = [wholeOf(child.stdout), wholeOf(child.stderr)];
    child.stdin!.end(bytes);
    expect(await ended(child)).toEqual({ code: 0, signal: null });
    expect(hash(await out)).toBe(hash(bytes));
    expect(String(await err)).toBe("");
  });

  test("come at once, also half of a character and a line without its end", async () => {
    const child = startWrapped(home, CAT);
    for (const piece of [Buffer.from([0xe2, 0x82]), Buffer.from([0xac]), Buffer.from("{")]) {
      child.stdin!.write(piece);
      const [came] = (await once(child.stdout!, "data")) as [Buffer];
      expect(came).toEqual(piece);
    }
  });

  test("of standard error are the server's own", async () => {
    const bytes = randomBytes(100_000);
    const file = join(home, "bytes");
    writeFileSync(file, bytes);
    const child = startWrapped(home, ["sh", "-c", `cat ${file} >&2`]);
    child.stdout!.resume();
    expect(hash(await wholeOf(child.stderr))).toBe(hash(bytes));
  });

  test("of the server do not wait for a client that only writes", async () => {
    // It reads nothing before its input has ended, and has more to say than any buffer holds.
    const child = startWrapped(
      home,
      node(`
      process.stdout.write("y".repeat(4 << 20));
      let length = 0;
      process.stdin.on("data", (bytes) => { length += bytes.length; });
      process.stdin.on("end", () => require("node:fs").writeFileSync(process.env.SEEN, String(length)));
    `),
      { SEEN: join(home, "seen") },
    );
    child.stdin!.end(Buffer.alloc(4 << 20, "x"));
    await once(child.stdin!, "finish");
    while (!existsSync(join(home, "seen"))) await new Promise((resolve) => setTimeout(resolve, 20));
    const end = ended(child);
    expect(await wholeOf(child.stdout)).toHaveLength(4 << 20);
    expect(await end).toMatchObject({ code: 0 });
    expect(readFileSync(join(home, "seen"), "utf8")).toBe(String(4 << 20));
  });
});

describe("the server's end is ours", () => {
  test.each<[string, string[], object]>([
    ["with its exit code", ["sh", "-c", "exit 7"], { code: 7, signal: null }],
    ["by a signal", ["sh", "-c", "kill -KILL $$"], { code: null, signal: "SIGKILL" }],
    [
      "by a signal that dumps core",
      ["sh", "-c", "ulimit -c 0; kill -SEGV $$"],
      { code: null, signal: "SIGSEGV" },
    ],
  ])("%s", async (_, command, end) => {
    const child = startWrapped(home, command);
    child.stdout!.resume();
    expect(await ended(child)).toEqual(end);
  });

  test("with all that it said, also into a file, and into nothing", async () => {
    const file = join(home, "output");
    const into = openSync(file, "w");
    const command = ["sh", "-c", "echo said; exit 7"];
    for (const stdout of [into, "ignore"] as const) {
      expect(await ended(startWrapped(home, command, {}, stdout))).toEqual({ code: 7, signal: null });
    }
    closeSync(into);
    expect(readFileSync(file, "utf8")).toBe("said\n");
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const)(
    "when it is asked to by %s",
    async (signal) => {
      const child = startWrapped(
        home,
        node(`
        process.on("${signal}", () => { process.stdout.write("asked\\n", () => process.exit(5)); });
        process.stdin.resume();
        process.stdout.write("ready\\n");
      `),
      );
      await once(child.stdout!, "data");
      child.kill(signal);
      const out = wholeOf(child.stdout);
      expect(await ended(child)).toEqual({ code: 5, signal: null });
      expect(String(await out)).toBe("asked\n");
    },
  );

  test("also when the signal ends it", async () => {
    const child = startWrapped(home, node(`process.stdin.resume(); process.stdout.write("ready\\n");`));
    await once(child.stdout!, "data");
    child.stdout!.resume();
    child.kill("SIGTERM");
    expect(await ended(child)).toEqual({ code: null, signal: "SIGTERM" });
  });

  test("when the client closes its end, by the server's own will", async () => {
    const child = startWrapped(home, ["sh", "-c", "cat >/dev/null; echo over; exit 3"]);
    child.stdin!.end("something");
    const out = wholeOf(child.stdout);
    expect(await ended(child)).toEqual({ code: 3, signal: null });
    expect(String(await out)).toBe("over\n");
  });

  test("with all that it said, although the client reads late", async () => {
    const child = startWrapped(home, ["sh", "-c", "head -c 3000000 /dev/zero; exit 4"]);
    const end = ended(child);
    await once(child.stdout!, "readable");
    expect(await wholeOf(child.stdout)).toHaveLength(3_000_000);
    expect(await end).toEqual({ code: 4, signal: null });
  });

  test("with an error when there is no such command", async () => {
    const child = startWrapped(home, ["no-such-command-anywhere"]);
    const err = wholeOf(child.stderr);
    child.stdout!.resume();
    expect(await ended(child)).toMatchObject({ code: 2 });
    expect(String(await err)).toContain("no-such-command-anywhere could not be started: it was not found.");
  });
});

describe("recording", () => {
  test("knows 10,000 messages", async () => {
    const child = startWrapped(home, ECHO);
    const count = 10_000;
    const said = [...Array(count).keys()].map((id) => request(id, { id })).join("");
    child.stdin!.write(said);
    let lines = 0;
    for await (const bytes of child.stdout as AsyncIterable<Buffer>) {
      for (const byte of bytes) if (byte === 0x0a) lines += 1;
      if (lines === count) break;
    }
    const events = await eventsOf(home, count);
    expect(events).toHaveLength(count);
    const ids = events.map(({ interaction }) => (interaction!.response!.result as { id: number }).id);
    expect(ids).toEqual([...Array(count).keys()]);
  }, 60_000);

  test("of a message that is longer than the bound keeps which call it was", async () => {
    const child = startWrapped(home, ECHO, { OXIMY_MAX_BODY: "64K" });
    child.stdin!.write(request(1, { text: "x".repeat(100_000) }));
    child.stdout!.resume();
    const [event] = await eventsOf(home, 1);
    expect(event).toMatchObject({ mcp: { method: "tools/call" }, metadata: { truncated: true } });
    expect(event!.metadata.request_length).toBeGreaterThan(100_000);
    expect(JSON.stringify(event).length).toBeLessThan(5_000);
  });

  test("says of a call that the server did not live to answer why", async () => {
    const child = startWrapped(
      home,
      node(`
        require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
          const { id } = JSON.parse(line);
          if (id === 2) process.kill(process.pid, "SIGKILL");
          else process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result: {} }) + "\\n");
        });
      `),
    );
    child.stdout!.resume();
    child.stdin!.write(request(1));
    await eventsOf(home, 1);
    child.stdin!.write(request(2));
    await ended(child);
    const [, unanswered] = await eventsOf(home, 2);
    expect(unanswered).toMatchObject({ source: { id: "node" }, metadata: { error: "server_closed" } });
  });

  test.each<[string, (home: string) => Record<string, string>, RegExp]>([
    [
      "cannot write its events",
      (folder) => {
        writeFileSync(join(folder, "file"), "");
        return { OXIMY_OUTPUT_DIR: join(folder, "file", "traces") };
      },
      /^oximy: MCP is not recorded: .*\n$/,
    ],
    [
      "has an option that it cannot use",
      () => ({ OXIMY_MAX_BODY: "much" }),
      /^oximy: MCP is not recorded: .*much.*\n$/,
    ],
  ])("that %s disturbs nothing, and says so once", async (_, prepare, line) => {
    const child = startWrapped(home, ECHO, prepare(home));
    let err = "";
    child.stderr!.on("data", (bytes) => {
      err += bytes;
    });
    const out = wholeOf(child.stdout);
    child.stdin!.write(request(1));
    await once(child.stderr!, "data");
    child.stdin!.end(request(2));
    expect(await ended(child)).toEqual({ code: 0, signal: null });
    expect(
      String(await out)
        .trim()
        .split("\n"),
    ).toHaveLength(2);
    expect(err).toMatch(line);
  });
});
