import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../../lab/lab.js";
import type { ExecOptions, ExecResult } from "../../lab/lab-process.js";

const CHROMIUM = "/usr/bin/chromium";
let profiles = 0;

/** For `it.skipIf(withoutChromium())`: needs Debian's packages chromium and libnss3-tools. */
export function withoutChromium(): boolean {
  return !existsSync(CHROMIUM) || !existsSync("/usr/bin/certutil");
}

/**
 * Loads a page in a Chromium with a new profile and gives its document, as it is when all is loaded, on standard
 * output. `roots` (PEM) are trusted as a user's own, in the profile's NSS database: Chromium does not read the
 * system's store.
 */
export async function loadPage(
  lab: Lab,
  url: string,
  roots: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const home = join(lab.dir, `chromium-${++profiles}`);
  const database = join(home, ".pki/nssdb");
  await lab.machine.exec("sh", [
    "-c",
    `mkdir -p ${database} && certutil -d sql:${database} -N --empty-password`,
  ]);
  for (const [index, root] of roots.entries()) {
    const add = ["-A", "-t", "C,,", "-n", `root-${index}`];
    await lab.machine.exec("certutil", ["-d", `sql:${database}`, ...add], { input: root });
  }
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"];
  const env = { HOME: home, ...options.env };
  return lab.machine.exec(CHROMIUM, [...flags, `--user-data-dir=${home}/profile`, url], {
    timeout: 30_000,
    ...options,
    env,
  });
}
