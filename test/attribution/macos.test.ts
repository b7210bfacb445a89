/** From the socket table of macOS to the event: what the kernel of each version writes, through the code that runs there. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBinary } from "plist";
import { beforeAll, describe, expect, it } from "vitest";
import { createAttributor } from "../../src/attribution/attributor.js";
import { createAppIndex, matchApp } from "../../src/attribution/match-app.js";
import type { Endpoint } from "../../src/connection/client.js";
import { buildConnectionEvent } from "../../src/event/build.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { validateEvent } from "../event/schema.js";
import { temporaryFolder } from "../temporary-folder.js";
import { filesWith, processInfo } from "./fake-processes.js";
import { type MacOs, type MacSocket, pcblistBytes } from "./pcblist-bytes.js";

const compiler = process.env.CXX ?? "c++";
const canCompile = process.platform === "linux" && spawnSync(compiler, ["--version"]).status === 0;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const list = (id: string, name: string) =>
  Buffer.from(buildBinary({ CFBundleIdentifier: id, CFBundleName: name, CFBundleShortVersionString: "1.0" }));
const TRANSLOCATED = "/private/var/folders/x1/T/AppTranslocation/0F2A-77/d/Granola.app";
const files = filesWith({
  "/Applications/Comet.app/Contents/Info.plist": list("ai.perplexity.comet", "Comet"),
  "/Applications/Granola.app/Contents/Info.plist": list("com.granola.app", "Granola"),
  [`${TRANSLOCATED}/Contents/Info.plist`]: list("com.granola.app", "Granola"),
  "/Applications/Cursor.app/Contents/Info.plist": list("com.todesktop.230313mzl4w4u92", "Cursor"),
  "/Applications/Safari.app/Contents/Info.plist": list("com.apple.Safari", "Safari"),
  "/Applications/Pocket.app/WrappedBundle/Info.plist": list("com.example.pocket", "Pocket"),
  "/private/var/folders/x1/T/AppTranslocation/11/d/Pocket.app/Info.plist": list(
    "com.example.pocket",
    "Pocket",
  ),
});

const COMET_HELPER =
  "/Applications/Comet.app/Contents/Frameworks/Comet Framework.framework/Versions/140/Helpers/Comet Helper.app/Contents/MacOS/Comet Helper";
const CURSOR_HELPER =
  "/Applications/Cursor.app/Contents/Frameworks/Cursor Helper (Plugin).app/Contents/MacOS/Cursor Helper (Plugin)";
const WEBKIT =
  "/System/Library/Frameworks/WebKit.framework/Versions/A/XPCServices/com.apple.WebKit.Networking.xpc/Contents/MacOS/com.apple.WebKit.Networking";

const PROCESSES = [
  processInfo({ pid: 100, uid: 501, path: "/Applications/Comet.app/Contents/MacOS/Comet" }),
  processInfo({ pid: 101, ppid: 100, uid: 501, path: COMET_HELPER, responsiblePid: 100 }),
  processInfo({ pid: 110, uid: 501, path: "/Applications/Granola.app/Contents/MacOS/Granola" }),
  processInfo({ pid: 111, uid: 501, path: `${TRANSLOCATED}/Contents/MacOS/Granola` }),
  processInfo({ pid: 120, uid: 501, path: "/Applications/Cursor.app/Contents/MacOS/Cursor" }),
  processInfo({ pid: 121, ppid: 120, uid: 501, path: CURSOR_HELPER, responsiblePid: 120 }),
  processInfo({ pid: 122, ppid: 120, uid: 501, path: "/bin/zsh", responsiblePid: 120 }),
  processInfo({
    pid: 123,
    ppid: 122,
    uid: 501,
    path: "/Users/ana/.local/share/claude/versions/2.0.14",
    responsiblePid: 120,
  }),
  processInfo({ pid: 124, ppid: 122, uid: 501, path: "/usr/bin/curl", responsiblePid: 120 }),
  processInfo({ pid: 130, uid: 501, path: "/Applications/Safari.app/Contents/MacOS/Safari" }),
  processInfo({ pid: 131, uid: 501, path: WEBKIT, responsiblePid: 130 }),
  processInfo({ pid: 140, uid: 501, path: "/Applications/Pocket.app/Wrapper/Pocket.app/Pocket" }),
  processInfo({
    pid: 141,
    uid: 501,
    path: "/private/var/folders/x1/T/AppTranslocation/11/d/Pocket.app/Pocket",
  }),
  processInfo({ pid: 150, uid: 501, path: "/usr/libexec/nsurlsessiond" }),
];

interface Row {
  readonly what: string;
  readonly pid: number;
  /** The process that a daemon acts for. */
  readonly effective?: number;
  readonly bundleId: string | undefined;
  readonly app: string | undefined;
  readonly hostApp?: string;
}

