import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { SEARCH_EXECUTABLES, sitesAddon } from "../../src/secrets/native.js";
import type { ProvenSite } from "../../src/secrets/site.js";
import { searchPath, searchSites } from "../../src/secrets/sites.js";
import { temporaryFolder } from "../temporary-folder.js";
import { SMALL_FILES, smallFile, withFile } from "./small-files.js";

const onLinux = process.platform === "linux";
const timeoutMs = 60_000;

async function sitesIn(file: string, machine: string = process.arch): Promise<readonly ProvenSite[]> {
  const found = await withFile(file, (fd) => searchSites(fd, { timeoutMs, machine }));
  if (found.kind !== "found") throw new Error(`${file}: ${found.reason}`);
  return found.sites;
}

const kindsIn = async (file: string): Promise<string[]> => [
  ...new Set((await sitesIn(file)).map((site) => site.kind)),
];

describe.skipIf(!onLinux)("a small file of each stack", () => {
  it.each(SMALL_FILES)("$name has its sites found, by its rule, where they are", async (small) => {
    const sites = await sitesIn(smallFile(small.name), small.machine);
    expect(sites.map((site) => [site.kind, site.rule, site.offset])).toEqual(small.sites);
  });

  it.each(SMALL_FILES)("$name: a site that is moved, or has another's proof, is refused", async (small) => {
    const file = smallFile(small.name);
    const sites = await sitesIn(file, small.machine);
    const check = (site: ProvenSite) =>
      withFile(file, (fd) => sitesAddon().checkSites(fd, small.machine, [site])[0]);
    for (const site of sites) {
      expect(await check(site)).toBe(true);
      const moved = [-4, -1, 1, 2, 4, 8, 1 << 20].map((by) => ({ ...site, offset: site.offset + by }));
      const without = [
        { ...site, proof: [] },
        { ...site, proof: site.proof.slice(1) },
      ];
      const other = site.proof.map((_, i) => ({
        ...site,
        proof: site.proof.map((value, j) => (i === j ? value + 1 : value)),
      }));
      // 0 stands for "not relocated", and Go's third number is only read where there is a relocation.
      const unread = site.rule === "go_table" ? other.slice(0, 2) : other;
      for (const wrong of [...moved, ...without, ...unread]) {
        expect(await check(wrong), JSON.stringify(wrong)).toBe(false);
      }
      for (const rule of ["symbol", "calls", "go_table", "label_table", "label", "vector"] as const) {
        if (rule !== site.rule) expect(await check({ ...site, rule })).toBe(false);
      }
    }
  });

  it.each(SMALL_FILES)("$name is nothing to a process of another machine", async (small) => {
    const other = small.machine === "x64" ? "arm64" : "x64";
    const answer = await withFile(smallFile(small.name), (fd) =>
      searchSites(fd, { timeoutMs, machine: other }),
    );
    expect(answer).toEqual({ kind: "none", reason: "built for another architecture" });
  });
});

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";

describe.skipIf(!onLinux || process.arch !== "x64")("what is installed", () => {
  const installed: Array<[string, string[]]> = [
    [process.execPath, ["keylog"]],
    [`${LIBRARIES}/libssl.so.3`, ["keylog"]],
    [`${LIBRARIES}/libgnutls.so.30`, ["keylog"]],
    [`${LIBRARIES}/libfreeblpriv3.so`, ["nss_hmac_create", "nss_hmac_init"]],
    ["/usr/lib/chromium/chromium", ["keylog"]],
  ];
  it.each(installed.filter(([file]) => fs.existsSync(file)))(
    "%s has sites of its stack",
    {
      timeout: 120_000,
    },
    async (file, kinds) => {
      expect(await kindsIn(file)).toEqual(kinds);
    },
  );

  const without = [
    `${LIBRARIES}/libc.so.6`,
    `${LIBRARIES}/libcrypto.so.3`,
    `${LIBRARIES}/libnss3.so`,
    "/bin/sh",
  ];
  it.each(without.filter((file) => fs.existsSync(file)))("%s has none", async (file) => {
    const answer = await withFile(file, (fd) => searchSites(fd, { timeoutMs }));
    expect(answer.kind).toBe("none");
  });

  it("Node's is the function that its symbol names", async () => {
    const [site] = await sitesIn(process.execPath);
    expect(site?.rule).toBe("symbol");
  });
});

const hasGo = spawnSync("go", ["version"]).status === 0;

