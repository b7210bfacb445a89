/**
 * Captured HTTPS through `oximy local` beside its peers, interleaved in one run, in the lab (Linux, root):
 *
 *   npm run build && node --import tsx bench/peers.ts [rounds [cases [peers]]] > table.md
 *
 * OXIMY_WAY=intercept has it end TLS under its own certificate; else it reads with the client's secrets.
 * Cases and peers are regular expressions of what to run; all by default. A peer that is not installed is left out: `apt-get install nginx mitmproxy`, `npm install --no-save mockttp@4`.
 * CPU is user and system time of the peer's whole process tree; it depends least on what else the machine does.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLab, type Lab } from "../lab/lab.js";
import type { LabProcess } from "../lab/lab-process.js";
import { usePrivateCopies } from "../lab/private-copies.js";
import { OXIMY_GID } from "../src/user/settings.js";
import { writeBundle } from "../test/lab/echo-lab.js";
import { MAIN, makeHome, sudoEnvironment } from "../test/lab/oximy.js";

const here = (file: string) => fileURLToPath(new URL(`peers/${file}`, import.meta.url));
const rounds = Number(process.argv[2] ?? 3);
const chosenCases = new RegExp(process.argv[3] ?? "");
const chosenPeers = new RegExp(process.argv[4] ?? "");
const NAMES = 50;
const ROOTS = "/etc/ssl/certs/ca-certificates.crt";

/** What the client is told: through which port of loopback, and how. None means straight on. */
interface Way {
  readonly proxyPort?: number;
  readonly way?: "connect" | "sni";
}

interface Peer extends Way {
  readonly name: string;
  readonly process?: LabProcess;
  /** Group of the client: our own is not redirected. */
  readonly gid?: number;
}

interface Case {
  readonly title: string;
  readonly task: Readonly<Record<string, unknown>>;
  /** Thousands of requests, connections or GiB that the CPU time is divided by. */
  readonly units: number;
  /** The figure of the client that is shown, and how many digits of it. */
  readonly shows: readonly [key: string, unit: string, digits: number];
  /** Takes names that no peer has seen: in each round other ones. */
  readonly names?: "fresh";
}

const requests = (concurrency: number, total: number, path?: string): Case => ({
  title: `${path ? "100 KB" : "1 KB"}, ${concurrency} connection${concurrency > 1 ? "s" : ""}`,
  task: { work: "requests", concurrency, total, path },
  units: total / 1000,
  shows: ["rate", "req/s", 0],
});

const handshakes = (title: string, total: number, every?: "name"): Case => ({
  title: `handshakes, ${title}`,
  task: { work: "handshakes", concurrency: 8, total, every },
  units: total / 1000,
  shows: ["rate", "conn/s", 0],
});

/** What depends most on compiled code: these programs run for days. */
const WARM_UP = [requests(16, 10_000), handshakes("50 names", 300, "name")];
const ALL_CASES: readonly Case[] = [
  requests(1, 500),
  requests(16, 10_000),
  requests(64, 10_000),
  requests(16, 300, "/large"),
  handshakes("one name", 300),
  handshakes("50 names", 300, "name"),
  {
    title: "first use of a name",
    task: { work: "handshakes", concurrency: 1, total: NAMES, every: "name" },
    units: NAMES / 1000,
    shows: ["p50", "ms", 1],
    names: "fresh",
  },
  {
    title: "live connection while 50 names are new",
    task: { work: "live", every: "name" },
    units: NAMES / 1000,
    shows: ["max", "ms at most", 0],
    names: "fresh",
  },
  {
    title: "server-sent events 5 ms apart",
    task: { work: "events" },
    units: 0.2,
    shows: ["p50", "ms late", 2],
  },
  {
    title: "bulk",
    task: { work: "bulk", total: 64 << 20 },
    units: 0.0625,
    shows: ["rate", "MiB/s", 0],
  },
];

const CASES = ALL_CASES.filter((one) => chosenCases.test(one.title));

const lab = await createLab();
const home = makeHome();
try {
  await compare(lab);
} finally {
  await lab.close();
  rmSync(home, { recursive: true, force: true });
}

