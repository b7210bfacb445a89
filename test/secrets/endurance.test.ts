import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { searchSites } from "../../src/secrets/sites.js";
import { temporaryFolder } from "../temporary-folder.js";
import { installFromNpm } from "../trust/lab-programs.js";
import { noProbes, PrivateFile, Probed, TlsRelay } from "./probe-rig.js";

/** Handshakes of each program; with OXIMY_FULL=1 more than 100,000 in all. */
const HANDSHAKES = process.env.OXIMY_FULL === "1" ? 20_000 : 300;
const LONG = { timeout: 40 * 60_000 };
const CHROMIUM = "/usr/lib/chromium/chromium";

interface Program {
  readonly name: string;
  /** The file that is probed, as far as it is there. */
  readonly original: string | undefined;
  start(file: PrivateFile, port: number): ChildProcess;
  /** It does not end of itself. */
  readonly endless?: true;
  /** What it prints at its end; the number of handshakes when absent. */
  readonly output?: string;
  /** The process that speaks TLS, where that is not the one that was started. */
  speaker?(file: PrivateFile): number | undefined;
}

const run = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });

const NODE = `
  const [port, total] = process.argv.slice(1).map(Number);
  let started = 0, ended = 0;
  const next = () => {
    if (started++ >= total) return;
    const socket = require("node:tls").connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.on("close", () => { if (++ended === total) console.log(ended); next(); }).resume();
    socket.write("GET / HTTP/1.1\\r\\n\\r\\n");
  };
  for (let i = 0; i < 8; i++) next();`;

/** For what has `fetch`: eight at a time, each on a connection of its own, which the server closes. */
const fetches = (port: number, options: string) => `
  let started = 0;
  const loop = async () => {
    while (started++ < ${HANDSHAKES}) await (await fetch("https://127.0.0.1:${port}/", ${options})).text();
  };
  Promise.all(Array.from({ length: 8 }, loop)).then(() => console.log(${HANDSHAKES}))`;

const loadedBy = (executable: string, library: string): string | undefined =>
  new RegExp(`${library} => (\\S+)`).exec(
    spawnSync("sh", ["-c", `ldd $(command -v ${executable})`], { encoding: "utf8" }).stdout,
  )?.[1];

const go = ["go", "/usr/lib/go/bin/go"].find((each) => spawnSync(each, ["version"]).status === 0);
function goProgram(): string | undefined {
  if (go === undefined) return undefined;
  const folder = temporaryFolder();
  const built = path.join(folder, "endless-client");
  const env = { ...process.env, GOCACHE: path.join(folder, "cache"), GOPROXY: "off" };
  execFileSync(go, ["build", "-o", built, path.join(import.meta.dirname, "endless-client.go")], { env });
  return built;
}

const PROGRAMS: readonly Program[] = [
  {
    name: "Node",
    original: process.execPath,
    start: (file, port) => run(file.path, ["-e", NODE, String(port), String(HANDSHAKES)]),
  },
  {
    name: "curl (OpenSSL)",
    original: loadedBy("curl", "libssl\\.so\\.3"),
    output: ".".repeat(HANDSHAKES),
    start: (file, port) => {
      const urls = `https://127.0.0.1:${port}/[1-${HANDSHAKES}]`;
      const args = ["-sk", "--no-sessionid", "-w", ".", "-o", "/dev/null", urls];
      return run("curl", args, { LD_LIBRARY_PATH: file.folder });
    },
  },
  {
    name: "Go",
    original: goProgram(),
    start: (file, port) => run(file.path, [String(port), String(HANDSHAKES)]),
  },
  {
    name: "Deno (rustls)",
    original: installFromNpm(temporaryFolder())("deno"),
    start: (file, port) =>
      run(file.path, ["eval", "--unsafely-ignore-certificate-errors", fetches(port, "{}")], {
        DENO_DIR: file.folder,
      }),
  },
  {
    name: "Chromium",
    original: fs.existsSync(CHROMIUM) ? CHROMIUM : undefined,
    endless: true,
    speaker: (file) =>
      fs
        .readdirSync("/proc")
        .map(Number)
        .find((pid) => {
          try {
            const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
            return command.startsWith(file.path) && command.includes("NetworkService");
          } catch {
            return false; // no process, or one that has just ended
          }
        }),
    start: (file, port) => {
      // What lies beside the executable is found beside its copy.
      for (const name of fs.readdirSync(path.dirname(CHROMIUM))) {
        if (name !== "chromium")
          fs.symlinkSync(path.join(path.dirname(CHROMIUM), name), path.join(file.folder, name));
      }
      const page = path.join(file.folder, "page.html");
      fs.writeFileSync(page, `<script>${fetches(port, '{ mode: "no-cors", cache: "no-store" }')}</script>`);
      const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
      const profile = [`--user-data-dir=${file.folder}/profile`, "--ignore-certificate-errors"];
      return spawn(file.path, [...flags, ...profile, "--no-first-run", `file://${page}`], {
        env: { ...process.env, HOME: file.folder },
        stdio: ["ignore", "pipe", "ignore"],
      });
    },
  },
];

/** RSA signatures would take most of the time. */
function quickCertificate(): { key: string; cert: string } {
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const pem = execFileSync("openssl", [...args, "-subj", "/CN=localhost", "-keyout", "-", "-out", "-"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return { key: pem, cert: pem.slice(pem.indexOf("-----BEGIN CERTIFICATE")) };
}

describe.skipIf(noProbes !== null || process.arch !== "x64")("probes that come and go", () => {
  it.for(PROGRAMS.map((program) => [program.name, program] as const))(
    `crash no program in ${HANDSHAKES} handshakes: %s`,
    LONG,
    async ([name, program], test) => {
      if (program.original === undefined) return test.skip(`${name} is not installed`);
      using file = new PrivateFile(program.original);
      const found = await searchSites(file.fd, { timeoutMs: 60_000 });
      if (found.kind !== "found") throw new Error(`${name}: no sites were found`);
      await using probed = new Probed();
      await using relay = await TlsRelay.listen(quickCertificate());
      const child = program.start(file, relay.port);
      let handshakes = 0;
      let pid = program.speaker === undefined ? child.pid : undefined;
      relay.onHello = (random) => {
        handshakes++;
        pid ??= program.speaker?.(file) ?? child.pid;
        // As many are wanted as are under way at a time.
        probed.probes.unwant(handshakes - 16);
        probed.probes.want(handshakes, pid!, random);
      };
      let ended = false;
      const exited = once(child, "close").finally(() => {
        ended = true;
      });
      const printed = text(child.stdout!);
      let rounds = 0;
      while (!ended && (!program.endless || handshakes < HANDSHAKES)) {
        const probes = await probed.probes.attach(file.fd, `${name} ${rounds}`, found.sites);
        await pause(20);
        probed.probes.detach(probes);
        rounds++;
      }
      if (program.endless) {
        expect(ended).toBe(false);
        child.kill();
        await exited;
      } else {
        expect(await exited).toEqual([0, null]);
        expect((await printed).trim()).toBe(program.output ?? String(HANDSHAKES));
      }
      console.log(
        `${name}: ${handshakes} handshakes, probes placed and removed ${rounds} times, ${probed.frames.length} secrets`,
      );
      expect(handshakes).toBeGreaterThanOrEqual(HANDSHAKES);
      expect(relay.errors).toEqual([]);
    },
  );
});
