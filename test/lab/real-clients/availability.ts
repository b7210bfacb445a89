import { spawnSync } from "node:child_process";
import { installNpmClients } from "./npm-clients.js";
import type { RealClient } from "./real-client.js";

/**
 * The rows that can run here: with OXIMY_REQUIRE_LAB=1 all that are not `long`, whatever is installed, so that one
 * whose client cannot be had fails; with OXIMY_FULL=1 the long ones too. Else those whose client is here or can be
 * fetched, and it is said which are not; OXIMY_CLIENTS=PATTERN takes only rows whose names match.
 */
export async function availableClients(table: readonly RealClient[]): Promise<readonly RealClient[]> {
  const wanted = table.filter(({ long }) => long !== true || process.env.OXIMY_FULL === "1");
  if (process.env.OXIMY_REQUIRE_LAB === "1") return wanted;
  const pattern = new RegExp(process.env.OXIMY_CLIENTS ?? "");
  const chosen = wanted.filter(({ name }) => pattern.test(name));
  const found = await Promise.all(
    chosen.map(async (client) => ((await isAvailable(client)) ? [client] : [])),
  );
  const available = found.flat();
  const absent = chosen.filter((client) => !available.includes(client)).map(({ name }) => name);
  if (absent.length > 0) console.warn(`left out, their clients are not here: ${absent.join("; ")}`);
  return available;
}

async function isAvailable({ source, node }: RealClient): Promise<boolean> {
  const npm = [...(source.kind === "npm" ? [source.client] : []), ...(node === undefined ? [] : [node])];
  try {
    await installNpmClients(npm);
  } catch {
    return false; // no registry here
  }
  return source.kind !== "debian" || isInstalled(source.package);
}

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync("dpkg-query", ["--status", name], { encoding: "utf8" });
  return /^Status: .* installed$/m.test(stdout);
}
