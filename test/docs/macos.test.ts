import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");
const page = read("docs/macos.md");

describe("docs/macos.md", () => {
  it.each(["pfctl", "sysctl", "ifconfig", "route", "ps"])(
    "has the source for what redirect-macos.sh does with %s",
    (tool) => {
      expect(read("scripts/redirect-macos.sh")).toMatch(new RegExp(`\\b${tool} -?\\w`));
      expect(page).toMatch(new RegExp(`^\\| \`${tool} `, "m"));
    },
  );

  it.each(["security", "keytool", "dscl", "id -u", "/usr/libexec/java_home", "netstat", "DIOCNATLOOK"])(
    "has the source for %s",
    (call) => {
      expect(page).toContain(`\`${call}`);
    },
  );

  it("has the source of every call of the native code", () => {
    const calls = [
      "net.inet.tcp.pcblist_n",
      "KERN_PROCARGS2",
      "proc_pidpath",
      "proc_pidfdinfo",
      "proc_listpids",
      "TCP_CONNECTION_INFO",
    ];
    for (const call of [...calls, "responsibility_get_pid_responsible_for_pid"]) expect(page).toContain(call);
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