async function compare(lab: Lab): Promise<void> {
  const sets = CASES.filter((one) => one.names === "fresh").length * rounds + 1;
  const name = (set: number, index: number) => `api${index}.set${set}.example`;
  const all = Array.from({ length: sets * NAMES }, (_, at) => name(Math.floor(at / NAMES), at % NAMES));
  await lab.addServerOf({ file: new URL("peers/server.ts", import.meta.url) }, { names: all });
  // Probes count for the whole computer: the clients run from copies of their own.
  await usePrivateCopies(lab);
  const peers = (await startPeers(lab, all)).filter(({ name }) => chosenPeers.test(name));
  const setOf = (set: number) => Array.from({ length: NAMES }, (_, index) => name(set, index));

  const results = new Map<string, { figures: number[]; cpu: number[] }>();
  let fresh = 0;
  for (let round = -1; round < rounds; round++) {
    for (const one of round < 0 ? WARM_UP : CASES) {
      const names = setOf(one.names === "fresh" ? ++fresh : 0);
      for (const peer of peers) {
        const before = cpuOf(peer);
        const figures = await run(lab, peer, { ...one.task, names: one.task.every ? names : [names[0]] });
        const key = `${peer.name} ${one.title}`;
        const result = results.get(key) ?? { figures: [], cpu: [] };
        if (round >= 0) {
          result.figures.push(figures?.[one.shows[0]] ?? Number.NaN);
          result.cpu.push((cpuOf(peer) - before) / one.units);
          results.set(key, result);
        }
        console.error(round, peer.name, one.title, JSON.stringify(figures));
      }
    }
  }
  print(peers, results);
}

async function run(lab: Lab, peer: Peer, task: object): Promise<Record<string, number> | undefined> {
  const { proxyPort, way } = peer;
  const options = { ...(peer.gid === undefined ? {} : { gid: peer.gid }), timeout: 120_000 };
  const argument = JSON.stringify({ ...task, proxyPort, way });
  const { code, stdout, stderr } = await lab.machine.exec("node", [here("client.mjs"), argument], options);
  if (code === 0) return JSON.parse(stdout) as Record<string, number>;
  console.error(peer.name, stderr.slice(0, 500));
  return undefined;
}

/** User and system time, in seconds, of a peer's process and all below it. */
function cpuOf({ process }: Peer): number {
  if (!process) return Number.NaN;
  const ticks = (pid: string): number => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
    );
    return Number(fields[11]) + Number(fields[12]) + children.reduce((sum, child) => sum + ticks(child), 0);
  };
  return ticks(String(process.pid)) / 100;
}

async function startPeers(lab: Lab, names: readonly string[]): Promise<Peer[]> {
  const folder = join(lab.dir, "peers");
  mkdirSync(folder);
  const { key, cert } = lab.authority.issue(["peer.example"]);
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const [keyFile, certFile] = [file("key.pem", key), file("cert.pem", cert)];
  const env = { NODE_EXTRA_CA_CERTS: ROOTS };
  const spawn = (program: string, args: readonly string[]) =>
    lab.machine.spawn(program, args, { gid: OXIMY_GID, env, cwd: folder });

  const peers: Peer[] = [{ name: "direct", gid: OXIMY_GID }];
  const add = async (
    name: string,
    proxyPort: number,
    process: LabProcess,
    way: "connect" | "sni" = "connect",
  ) => {
    const peer = { name, proxyPort, way, process, gid: OXIMY_GID };
    if (await answers(lab, peer, names[0]!)) peers.push(peer);
    else console.error(`left out: ${name} ${process.stderr.slice(0, 300)}`);
  };
  const config = file("nginx.conf", nginx(folder, keyFile, certFile, names));
  await add("nginx", 9001, spawn("nginx", ["-c", config]), "sni");
  await add("bare Node relay", 9002, spawn("node", [here("relay.mjs"), "9002", keyFile, certFile]));

  const intercepts = process.env.OXIMY_WAY === "intercept";
  const way = intercepts ? ["--no-read", "--trust", "always"] : [];
  const local = lab.machine.spawn("node", [MAIN, "local", "--quiet", ...way], {
    env: { ...sudoEnvironment(home), OXIMY_BUNDLE_FILE: writeBundle(lab, names) },
  });
  const oximy: Peer = { name: intercepts ? "oximy, intercepting" : "oximy, reading", process: local };
  if (!(await answers(lab, oximy, names[0]!, intercepts ? /Oximy CA/ : /./))) {
    throw new Error(`oximy: ${local.stderr}`);
  }
  peers.push(oximy);

  const http = join(folder, "http-mitm-proxy.jsonl");
  await add(
    "http-mitm-proxy",
    9003,
    spawn("node", [here("http-mitm-proxy.mjs"), "9003", http, join(folder, "ca")]),
  );
  await add("mockttp", 9004, spawn("node", [here("mockttp.mjs"), "9004", join(folder, "mockttp.jsonl")]));
  const trusted = `ssl_verify_upstream_trusted_ca=${ROOTS}`;
  const flows = ["-w", join(folder, "flows")];
  await add(
    "mitmproxy",
    9005,
    spawn("mitmdump", ["-q", "-p", "9005", "--set", trusted, "--set", `confdir=${folder}`, ...flows]),
  );
  return peers;
}

