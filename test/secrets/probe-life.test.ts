import { once } from "node:events";
import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NATIVE_BINARIES } from "../../src/native/native.js";
import type { Site } from "../../src/secrets/site.js";
import { start } from "../native/clients.js";
import {
  NODE_HAS_SITE,
  NodeClient,
  noProbes,
  PATIENT,
  PrivateFile,
  siteNamed,
  TlsRelay,
} from "./probe-rig.js";

/** A process that holds probes in a file until it is killed. */
const HOLDER = `
  const [file, offset, ...binaries] = process.argv.slice(1);
  const native = binaries.map((binary) => { try { return require(binary); } catch {} }).find(Boolean);
  const probes = new native.SecretProbes(0, "best", 10000);
  probes.attach(require("node:fs").openSync(file, "r"), "file", [{ kind: "keylog", offset: Number(offset) }])
    .then(() => console.log("attached"));
  setInterval(() => {}, 60000);`;

/** The byte of a process's code that lies at this offset of a file. */
function codeAt(pid: number, file: string, offset: number): number {
  for (const line of fs.readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const [, from, to, at] = /^(\w+)-(\w+) r-xp (\w+) \S+ \d+ +/.exec(line) ?? [];
    if (!line.endsWith(file) || from === undefined) continue;
    const into = offset - Number.parseInt(at!, 16);
    if (into < 0 || into >= Number.parseInt(to!, 16) - Number.parseInt(from, 16)) continue;
    const byte = Buffer.alloc(1);
    const memory = fs.openSync(`/proc/${pid}/mem`, "r");
    fs.readSync(memory, byte, 0, 1, Number.parseInt(from, 16) + into);
    fs.closeSync(memory);
    return byte[0]!;
  }
  throw new Error(`${pid} has not mapped ${file}`);
}

const BREAKPOINT = 0xcc;

describe.skipIf(noProbes !== null || !NODE_HAS_SITE || process.arch !== "x64")(
  "the life of probes",
  PATIENT,
  () => {
    let node: PrivateFile;
    let site: Site;
    beforeAll(() => {
      node = new PrivateFile(process.execPath);
      site = siteNamed(node.path, "ssl_log_secret");
    }, PATIENT.timeout);
    afterAll(() => node[Symbol.dispose]());

    it("ends with the process that holds them, even when it is killed; clients go on", async () => {
      await using client = await NodeClient.start(node.path);
      await using relay = await TlsRelay.listen();
      const original = codeAt(client.pid, node.path, site.offset);
      expect(original).not.toBe(BREAKPOINT);

      const arguments_ = ["-e", HOLDER, "--", node.path, `${site.offset}`, ...NATIVE_BINARIES];
      await using holder = start(process.execPath, arguments_);
      expect(await holder.line()).toBe("attached");
      expect(codeAt(client.pid, node.path, site.offset)).toBe(BREAKPOINT);

      // It dies while handshakes pass through the probes.
      const connections = client.connect(relay.port, { count: 20 });
      const died = once(holder.process, "exit");
      relay.onHello = () => holder.process.kill("SIGKILL");
      expect(await connections).toMatchObject({ errors: [], lines: { length: 100 } });
      expect(await died).toEqual([null, "SIGKILL"]);
      await expect.poll(() => codeAt(client.pid, node.path, site.offset), PATIENT).toBe(original);
      expect(await client.connect(relay.port)).toMatchObject({ errors: [], lines: { length: 5 } });
      expect(relay.errors).toEqual([]);
    });
  },
);
