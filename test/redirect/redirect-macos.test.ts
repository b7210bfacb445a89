import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { requireLab } from "../lab/require-lab.js";

const SCRIPT = fileURLToPath(new URL("../../scripts/redirect-macos.sh", import.meta.url));
const OPTIONS = ["--port", "15001", "--gid", "4242", "--ports", "443,80"];

const run = (...args: string[]) => spawnSync("sh", [SCRIPT, ...args], { encoding: "utf8" });

describe("redirect-macos.sh rules", () => {
  it("bends outgoing packets to lo0 and redirects them there, translation before filter", () => {
    expect(run("rules", ...OPTIONS).stdout).toMatchInlineSnapshot(`
      "no rdr on lo0 inet proto tcp from any to self port { 443,80 }
      no rdr on lo0 inet6 proto tcp from any to self port { 443,80 }
      rdr pass on lo0 inet proto tcp from ! 127.0.0.0/8 to any port { 443,80 } -> 127.0.0.1 port 15001
      rdr pass on lo0 inet6 proto tcp from ! ::1 to any port { 443,80 } -> ::1 port 15001
      pass out quick proto tcp from any to any port { 443,80 } group 4242 keep state
      pass out quick on ! lo0 route-to (lo0 127.0.0.1) inet proto tcp from any to any port { 443,80 } keep state
      pass out quick on ! lo0 route-to (lo0 ::1) inet6 proto tcp from any to any port { 443,80 } keep state
      block return out quick on ! lo0 proto udp from any to any port 443 group != 4242
      "
    `);
  });

  it("leaves UDP alone when QUIC is allowed", () => {
    const { stdout } = run("rules", ...OPTIONS, "--allow-quic");
    expect(stdout).toContain("proto tcp");
    expect(stdout).not.toContain("udp");
  });

  it("refuses local ports, which pf cannot redirect without a loop", () => {
    expect(run("hold", ...OPTIONS, "--local-ports", "11434").status).toBe(4);
  });
});

/** A pf that keeps its rules in files and writes down what it is asked. */
const FAKE_PFCTL = `#!/bin/sh
echo "pfctl $*" >>/run/calls
case "$*" in
"-s nat") echo 'rdr-anchor "com.apple/*" all' ;;
"-a com.apple/oximy -s nat") cat /run/rules 2>/dev/null ;;
"-a com.apple/oximy -f -") cat >/run/rules ;;
"-a com.apple/oximy -F all") rm -f /run/rules ;;
-E) printf 'No ALTQ support in kernel\\npf enabled\\nToken : 4711\\n' >&2 ;;
*) cat >/dev/null ;;
esac`;

/** Runs shell lines as root where /run is empty and pfctl is the fake; `$S` is the script. */
function onFakeMac(lines: string) {
  const prepare = `
    mount -t tmpfs none /run; mkdir /run/bin /run/tmp
    printf '%s' "$FAKE_PFCTL" >/run/bin/pfctl; chmod +x /run/bin/pfctl; PATH=/run/bin:$PATH
    wait_for() { tries=100; until "$@"; do tries=$((tries-1)); [ $tries -gt 0 ] || exit 9; sleep 0.02; done; }`;
  const env = { ...process.env, FAKE_PFCTL, S: SCRIPT, O: OPTIONS.join(" ") };
  return spawnSync("unshare", ["--mount", "sh", "-c", `${prepare}\n${lines}`], { encoding: "utf8", env });
}

describe.skipIf(requireLab())("redirect-macos.sh with a pfctl that only takes notes", () => {
  it("switches pf on by reference, loads the anchor, and gives both back at the end of its input", () => {
    const { stdout, stderr, status } = onFakeMac("$S hold $O </dev/null; cat /run/calls; ls /run");
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(stdout.split("\n")).toEqual([
      "ready",
      "pfctl -a com.apple/oximy -s nat",
      "pfctl -n -a com.apple/oximy -f -",
      "pfctl -s nat",
      "pfctl -E",
      "pfctl -a com.apple/oximy -f -",
      "pfctl -a com.apple/oximy -F all",
      "pfctl -X 4711",
      "bin",
      "calls",
      "tmp",
      "",
    ]);
  });

  it("removes the rules when it is killed", () => {
    const { stderr, status } = onFakeMac(`
      mkfifo /run/in; $S hold $O </run/in >/run/out & exec 5>/run/in
      wait_for grep -q ready /run/out; $S status >&2; kill -9 $!
      wait_for grep -q -e '-X 4711' /run/calls; $S status >&2`);
    expect({ stderr, status }).toEqual({ stderr: "installed pf\nnot installed\n", status: 1 });
  });

  it("cleans up what a killed run left, and can do so twice", () => {
    const { stdout, status } = onFakeMac(`
      echo rdr >/run/rules; echo 815 >/var/run/oximy-pf.token
      $S status; $S cleanup; $S status; $S cleanup --all; grep -e -X /run/calls`);
    expect(stdout).toBe("installed pf\nnot installed\npfctl -X 815\n");
    expect(status).toBe(0);
  });

  it("says so when pf does not evaluate the anchor", () => {
    const { stderr, status } = onFakeMac("sed -i '/rdr-anchor/d' /run/bin/pfctl; $S hold $O </dev/null");
    expect(status).toBe(4);
    expect(stderr).toMatch(/^oximy-redirect: pf would not evaluate the rules: com.apple/);
  });
});
