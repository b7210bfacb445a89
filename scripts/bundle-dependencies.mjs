/**
 * Bundles the packages that dist/ imports into dist/vendor/, and makes dist/ import them from there: what is installed from
 * the tarball brings no other packages. Oximy's own modules stay as they are; several find their files by import.meta.url.
 * THIRD-PARTY-NOTICES.txt gets the licences of all that is passed on, in dist/ and in prebuilds/.
 *
 *   node scripts/bundle-dependencies.mjs
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { joined, licenceOf, packagesOf } from "./licences.mjs";
import { ZIG_FOLDER } from "./zig.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const dist = path.join(root, "dist");
const vendor = path.join(dist, "vendor");
const entries = path.join(root, "node_modules", ".cache", "oximy-vendor");
const require = createRequire(import.meta.url);

/** As tsc writes them: from the start of a line to a semicolon at its end. */
const STATIC = /^(import|export) ([^;"]*?) from "([^".][^"]*)";$/gm;
const DYNAMIC = /\bimport\("([^".][^"]*)"\)/g;

const isPackage = (specifier) => !isBuiltin(specifier) && !specifier.startsWith("#");
const fileOf = (specifier) => specifier.replace(/^@/, "").replace(/\.js$/, "").replaceAll("/", "-");

function modulesOf(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".js") && !name.startsWith("vendor") && !name.startsWith("ui/page"))
    .map((name) => path.join(folder, name));
}

/** The names that one statement takes: `forge` is "default", `{ Proxy as MitmProxy }` is "Proxy". */
function namesIn(clause) {
  const [, ahead = "", inner = ""] = /^([^{]*)(?:\{([^}]*)\})?$/s.exec(clause) ?? [];
  if (ahead.includes("*")) throw new Error(`not understood: import ${clause}`);
  const named = inner.split(",").map((part) => part.trim().split(" as ")[0].trim());
  return [...(/\w/.test(ahead) ? ["default"] : []), ...named.filter((name) => name !== "")];
}

/** What is taken of each package: names by specifier. */
async function imports(files) {
  const wanted = new Map();
  const want = (specifier, names) =>
    wanted.set(specifier, new Set([...(wanted.get(specifier) ?? []), ...names]));
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    for (const [, , clause, specifier] of text.matchAll(STATIC))
      if (isPackage(specifier)) want(specifier, namesIn(clause));
    for (const [, specifier] of text.matchAll(DYNAMIC))
      if (isPackage(specifier)) want(specifier, Object.keys(await import(specifier)));
  }
  return wanted;
}

function writeEntries(wanted) {
  rmSync(entries, { recursive: true, force: true });
  mkdirSync(entries, { recursive: true });
  return Object.fromEntries(
    [...wanted].map(([specifier, names]) => {
      // .mjs: "default" of what is CommonJS is then what Node says it is.
      const file = path.join(entries, `${fileOf(specifier)}.mjs`);
      writeFileSync(file, `export { ${[...names].sort().join(", ")} } from "${specifier}";\n`);
      return [fileOf(specifier), file];
    }),
  );
}

/** Returns the modules that went into it. */
async function bundle(input) {
  const output = await build({
    root,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    ssr: { noExternal: true, resolve: { conditions: ["node", "import", "default"] } },
    build: {
      ssr: true,
      outDir: vendor,
      emptyOutDir: true,
      target: "node20",
      minify: false,
      rollupOptions: {
        input,
        output: { format: "es", entryFileNames: "[name].js", chunkFileNames: "chunk-[name].js" },
      },
    },
  });
  return output.output.flatMap(({ moduleIds = [] }) => moduleIds);
}

function takeFromVendor(file) {
  const relative = (specifier) => {
    const to = path.relative(path.dirname(file), path.join(vendor, `${fileOf(specifier)}.js`));
    return to.startsWith(".") ? to : `./${to}`;
  };
  const text = readFileSync(file, "utf8");
  const changed = text
    .replace(STATIC, (whole, verb, clause, specifier) =>
      isPackage(specifier) ? `${verb} ${clause} from "${relative(specifier)}";` : whole,
    )
    .replace(DYNAMIC, (whole, specifier) =>
      isPackage(specifier) ? `import("${relative(specifier)}")` : whole,
    );
  if (changed !== text) writeFileSync(file, changed);
}

/** What is linked into the prebuilt binaries. */
function nativeLicences() {
  const texts = [licenceOf(path.dirname(require.resolve("node-addon-api/package.json")))];
  if (!existsSync(ZIG_FOLDER)) return texts;
  const zig = (title, file) => `${title}\n\n${readFileSync(path.join(ZIG_FOLDER, file), "utf8").trim()}\n`;
  return [
    ...texts,
    zig("libc++, linked into prebuilds (Apache-2.0 with LLVM exceptions)", "lib/libcxx/LICENSE.TXT"),
    zig("libc++abi, linked into prebuilds (Apache-2.0 with LLVM exceptions)", "lib/libcxxabi/LICENSE.TXT"),
    zig("libunwind, linked into prebuilds (Apache-2.0 with LLVM exceptions)", "lib/libunwind/LICENSE.TXT"),
    zig("compiler-rt of zig, linked into prebuilds (MIT)", "LICENSE"),
  ];
}

function writeNotices(modules) {
  const page = path.join(dist, "ui", "page", "licences.txt");
  const licences = [
    ...packagesOf(modules).map(licenceOf),
    ...(existsSync(page) ? [readFileSync(page, "utf8")] : []),
    ...nativeLicences(),
  ];
  const head =
    "Oximy passes on what others wrote. Their names, and the licences under which they gave it:\n" +
    "(The data of data/ and their licences: data/README.md.)\n\n";
  writeFileSync(path.join(root, "THIRD-PARTY-NOTICES.txt"), head + joined(licences));
  return licences.length;
}

const files = modulesOf(dist);
const wanted = await imports(files);
if (wanted.size === 0) throw new Error("dist imports no packages: build it anew (npm run build:ts)");
const modules = await bundle(writeEntries(wanted));
for (const file of files) takeFromVendor(file);
const count = writeNotices(modules);
rmSync(entries, { recursive: true });
console.error(`bundled ${wanted.size} imports of ${packagesOf(modules).length} packages; ${count} licences`);