describe.skipIf(!onLinux || !hasGo)("a Go program", () => {
  const source = `package main
import "net/http"
func main() { http.Get("https://localhost") }
`;
  it.each([[[]], [["-ldflags=-s -w"]], [["-buildmode=pie", "-ldflags=-s -w"]]])(
    "built with %j has its site found",
    {
      timeout: 300_000,
    },
    async (flags) => {
      const folder = temporaryFolder();
      fs.writeFileSync(path.join(folder, "main.go"), source);
      const env = {
        ...process.env,
        CGO_ENABLED: "0",
        GO111MODULE: "off",
        GOFLAGS: "",
        GOCACHE: `${folder}/cache`,
      };
      const built = spawnSync("go", ["build", ...flags, "-o", "program", "main.go"], {
        cwd: folder,
        env,
        encoding: "utf8",
      });
      try {
        expect(built).toMatchObject({ status: 0 });
        expect(await kindsIn(path.join(folder, "program"))).toEqual(["go"]);
      } finally {
        fs.rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});

/** Folders of npm packages with agents and runtimes: a colon between them. Too large to be installed for each run. */
const PROGRAMS = (process.env.OXIMY_FULL ? (process.env.OXIMY_PROGRAMS ?? "") : "")
  .split(":")
  .filter(Boolean);
const KINDS: ReadonlyArray<readonly [RegExp, readonly string[]]> = [
  [/\/bun-linux-|\/opencode-linux-|\/claude-code-linux-/, ["keylog"]],
  [/\/node-linux-/, ["keylog"]],
  [/\/@deno\//, ["rustls_will_log"]],
  [/\/bin\/codex$/, ["keylog", "rustls_log", "rustls_will_log"]],
];

describe.skipIf(!onLinux || PROGRAMS.length === 0)("programs from npm", () => {
  const files = PROGRAMS.flatMap((folder) =>
    fs
      .readdirSync(folder, { recursive: true, encoding: "utf8" })
      .map((name) => path.join(folder, name))
      .filter((file) => fs.lstatSync(file).isFile() && fs.statSync(file).size > 20_000_000),
  );
  const known = files.flatMap((file) =>
    KINDS.filter(([name]) => name.test(file)).map(([, kinds]) => ({ file, kinds })),
  );
  it.each(known)("$file has sites of its stack", { timeout: 120_000 }, async ({ file, kinds }) => {
    const machine = /arm64|aarch64/.test(file) ? "arm64" : "x64";
    const found = new Set((await sitesIn(file, machine)).map((site) => site.kind));
    expect([...found].sort()).toEqual(expect.arrayContaining([...kinds]));
  });
});

describe.skipIf(!onLinux)("the search", () => {
  it("is killed when its time is up", async () => {
    const answer = await withFile(process.execPath, (fd) => searchSites(fd, { timeoutMs: 0 }));
    expect(answer).toEqual({ kind: "failed", reason: "the search took too long" });
  });

  it("opens a path as the user whose it is, and says which file that was", async () => {
    const user = { uid: process.getuid!() || 65534, gid: process.getgid!() || 65534 };
    const answer = await searchPath(smallFile("keylog"), user, { timeoutMs });
    const { dev, ino } = fs.statSync(smallFile("keylog"), { bigint: true });
    // The tests' own folder may be closed to others.
    if (answer.result.kind === "failed") expect(answer.result.reason).toBe("the search ended with 4");
    else expect(answer).toMatchObject({ machine: "x64", file: expect.stringMatching(`^${dev} ${ino} `) });
  });

  it("does not open what only root may read", async () => {
    const folder = temporaryFolder();
    fs.chmodSync(folder, 0o755);
    const file = path.join(folder, "secret");
    fs.copyFileSync(smallFile("keylog"), file);
    fs.chmodSync(file, 0o600);
    try {
      const answer = await searchPath(file, { uid: 65533, gid: 65533 }, { timeoutMs });
      if (process.getuid?.() === 0)
        expect(answer.result).toEqual({ kind: "failed", reason: "the search ended with 4" });
      else expect(answer.result.kind).toBe("found");
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it("does not run as root", async () => {
    const answer = await searchPath(smallFile("keylog"), { uid: 0, gid: 0 }, { timeoutMs });
    if (process.getuid?.() === 0)
      expect(answer.result).toEqual({ kind: "failed", reason: "the search ended with 3" });
  });

  it("does not wait for the other end of a named pipe", async () => {
    const folder = temporaryFolder();
    const pipe = path.join(folder, "pipe");
    try {
      fs.chmodSync(folder, 0o755);
      expect(spawnSync("mkfifo", ["-m", "644", pipe]).status).toBe(0);
      const user = { uid: process.getuid!() || 65534, gid: process.getgid!() || 65534 };
      const { result } = await searchPath(pipe, user, { timeoutMs });
      expect(result).toEqual({ kind: "none", reason: "no file with content" });
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it("is an executable beside the addon", () => {
    expect(SEARCH_EXECUTABLES.some((file) => fs.existsSync(file))).toBe(true);
  });
});
