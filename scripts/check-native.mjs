/**
 * Checks of the native code beyond the tests, on Linux:
 *
 *   node scripts/check-native.mjs sanitize         the native tests in Node, under address and UB sanitizers
 *   node scripts/check-native.mjs valgrind         the C++ tests, without Node, under valgrind
 *   node scripts/check-native.mjs fuzz [seconds]   every parser: libFuzzer with clang, else random mutations (20 s each)
 */
import { spawnSync } from "node:child_process";
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
  ...["endpoint", "front_peek", "darwin/natlook", "darwin/pcblist", "darwin/process_arguments"],
  ...["linux/connect_programs", "linux/proc_parse", "linux/sock_diag_message"],
].map((name) => `native/${name}.cc`);

/** Sources of native/linux that do not belong to the front, from the build's own list. */
function linuxSources() {
  const text = readFileSync(path.join(root, "CMakeLists.txt"), "utf8");
  return [...new Set(text.match(/native\/linux\/\w+\.cc/g))].filter((source) => !/front|splice/.test(source));
}

function run(command, args, options = {}) {
  console.log(`$ ${[command, ...args].join(" ").slice(0, 200)}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (status !== 0) throw new Error(`${command} failed${error ? `: ${error.message}` : ""}`);
}

const works = (command) => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
const output = (command, args) => spawnSync(command, args, { encoding: "utf8" }).stdout.trim();

/** A copy of the project whose addon is instrumented: the tests in it load that one. */
function sanitize() {
  run(process.execPath, [
    require.resolve("cmake-js/bin/cmake-js"),
    "build",
    "-O",
    out,
    "--CDOXIMY_SANITIZE=ON",
  ]);
  const copy = mkdtempSync(path.join(os.tmpdir(), "oximy-sanitize-"));
  try {
    for (const part of [
      "src",
      "test",
      "native",
      "package.json",
      "vitest.config.ts",
      "CMakeLists.txt",
      "binding.gyp",
    ]) {
      cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
    }
    symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
    mkdirSync(path.join(copy, "build"));
    cpSync(path.join(out, "Release"), path.join(copy, "build", "Release"), { recursive: true });
    const env = {
      ...process.env,
      LD_PRELOAD: output("c++", ["-print-file-name=libasan.so"]),
      // Node itself leaves memory to the end of the process, and its children are all kinds of programs.
      ASAN_OPTIONS: "detect_leaks=0:detect_odr_violation=0",
      UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
    };
    // The parsers' test brings its own sanitizers.
    const vitest = [path.join(root, "node_modules/vitest/vitest.mjs"), "run", "--configLoader=runner"];
    const tests = [
      "test/native",
      "test/proxy/front",
      "--exclude",
      "**/parsers.test.ts",
      "--testTimeout",
      "120000",
    ];
    run(process.execPath, [...vitest, ...tests], { cwd: copy, env });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function valgrind() {
  const binary = path.join(out, "native-tests");
  const tests = readdirSync(path.join(root, "test/native/cpp")).filter((name) => name.endsWith(".cc"));
  const sources = [
    ...new Set([...tests.map((name) => `test/native/cpp/${name}`), ...PURE, ...linuxSources()]),
  ];
  run("c++", [
    "-std=c++17",
    "-g",
    "-O1",
    "-Wall",
    "-DOXIMY_LIVE",
    "-Inative",
    ...sources,
    "-pthread",
    "-o",
    binary,
  ]);
  const checks = ["--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"];
  run("valgrind", ["-q", ...checks, binary]);
}

function fuzz(seconds) {
  const clang = ["clang++", "clang++-19", "clang++-16", "clang++-14"].find(works);
  console.log(clang ? `libFuzzer with ${clang}` : "no clang: random mutations, blind to coverage");
  for (const file of readdirSync(path.join(root, "test/native/fuzz")).filter((name) =>
    name.endsWith(".cc"),
  )) {
    const target = path.basename(file, ".cc");
    if (target === "blind_driver") continue;
    const binary = path.join(out, `fuzz-${target}`);
    const seeds = path.join("test/native/fuzz/corpus", target);
    const sources = [`test/native/fuzz/${file}`, ...PURE];
    const flags = ["-std=c++17", "-g", "-O1", "-Inative"];
    if (clang) {
      const corpus = path.join(out, `corpus-${target}`);
      mkdirSync(corpus, { recursive: true });
      run(clang, [
        ...flags,
        "-fsanitize=fuzzer,address,undefined",
        "-fno-sanitize-recover=all",
        ...sources,
        "-o",
        binary,
      ]);
      const limits = [`-max_total_time=${seconds}`, "-max_len=8192", "-print_final_stats=1", "-verbosity=0"];
      run(binary, [...limits, `-artifact_prefix=${out}/`, corpus, seeds]);
    } else {
      const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
      run("c++", [...flags, ...sanitizers, ...sources, "test/native/fuzz/blind_driver.cc", "-o", binary]);
      const files = readdirSync(path.join(root, seeds)).map((name) => path.join(seeds, name));
      run(binary, [String(seconds), ...files]);
    }
  }
}

const CHECKS = { sanitize, valgrind, fuzz: () => fuzz(Number(process.argv[3] ?? 20)) };
const check = CHECKS[process.argv[2]];
if (check === undefined) {
  console.error(`usage: node scripts/check-native.mjs ${Object.keys(CHECKS).join("|")}`);
  process.exitCode = 2;
} else {
  mkdirSync(out, { recursive: true });
  check();
}