const ROWS: readonly Row[] = [
  { what: "Comet's network helper", pid: 101, bundleId: "ai.perplexity.comet", app: "comet" },
  { what: "Granola", pid: 110, bundleId: "com.granola.app", app: "granola" },
  { what: "Granola, translocated", pid: 111, bundleId: "com.granola.app", app: "granola" },
  { what: "Cursor", pid: 120, bundleId: "com.todesktop.230313mzl4w4u92", app: "cursor" },
  { what: "Cursor's helper for plugins", pid: 121, bundleId: "com.todesktop.230313mzl4w4u92", app: "cursor" },
  { what: "Safari, through WebKit's network process", pid: 131, bundleId: undefined, app: "safari" },
  {
    what: "Safari, through a daemon that acts for it",
    pid: 150,
    effective: 130,
    bundleId: "com.apple.Safari",
    app: "safari",
  },
  { what: "an app of iOS", pid: 140, bundleId: "com.example.pocket", app: undefined },
  { what: "an app of iOS, translocated", pid: 141, bundleId: "com.example.pocket", app: undefined },
  {
    what: "Claude Code in Cursor's terminal",
    pid: 123,
    bundleId: undefined,
    app: "claude-code",
    hostApp: "cursor",
  },
  { what: "curl in Cursor's terminal", pid: 124, bundleId: undefined, app: "cursor" },
];

const SERVER = { address: "203.0.113.7", port: 443 };
const SERVER6 = { address: "2001:db8:77::7", port: 443 };
const sockets: MacSocket[] = ROWS.map(({ pid, effective = 0 }, index) => ({
  local: { address: index % 2 ? "2001:db8:5::5" : "192.168.1.5", port: 50_000 + index },
  remote: index % 2 ? SERVER6 : SERVER,
  uid: 501,
  lastPid: pid,
  effectivePid: effective,
  state: 4,
}));
/** An old connection whose port is in use again, and the proxy's own end of a redirected one. */
const OTHERS: MacSocket[] = [
  { ...sockets[0]!, remote: { address: "203.0.113.99", port: 443 }, lastPid: 1, state: 10 },
  { ...sockets[0]!, local: { address: "127.0.0.1", port: 15_001 }, remote: sockets[0]!.local, lastPid: 9 },
];

interface Read {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly uid: number;
  readonly pid: number;
  readonly destination: Endpoint | null;
}

describe.skipIf(!canCompile)("on macOS", () => {
  let reader = "";
  beforeAll(() => {
    reader = join(temporaryFolder(), "pcblist");
    const sources = [
      "native/endpoint.cc",
      "native/darwin/pcblist.cc",
      "test/native/programs/pcblist_json.cc",
    ];
    const args = ["-std=c++17", "-Inative", ...sources, "-o", reader];
    const built = spawnSync(compiler, args, { cwd: ROOT, encoding: "utf8" });
    expect(built).toMatchObject({ status: 0, stderr: "" });
  }, 120_000);

  const read = (version: MacOs): Read[] => {
    const { stdout } = spawnSync(reader, {
      input: pcblistBytes(version, [...OTHERS, ...sockets]),
      encoding: "utf8",
    });
    return JSON.parse(stdout);
  };
  const { bundle } = loadEmbedded();
  const index = createAppIndex(bundle.apps, "darwin");

  describe.each([12, 13, 14, 15] as const)("%i", (version) => {
    it("each client is found by its own socket, and where it meant to go", () => {
      const found = read(version);
      expect(found).toHaveLength(sockets.length + OTHERS.length);
      for (const { local, remote, lastPid, effectivePid } of sockets) {
        const row = found.filter(
          (each) => each.local.port === local.port && each.remote.port === remote.port,
        );
        expect(row).toContainEqual({
          local,
          remote,
          uid: 501,
          pid: effectivePid || lastPid,
          destination: remote,
        });
      }
    });

    it.each(ROWS.map((row, place) => ({ ...row, place })))(
      "$what",
      async ({ place, bundleId, app, hostApp }) => {
        const table = read(version);
        const { local, remote } = sockets[place]!;
        const attributor = createAttributor(
          {
            implementation: "darwin",
            socketOwner: (tuple) => {
              const row = table.find(
                (each) => same(each.local, tuple.local) && same(each.remote, tuple.remote),
              );
              return row ? { inode: 0, uid: row.uid, cookie: 0n, cgroupId: null, pid: row.pid } : null;
            },
            processInfo: (pid) => PROCESSES.find((process) => process.pid === pid) ?? null,
            findProcess: async () => null,
            findUserBelow: () => null,
            connectRecord: () => null,
            recordedProcesses: () => [],
          },
          { files, limitMs: 60_000 },
        );
        const owner = await attributor.lookup({ local, remote });
        const matched = matchApp(owner, index);
        const event = buildConnectionEvent({
          connection: {
            id: 1,
            host: "api.openai.com",
            port: 443,
            peerPort: local.port,
            destination: remote,
            scheme: "https",
          },
          source: { type: "api", id: "openai", endpoint: null },
          owner,
          ...(matched ? { app: matched } : {}),
          startedAt: 0,
          endedAt: 1,
          bytesUp: 1,
          bytesDown: 1,
          reason: "client_unknown",
        });
        validateEvent(event);
        expect(event.client).toMatchObject({ uid: 501, port: local.port });
        expect(event.client?.bundle_id).toBe(bundleId);
        expect([event.app?.id, event.app?.host_app?.id]).toEqual([app, hostApp]);
      },
    );
  });
});

const same = (one: Endpoint, other: Endpoint): boolean =>
  one.address === other.address && one.port === other.port;
