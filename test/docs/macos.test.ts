import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { functionsOf, programsOf, systemCallsOf } from "./calls-in-sources.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");
const page = read("docs/macos.md");

describe("docs/macos.md", () => {
  const [, table = ""] = page.split("## System calls and commands");
  /** The words of all that is named in the first column, paths without their folders. */
  const listed = new Set(
    [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/`([^`]+)`/g)].flatMap(([, call]) => call!.split(" ").map((word) => basename(word))),
    ),
  );
  const unlisted = (names: Iterable<string>) => [...names].filter((name) => !listed.has(basename(name)));

  const scripts = ["redirect-macos.sh", "redirect-command.sh", "verify-macos.sh"];
  const functions = new Set(scripts.flatMap((name) => [...functionsOf(read(`scripts/${name}`))]));
  it.each(scripts)("has the source for each program that %s starts", (name) => {
    expect(unlisted(programsOf(read(`scripts/${name}`), functions))).toEqual([]);
  });

  it("has the source for each program of macOS that src/ names", () => {
    const sources = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
      // The demo is Linux's.
      .filter((name) => name.endsWith(".ts") && !name.startsWith("demo/"))
      .map((name) => read(`src/${name}`));
    const named = sources.flatMap((text) => text.match(/"\/(?:usr\/)?(?:s?bin|libexec)\/\w+(?=")/g) ?? []);
    expect(named.length).toBeGreaterThan(8);
    expect(unlisted(named)).toEqual([]);
    expect(unlisted(["open", "keytool"])).toEqual([]);
  });

  const cmake = read("CMakeLists.txt");
  const addon = ["SOURCES", "DARWIN_SOURCES"].flatMap((list) => {
    const [, files = ""] = new RegExp(`set\\(${list}\\s([^)]*)\\)`).exec(cmake) ?? [];
    return files.trim().split(/\s+/);
  });
  it.each(addon)("has the source for each call of %s", (file) => {
    expect(unlisted(systemCallsOf(read(file)))).toEqual([]);
  });

  it("has the source for what native code takes by name", () => {
    const native = addon.map(read).join("\n");
    for (const name of [
      "net.inet.tcp.pcblist_n",
      "KERN_PROCARGS2",
      "TCP_CONNECTION_INFO",
      "responsibility_get_pid_responsible_for_pid",
      "getpeername",
      "getsockname",
    ]) {
      expect(native).toContain(name);
      expect(unlisted([name])).toEqual([]);
    }
  });

  it("quotes what is really said", () => {
    const source = [
      "scripts/redirect-macos.sh",
      "src/supervisor/pf-watch.ts",
      "src/supervisor/self-test.ts",
      "src/supervisor/supervisor.ts",
    ]
      .map(read)
      .join("\n");
    for (const piece of [
      "connections go directly until the network changes",
      "is not in the main rules of pf",
    ]) {
      expect(page.replaceAll("\\", "")).toContain(piece);
      expect(source).toContain(piece);
    }
  });

  it("says first that it has not run", () => {
    expect(page.split("\n")[2]).toContain("not yet run");
    expect(read("README.md")).toContain("not yet run");
  });
});

describe("scripts/verify-macos.sh", () => {
  const script = read("scripts/verify-macos.sh");

  test.each([
    ["an associative array", /declare -A|local -A/],
    ["a changed case", /\$\{\w+(\^|,)/],
    ["mapfile", /\b(mapfile|readarray)\b/],
    ["a shorthand for both outputs", /&>>|\|&/],
    ["a name by reference", /(declare|local) -n/],
    ["wait for any", /wait -n/],
    ["a negative index", /\[-1\]/],
    ["a time without a program", /printf '%\(/],
    ["a case without an opening parenthesis in $(…)", /\$\([^()\n]*\bcase\b/],
    ["an empty list under set -u", /"\$\{\w+\[@\]\}"/],
  ])("has nothing that bash 3.2 does not know: %s, nor have those for the redirect", (_, construct) => {
    const scripts = [script, read("scripts/redirect-macos.sh"), read("scripts/redirect-command.sh")];
    for (const each of scripts) expect(each).not.toMatch(construct);
  });

  test.runIf(spawnSync("shellcheck", ["--version"]).status === 0)("is sound to shellcheck", () => {
    const { stdout } = spawnSync("shellcheck", [`${root}scripts/verify-macos.sh`], { encoding: "utf8" });
    expect(stdout).toBe("");
  });

  test("says that it is for a Mac, and does nothing elsewhere", () => {
    const { status, stderr } = spawnSync("bash", [`${root}scripts/verify-macos.sh`], { encoding: "utf8" });
    if (process.platform !== "darwin")
      expect({ status, stderr }).toEqual({ status: 2, stderr: "This is for macOS.\n" });
  });
});

describe("what is found in sources", () => {
  it("is each program that a script starts, and not the shell's own words or functions", () => {
    const script = `# cat no
own() { tool1 --x | tool2; } # tool3
[ "$(tool4 "$(tool5 a)" | tool6)" = 'tool7 x' ] && tool8 || sudo tool9
case $x in word) echo "tool10 ; tool11" ;; *) exec tool12 ;; esac
while tool13; do own; x=1 y=2; done`;
    const found = [...programsOf(script, functionsOf(script))];
    expect(found.sort()).toEqual(
      ["1", "12", "13", "2", "4", "5", "6", "8", "9"].map((n) => `tool${n}`).sort(),
    );
  });

  it("is each call of the system, and not what C++ code has of its own", () => {
    const source = `// fork()
int Own(int fd) { std::string text(size); const auto own = text.size(); if (read_all(fd) != 0) return closefrom(3);
  Class::make(1); Outer(getpid(), "exec(1)"); callback(1); auto callback = nullptr; member_(1); }`;
    expect([...systemCallsOf(source)].sort()).toEqual(["closefrom", "getpid", "read_all"]);
  });
});
