/**
 * Checks of the native code beyond the tests, on Linux:
 *
 *   node scripts/check-native.mjs sanitize         the native tests in Node, under address and UB sanitizers
 *   node scripts/check-native.mjs valgrind         the C++ tests, without Node, under valgrind
 *   node scripts/check-native.mjs fuzz [seconds]   every parser: libFuzzer with clang, else random mutations (20 s each)
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const out = path.join(root, "build-check");

/** What needs a kernel or Node; all else in native/ is plain C++. */
const PURE = [
  ...["endpoint", "front_peek", "darwin/pcblist", "darwin/process_arguments"],
  ...["linux/connect_programs", "linux/proc_parse", "linux/sock_diag_message"],
  ...["bytes", "candidate", "check", "code", "elf_image", "freebl", "go_table", "keylog", "labels"].map(
    inSites,
  ),
  ...["landmarks", "loads", "pointers", "rustls", "search", "symbols", "x86_length"].map(inSites),
].map((name) => `native/${name}.cc`);

function inSites(name) {
  return `linux/sites/${name}`;
}

/** Tests in which a sanitizer in Node finds nothing. */
const NOT_SANITIZED = [
  "test/native/parsers.test.ts", // brings its own sanitizers
  "test/proxy/front-sanitizers.test.ts", // likewise
  "test/native/install.test.ts", // runs no native code
  "test/native/code-signature.test.ts", // likewise
  "test/native/mach-o.test.ts", // likewise
];

/** From the build's own list: sources of native/linux without the front's, but for its addresses, which others use. */
function linuxSources() {
  const text = readFileSync(path.join(root, "CMakeLists.txt"), "utf8");
  return [...new Set(text.match(/native\/linux\/\w+\.cc/g))].filter(
    (source) => !/front(?!_socket)|splice/.test(source),
  );
}

/** Answers what the command printed; when it fails, prints that and throws. */
function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options });
    let printed = "";
    const keep = (text) => {
      printed += text;
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(printed);
      console.error(`${printed}\n$ ${[command, ...args].join(" ")}`);
      reject(new Error(`${path.basename(command)} failed: ${code ?? signal}`));
    });
  });
}

const works = (command) => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
const output = (command, args) => spawnSync(command, args, { encoding: "utf8" }).stdout.trim();

const lastLine = (text) => text.trimEnd().split("\n").at(-1);

/** A copy of the project whose addon is instrumented: the tests in it load that one. */
async function sanitize() {
  const cmake = require.resolve("cmake-js/bin/cmake-js");
  await run(process.execPath, [cmake, "build", "-O", out, "--CDOXIMY_SANITIZE=ON"]);
  const copy = mkdtempSync(path.join(os.tmpdir(), "oximy-sanitize-"));
  try {
    for (const part of [
      "src",
      "lab",
      "test",
      "native",
      "package.json",
      "vitest.config.ts",
      "CMakeLists.txt",
      "binding.gyp",
    ]) {
      const isWanted = (source) => !NOT_SANITIZED.includes(path.relative(root, source));
      cpSync(path.join(root, part), path.join(copy, part), { recursive: true, filter: isWanted });
    }
    symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
    mkdirSync(path.join(copy, "build"));
    cpSync(path.join(out, "Release"), path.join(copy, "build", "Release"), { recursive: true });
    const env = {
      ...process.env,
      NO_COLOR: "1",
      LD_PRELOAD: output("c++", ["-print-file-name=libasan.so"]),
      // Node itself leaves memory to the end of the process, and its children are all kinds of programs.
      ASAN_OPTIONS: "detect_leaks=0:detect_odr_violation=0",
      UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
    };
    const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
    const tests = ["test/native", "test/proxy/front", "test/proxy/accept/front"];
    const options = ["--configLoader=runner", "--testTimeout=120000"];
    const printed = await run(process.execPath, [vitest, "run", ...options, ...tests], { cwd: copy, env });
    console.log(`sanitizers: ${lastLine(printed)}`);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function valgrind() {
  const binary = path.join(out, "native-tests");
  const tests = readdirSync(path.join(root, "test/native/cpp")).filter((name) => name.endsWith(".cc"));
  const sources = new Set([...tests.map((name) => `test/native/cpp/${name}`), ...PURE, ...linuxSources()]);
  const flags = ["-std=c++17", "-g", "-O1", "-Wall", "-DOXIMY_LIVE", "-Inative", "-pthread"];
  await run("c++", [...flags, ...sources, "-o", binary]);
  const checks = ["--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"];
  // It warns of each bpf command that it does not know; the last line is the tests' own.
  console.log(`valgrind: ${lastLine(await run("valgrind", ["-q", ...checks, binary]))}`);
}

/** Answers what was tried. */
async function fuzzWithCoverage(clang, target, seconds) {
  const binary = path.join(out, `fuzz-${target}`);
  const corpus = path.join(out, `corpus-${target}`);
  mkdirSync(corpus, { recursive: true });
  const flags = ["-std=c++17", "-g", "-O1", "-Inative", "-fsanitize=fuzzer,address,undefined"];
  const sources = [`test/native/fuzz/${target}.cc`, ...PURE];
  await run(clang, [...flags, "-fno-sanitize-recover=all", ...sources, "-o", binary]);
  const limits = [`-max_total_time=${seconds}`, "-max_len=8192", `-artifact_prefix=${out}/`];
  const printed = await run(binary, [...limits, corpus, path.join("test/native/fuzz/corpus", target)]);
  const [, executions, covered] = /#(\d+)\s+DONE\s+cov: (\d+)/.exec(printed) ?? [];
  return `${executions} executions, ${covered} edges covered`;
}

async function fuzzBlindly(target, seconds) {
  const binary = path.join(out, `fuzz-${target}`);
  const flags = [
    "-std=c++17",
    "-g",
    "-O1",
    "-Inative",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
  ];
  const sources = [`test/native/fuzz/${target}.cc`, "test/native/fuzz/blind_driver.cc", ...PURE];
  await run("c++", [...flags, ...sources, "-o", binary]);
  const seeds = path.join("test/native/fuzz/corpus", target);
  const files = readdirSync(path.join(root, seeds)).map((name) => path.join(seeds, name));
  return lastLine(await run(binary, [String(seconds), ...files]));
}

/** As many targets at once as there are cores. */
async function fuzz(seconds) {
  const clang = ["clang++", "clang++-19", "clang++-16", "clang++-14"].find(works);
  console.log(`fuzzers: ${clang ? `libFuzzer, ${seconds} s each` : "no clang, random mutations"}`);
  const targets = readdirSync(path.join(root, "test/native/fuzz"))
    .filter((name) => name.endsWith(".cc") && name !== "blind_driver.cc")
    .map((name) => path.basename(name, ".cc"));
  const runTargets = async () => {
    for (let target = targets.shift(); target; target = targets.shift()) {
      const tried = await (clang ? fuzzWithCoverage(clang, target, seconds) : fuzzBlindly(target, seconds));
      console.log(`  ${target}: ${tried}`);
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, runTargets));
}

const CHECKS = { sanitize, valgrind, fuzz: () => fuzz(Number(process.argv[3] ?? 20)) };
const check = CHECKS[process.argv[2]];
if (check === undefined) {
  console.error(`usage: node scripts/check-native.mjs ${Object.keys(CHECKS).join("|")}`);
  process.exitCode = 2;
} else {
  mkdirSync(out, { recursive: true });
  try {
    await check();
  } catch (error) {
    console.error(error.message);
    // Not only the exit code: what else is running would be waited for.
    process.exit(1);
  }
}
