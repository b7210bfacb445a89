/**
 * Makes a Debian package of what `npm pack` made: with a Node of its own, so that nothing of the machine's is used, and
 * with nothing to compile. Needs dpkg-deb (package dpkg) and npm.
 *
 *   node scripts/build-deb.mjs TARBALL [amd64|arm64] [FOLDER]
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { controlFile, copyrightFile, DEFAULTS, LIBRARY, maintainerScripts, unitOf } from "./deb-files.mjs";
import { elfNeeds } from "./elf.mjs";

/** The Node that Oximy runs with, by the packages of npm that bring its binary. */
const NODE_VERSION = "24";
const ARCHITECTURES = { amd64: "x64", arm64: "arm64" };
/** Of the tarball; the rest is for who compiles, or reads its documentation elsewhere. */
const PROGRAM = ["package.json", "LICENSE", "dist", "data", "schema", "scripts"];

function run(command, ...args) {
  const { status, error, stdout } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", 2],
    maxBuffer: 1 << 26,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed`);
  return stdout;
}

/** Everyone may read it, whatever the umask; what may be executed, is so for all. */
function put(file, content, mode = 0o644) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content);
  fs.chmodSync(file, mode);
}

const zipped = (content) => gzipSync(content, { level: 9 });

function filesBelow(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
}

function unpack(tarball, work) {
  run("tar", "-xzf", tarball, "-C", work);
  return path.join(work, "package");
}

/** `--force`: for another processor, npm would not install it. */
function fetchNode(arch, work) {
  const name = `node-linux-${arch}`;
  const options = ["--force", "--ignore-scripts", "--no-save", "--no-package-lock", "--loglevel=error"];
  run("npm", "install", "--prefix", work, ...options, `${name}@${NODE_VERSION}`);
  return path.join(work, "node_modules", name);
}

function putProgram(from, node, arch, root) {
  const library = path.join(root, LIBRARY);
  fs.mkdirSync(library, { recursive: true });
  const native = `prebuilds/linux-${arch}`;
  if (!fs.existsSync(path.join(from, native))) throw new Error(`the tarball has no ${native}`);
  for (const part of [...PROGRAM, native]) {
    fs.cpSync(path.join(from, part), path.join(library, part), { recursive: true });
  }
  for (const file of filesBelow(library)) if (file.endsWith(".d.ts")) fs.rmSync(file);
  fs.rmSync(path.join(library, "scripts", "install-native.mjs"));
  put(path.join(library, "bin", "node"), fs.readFileSync(path.join(node, "bin", "node")), 0o755);
  const main = `/${LIBRARY}/dist/cli/main.js`;
  put(path.join(root, "usr/bin/oximy"), `#!/bin/sh\nexec /${LIBRARY}/bin/node ${main} "$@"\n`, 0o755);
}

function putPages(root) {
  const main = path.join(root, LIBRARY, "dist", "cli", "main.js");
  const oximy = (...args) => run(process.execPath, main, ...args);
  const manuals = path.join(root, "usr/share/man/man1");
  oximy("man", manuals);
  for (const name of fs.readdirSync(manuals)) {
    const page = path.join(manuals, name);
    put(`${page}.gz`, zipped(fs.readFileSync(page)));
    fs.rmSync(page);
  }
  put(path.join(root, "usr/share/bash-completion/completions/oximy"), oximy("completion", "bash"));
  put(path.join(root, "usr/share/zsh/vendor-completions/_oximy"), oximy("completion", "zsh"));
  put(path.join(root, "usr/share/fish/vendor_completions.d/oximy.fish"), oximy("completion", "fish"));
}

async function putSystemFiles(from, node, root) {
  const { systemdUnit } = await import(path.join(root, LIBRARY, "dist/service/systemd-unit.js"));
  put(path.join(root, "usr/lib/systemd/system/oximy.service"), unitOf(systemdUnit));
  put(path.join(root, "etc/default/oximy"), DEFAULTS);
  const documents = path.join(root, "usr/share/doc/oximy");
  put(path.join(documents, "copyright"), copyrightFile());
  put(
    path.join(documents, "THIRD-PARTY-NOTICES.gz"),
    zipped(fs.readFileSync(path.join(from, "THIRD-PARTY-NOTICES.txt"))),
  );
  put(path.join(documents, "LICENSE.node.gz"), zipped(fs.readFileSync(path.join(node, "LICENSE"))));
  put(path.join(documents, "changelog.gz"), zipped(fs.readFileSync(path.join(from, "CHANGELOG.md"))));
}

function putControl(root, version, architecture) {
  const files = filesBelow(root);
  const size = files.reduce((sum, file) => sum + Math.ceil(fs.statSync(file).size / 1024), 0);
  const node = elfNeeds(fs.readFileSync(path.join(root, LIBRARY, "bin", "node")));
  const control = path.join(root, "DEBIAN");
  put(path.join(control, "control"), controlFile({ version, architecture, size, versions: node.versions }));
  put(path.join(control, "conffiles"), "/etc/default/oximy\n");
  const sums = files.map((file) => {
    const sum = createHash("md5").update(fs.readFileSync(file)).digest("hex");
    return `${sum}  ${path.relative(root, file)}\n`;
  });
  put(path.join(control, "md5sums"), sums.sort().join(""));
  for (const [name, text] of Object.entries(maintainerScripts())) put(path.join(control, name), text, 0o755);
}

/** dpkg keeps the modes; npm's tarball has what may be executed marked so. */
function setModes(root) {
  fs.chmodSync(root, 0o755);
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    fs.chmodSync(file, entry.isDirectory() || (fs.statSync(file).mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}

const [tarball, architecture = "amd64", folder = "."] = process.argv.slice(2);
if (tarball === undefined || !(architecture in ARCHITECTURES)) {
  console.error("node scripts/build-deb.mjs TARBALL [amd64|arm64] [FOLDER]");
  process.exit(2);
}
const work = fs.mkdtempSync(path.join(tmpdir(), "oximy-deb-"));
try {
  const root = path.join(work, "root");
  const from = unpack(tarball, work);
  const arch = ARCHITECTURES[architecture];
  const node = fetchNode(arch, work);
  putProgram(from, node, arch, root);
  putPages(root);
  await putSystemFiles(from, node, root);
  const { version } = JSON.parse(fs.readFileSync(path.join(from, "package.json"), "utf8"));
  setModes(root);
  putControl(root, version, architecture);
  const output = path.join(folder, `oximy_${version}_${architecture}.deb`);
  run("dpkg-deb", "--root-owner-group", "-Zxz", "-z3", "--build", root, output);
  console.log(output);
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