/** Waits until a request through a peer is answered, by whom `issuer` says; false when it never is. */
async function answers(lab: Lab, peer: Peer, name: string, issuer = /./): Promise<boolean> {
  const via =
    peer.way === "connect"
      ? ["-x", `http://127.0.0.1:${peer.proxyPort}`]
      : peer.way === "sni"
        ? ["--connect-to", `${name}:443:127.0.0.1:${peer.proxyPort}`]
        : [];
  const args = ["-skv", "--http1.1", "-m", "5", ...via, `https://${name}/v1/models`];
  const options = peer.gid === undefined ? {} : { gid: peer.gid };
  for (let tries = 0; tries < 60 && peer.process?.child.exitCode === null; tries++) {
    const { code, stderr } = await lab.machine.exec("curl", args, options);
    const said = /issuer: (.*)/.exec(stderr)?.[1] ?? "";
    if (code === 0 && issuer.test(said)) return true;
    execFileSync("sleep", ["0.5"]);
  }
  return false;
}

function nginx(folder: string, keyFile: string, certFile: string, names: readonly string[]): string {
  const servers = readFileSync(`/etc/netns/${lab.machine.name}/hosts`, "utf8");
  const [address] = servers
    .split("\n")
    .find((line) => line.endsWith(` ${names[0]}`))!
    .split(" ");
  return `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
user root;
events { worker_connections 4096; }
http {
  access_log off;
  upstream origin { server ${address}:443; keepalive 128; }
  server {
    listen 127.0.0.1:9001 ssl; ssl_certificate ${certFile}; ssl_certificate_key ${keyFile};
    keepalive_requests 1000000; keepalive_timeout 600;
    proxy_buffering off; proxy_request_buffering off; client_max_body_size 0;
    location / {
      proxy_pass https://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_ssl_server_name on; proxy_ssl_name $host;
    }
  }
}`;
}

function print(peers: readonly Peer[], results: Map<string, { figures: number[]; cpu: number[] }>): void {
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
  const cell = (value: number, digits: number) => (Number.isNaN(value) ? "–" : value.toFixed(digits));
  console.log(`| | ${peers.map((peer) => peer.name).join(" | ")} |\n|---|${"---|".repeat(peers.length)}`);
  for (const one of CASES) {
    const of = (peer: Peer) => results.get(`${peer.name} ${one.title}`)!;
    const [, unit, digits] = one.shows;
    const figures = peers.map((peer) => cell(median(of(peer).figures), digits));
    const cpu = peers.map((peer) => cell(median(of(peer).cpu), 2));
    const per = one.task.work === "bulk" ? "GiB" : "1,000";
    console.log(`| ${one.title}: ${unit} | ${figures.join(" | ")} |`);
    console.log(`| … CPU s per ${per} | ${cpu.join(" | ")} |`);
  }
}
