/**
 * `oximy demo`: real clients, real capture, and a built-in server in the place of the AI providers. Needs no API key
 * and no internet. As root on Linux it runs in network namespaces of its own, with the real redirect; elsewhere with
 * the environment that `oximy run` sets.
 */

import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type AiServer, startAiServer } from "#lab/ai-server.js";
import { LabAuthority } from "#lab/certificates.js";
import { createLab, type Lab } from "#lab/lab.js";
import { usePrivateCopies } from "#lab/private-copies.js";
import { startExplicitCapture } from "../engine/explicit-capture.js";
import { OximyError } from "../errors.js";
import type { OximyEvent } from "../event/event.js";
import { createLog } from "../log.js";
import { EMBEDDED_LOCATION } from "../oisp/embedded.js";
import { feedLine } from "../sinks/feed.js";
import { proxyEnvironment, trustEnvironment, writeTrustBundle } from "../trust/trust-environment.js";
import { defaultSettings } from "../user/settings.js";
import { type DemoClient, demoClients } from "./clients.js";

const PROVIDERS = ["api.openai.com", "api.anthropic.com"];
const OTHERS = ["www.example.org"];
const MAIN = fileURLToPath(new URL("../cli/main.js", import.meta.url));
/** The published package installs a command and has no tsconfig.json. */
const IN_CHECKOUT = existsSync(new URL("../../tsconfig.json", import.meta.url));

