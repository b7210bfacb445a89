/** The report of scripts/verify-macos.sh, made on a Mac of stand-ins: what is well is said to be, and what is not, too. */

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { requireLab } from "../lab/require-lab.js";
import { temporaryFolder } from "../temporary-folder.js";
import { MAC_SCRIPT, onFakeMac } from "./fake-mac.js";

const SCRIPT = fileURLToPath(new URL("../../scripts/verify-macos.sh", import.meta.url));
const SLOW = { timeout: 300_000 };

/** What a Mac does otherwise than it should; each is a file that a stand-in looks for. */
type Fault = "stream-hangs" | "forgets-tso" | "looks-not";

/** `oximy local`: holds the redirect by the real script, looks at pf, and ends as it is told to. */
const LOCAL = `
const { spawn } = require("node:child_process");
const { existsSync, mkdirSync, writeFileSync } = require("node:fs");
const traces = process.argv[process.argv.indexOf("--output-dir") + 1];
mkdirSync(traces, { recursive: true });
writeFileSync("/run/mac/traces", traces);
const options = ["hold", "--port", "15001", "--gid", "4242", "--ports", "443,80"];
const holder = spawn("sh", [${JSON.stringify(MAC_SCRIPT)}, ...options], { stdio: ["pipe", "pipe", "inherit"] });
holder.stdout.once("data", () => console.log("Capturing AI traffic of this machine."));
holder.stdout.resume();
if (!existsSync("/run/mac/looks-not")) setInterval(() => holder.stdin.write("check\\n"), 300);
process.on("SIGINT", () => {
  holder.stdin.end();
  holder.on("exit", () => {
    if (existsSync("/run/mac/forgets-tso")) writeFileSync("/run/mac/tso", "0\\n");
    process.exit();
  });
});
`;

const STAND_INS: Readonly<Record<string, string>> = {
  uname: '[ "$*" = -rm ] && echo "24.4.0 arm64" || echo Darwin',
  sw_vers: "echo 15.4",
  npm: "exit 0",
  sudo: '[ "$1" = -v ] || exec "$@"',
  pfctl: 'case "$*" in "-f /etc/pf.conf") exit 0 ;; *) exec /run/bin/pfctl "$@" ;; esac',
  sysctl:
    '[ "$*" != net.inet.tcp.tso ] || { echo "net.inet.tcp.tso: $(cat /run/mac/tso)"; exit; }; exec /run/bin/sysctl "$@"',
  // Shorter, where what is waited for will never come.
  sleep: 'if [ -e /run/mac/hurry ]; then exec /bin/sleep 0.02; else exec /bin/sleep "$@"; fi',
  curl: `
capture() { ! grep -q route-to /run/mac/rules || echo "{\\"client\\":{\\"name\\":\\"curl\\",\\"uid\\":$1}}" >>"$(cat /run/mac/traces)/traces.jsonl"; }
case "$*" in
*sse.dev*) while [ ! -e /run/mac/stream-hangs ] || grep -q rdr /run/mac/nat; do echo "data: x"; /bin/sleep 0.2; done; exec /bin/sleep 60 ;;
*api.openai.com*) capture 501 ;;
esac`,
  node: `
case "$*" in
--version) echo v20.20.2 ;;
*api.openai.com*) ! grep -q route-to /run/mac/rules || echo '{"client":{"name":"node","uid":0}}' >>"$(cat /run/mac/traces)/traces.jsonl" ;;
*"main.js cleanup") exec sh ${MAC_SCRIPT} cleanup ;;
*"main.js local "*) exec ${process.execPath} $STAND_INS/local.cjs "$@" ;;
esac`,
};

function report(...faults: Fault[]) {
  const folder = join(temporaryFolder(), "mac");
  mkdirSync(folder);
  for (const [name, lines] of Object.entries(STAND_INS)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${lines}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  writeFileSync(join(folder, "local.cjs"), LOCAL);
  const hurry = faults.length > 0 ? ["hurry", ...faults] : [];
  const { stdout, stderr, status } = onFakeMac(`
    mkdir /run/stand-ins; cp ${folder}/* /run/stand-ins; mount -t tmpfs none /tmp
    export STAND_INS=/run/stand-ins PATH=/run/stand-ins:$PATH
    for fault in ${hurry.join(" ")}; do : >$fault; done
    bash --posix ${SCRIPT} --unattended; code=$?; exec 1>&2; ls /run/mac/tokens; exit $code`);
  const rows = stdout.split("\n").filter((line) => /^\| (ok|FAIL|skip) /.test(line));
  const of = (result: string) =>
    rows.filter((line) => line.startsWith(`| ${result} `)).map((line) => line.split(" | ")[1]);
  return { ok: of("ok"), failed: of("FAIL"), skipped: of("skip"), stdout, stderr, status };
}

describe.skipIf(requireLab())("the report of a first run on a Mac", SLOW, () => {
  it("says of each check that it went well, and that nothing stayed", () => {
    const { ok, failed, skipped, stdout, status } = report();
    expect({ failed, skipped, status }).toEqual({
      failed: [],
      skipped: ["browsers, Electron, sleep, VPN"],
      status: 0,
    });
    expect(ok).toEqual(
      expect.arrayContaining([
        "the addon loads",
        "the text of the rules is taken by pfctl",
        "10 MB up",
        "a host of the bundle leaves an event that names curl",
        "rules that were flushed come back",
        "pf that was switched off is on again",
        "a stream that is open at Ctrl-C goes on or ends, and does not hang",
        "the machine is as it was",
        "rules go after kill -9",
        "the machine is as it was, after kill -9",
      ]),
    );
    expect(stdout).toMatch(/^## Oximy on macOS 15\.4 \(24\.4\.0 arm64\), node v20/);
    expect(stdout.trimEnd()).toMatch(/\n0 failures\.$/);
  });

  it("says so of a stream that hangs, of what is left changed, and of rules that nobody looks after", () => {
    const { failed, status } = report("stream-hangs", "forgets-tso", "looks-not");
    expect(failed).toEqual(
      expect.arrayContaining([
        "rules that were flushed come back",
        "pf that was switched off is on again",
        "a stream that is open at Ctrl-C goes on or ends, and does not hang",
        "the setting for segments is back",
        "the machine is as it was",
      ]),
    );
    expect(status).toBe(1);
  });
});