/** Runs the demo and prints what happens. Throws OximyError when this machine lacks something. */
export async function runDemo(print: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "oximy-demo-"));
  chmodSync(folder, 0o755);
  try {
    const inNamespaces = process.platform === "linux" && process.getuid?.() === 0 && hasTools();
    const events = inNamespaces
      ? await demoInNamespaces(folder, print)
      : await demoByEnvironment(folder, print);
    print("");
    print("One event in full:");
    print(JSON.stringify(events[0], null, 2));
    print("");
    print(`${events.length} events from ${new Set(events.map((event) => event.client.pid)).size} programs.`);
    print(
      `To capture this machine's own traffic: sudo ${IN_CHECKOUT ? "node dist/cli/main.js" : "oximy"} local`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const isInstalled = (tool: string) =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((place) =>
    existsSync(join(place, tool)),
  );
const hasTools = () =>
  ["ip", "curl", "openssl"].every(isInstalled) && (isInstalled("nft") || isInstalled("iptables"));

/** Clients installed on this machine, with a copy of curl under an app's name. */
function clientsIn(folder: string): readonly DemoClient[] {
  const which = spawnSync("sh", ["-c", "command -v curl"], { encoding: "utf8" }).stdout.trim();
  if (!which) {
    throw new OximyError(
      "OXIMY_E_TOOL_MISSING",
      "The demo calls curl, which is not installed.",
      "Install curl.",
    );
  }
  const cursor = join(folder, "cursor");
  copyFileSync(realpathSync(which), cursor);
  chmodSync(cursor, 0o755);
  return demoClients(cursor).filter(({ command }) => command === cursor || isInstalled(command));
}

async function demoInNamespaces(folder: string, print: (line: string) => void): Promise<OximyEvent[]> {
  print("Two network namespaces: one has the clients and `oximy local` with the real redirect, the other a");
  print("built-in server that plays OpenAI and Anthropic. This machine's own network is not touched.");
  print("No certificate is created or trusted: the clients talk to the server in their own TLS sessions.");
  const lab = await createLab();
  try {
    await lab.addServer({ names: PROVIDERS });
    await lab.addServer({ names: OTHERS });
    const home = join(folder, "oximy");
    // A probe applies to every process of this machine that maps its file.
    await usePrivateCopies(lab);
    const oximy = await startLocal(lab, home);
    for (const { title, command, args } of clientsIn(folder)) {
      print("");
      print(`- ${title}`);
      const before = countLines(oximy.stdout);
      const { stdout, stderr } = await lab.machine.exec(command, args);
      print(indent(shorten(stdout + stderr)));
      if (OTHERS.some((host) => args.at(-1)?.includes(host))) continue;
      await oximy.printed(new RegExp(`^(.*\\n){${before + 1}}`));
      const line = oximy.stdout.trim().split("\n").at(-1)!;
      print(`  captured: ${feedLine(JSON.parse(line) as OximyEvent, { colour: "none" })}`);
    }
    oximy.kill("SIGTERM");
    const { stdout } = await oximy.exited;
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as OximyEvent);
  } finally {
    await lab.close();
  }
}

async function startLocal(lab: Lab, home: string) {
  const env = {
    OXIMY_HOME: home,
    OXIMY_STATE_DIR: join(home, "state"),
    OXIMY_BUNDLE_FILE: EMBEDDED_LOCATION,
  };
  const oximy = lab.machine.spawn(process.execPath, [MAIN, "local", "--json"], { env });
  await new Promise<void>((resolve, reject) => {
    oximy.child.stderr.on("data", () => /Capturing/.test(oximy.stderr) && resolve());
    oximy.exited.then(
      ({ stderr }) =>
        reject(
          new OximyError(
            "OXIMY_E_REDIRECT",
            `oximy local did not start: ${stderr.trim()}`,
            "Run: oximy doctor",
          ),
        ),
      reject,
    );
  });
  return oximy;
}

async function demoByEnvironment(folder: string, print: (line: string) => void): Promise<OximyEvent[]> {
  print("Without root: environment variables send the clients through Oximy's proxy, as with `oximy run`. A");
  print(
    "built-in server on loopback plays OpenAI and Anthropic. (As root on Linux the demo uses the real redirect.)",
  );
  const authority = new LabAuthority();
  const { key, cert } = authority.issue([...PROVIDERS, ...OTHERS]);
  const server: AiServer = await startAiServer({ host: "127.0.0.1", port: 0, tls: { key, cert } });
  const events: OximyEvent[] = [];
  const home = join(folder, "oximy");
  const capture = await startExplicitCapture({
    settings: { ...defaultSettings(home), bundleFile: EMBEDDED_LOCATION },
    host: "127.0.0.1",
    port: 0,
    log: createLog({ json: false, level: "warn" }),
    onEvent: (event) => events.push(event as OximyEvent),
    internet: { roots: [authority.cert], route: () => ({ address: "127.0.0.1", port: server.port }) },
  });
  try {
    const pem = readFileSync(capture.certificatePath, "utf8");
    const bundle = writeTrustBundle(capture.certificatePath, pem + authority.cert);
    const env = {
      ...process.env,
      ...proxyEnvironment(capture.port),
      ...trustEnvironment(capture.certificatePath, bundle),
    };
    for (const client of clientsIn(folder)) {
      print("");
      print(`- ${client.title}`);
      const before = events.length;
      print(indent(shorten(await output(client, env))));
      await capture.flush();
      for (const event of events.slice(before)) print(`  captured: ${feedLine(event, { colour: "none" })}`);
    }
  } finally {
    await capture.stop(1_000);
    await server.close();
  }
  return events;
}

function output({ command, args }: DemoClient, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
    }
    child.once("close", () => resolve(text));
    child.once("error", (error) => resolve(error.message));
  });
}

const countLines = (text: string) => text.split("\n").length - 1;
const indent = (text: string) => (text === "" ? "  (no output)" : text.replace(/^/gm, "  "));

/** The first lines of what a client printed, cut to the width of a terminal. */
function shorten(text: string): string {
  const lines = text.trim().split("\n").filter(Boolean);
  const shown = lines.slice(0, 3).map((line) => (line.length > 100 ? `${line.slice(0, 99)}…` : line));
  return [...shown, ...(lines.length > 3 ? [`… ${lines.length - 3} more lines`] : [])].join("\n");
}
