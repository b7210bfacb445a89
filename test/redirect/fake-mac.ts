/**
 * Stand-ins for the commands of macOS that the redirect uses, for a folder in front of PATH. They keep what they are
 * told in files below /run/mac, write down each call in /run/mac/calls, and answer as the real ones do where that
 * matters: pfctl counts references and is off after the last one, warns on standard error even when all is well,
 * and replaces an anchor as a whole.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const MAC_SCRIPT = fileURLToPath(new URL("../../scripts/redirect-macos.sh", import.meta.url));

const PFCTL = `#!/bin/sh
cd /run/mac || exit 1
echo "pfctl $*" >>calls
[ ! -e fail-pfctl ] || ! grep -qxF -e "$*" fail-pfctl || { echo "pfctl: no" >&2; exit 1; }
case "$*" in
-E)
	token=$(($(cat last-token) + 1)); echo $token >last-token; : >"tokens/$token"
	printf 'No ALTQ support in kernel\\nALTQ related functions disabled\\npf enabled\\nToken : %s\\n' $token >&2 ;;
"-X "*)
	[ -e "tokens/$2" ] || { echo "pfctl: pf not enabled" >&2; exit 1; }
	rm "tokens/$2" ;;
-d) rm -f tokens/* ;;
"-s info") if [ -n "$(ls tokens)" ]; then echo "Status: Enabled for 0 days 00:00:01"; else echo "Status: Disabled"; fi ;;
"-s nat") grep rdr-anchor main ;;
"-s rules") grep '^anchor' main ;;
"-s states") cat states ;;
"-n -a com.apple/oximy -f -") cat >/dev/null ;;
"-a com.apple/oximy -f -") cat >new; grep '^rdr' new >nat; grep -E '^(pass|block)' new >rules; cp new loaded ;;
"-a com.apple/oximy -s nat") cat nat ;;
"-a com.apple/oximy -s rules") cat rules ;;
"-a com.apple/oximy -F nat") : >nat ;;
"-a com.apple/oximy -F rules") : >rules ;;
"-a com.apple/oximy -F Tables") ;;
*) echo "pfctl: unknown: $*" >&2; exit 1 ;;
esac
exit 0`;

/** The way out of each family stands in a file of its name; without one there is none. */
const ROUTE = `#!/bin/sh
cd /run/mac || exit 1
case "$*" in
"-n get 192.0.2.1") way=way4 ;;
"-n get -inet6 2001:db8::1") way=way6 ;;
*) echo "route: unknown: $*" >&2; exit 1 ;;
esac
[ -s $way ] || { echo "route: writing to routing socket: not in table" >&2; exit 1; }
printf '   route to: default\\ndestination: default\\n    gateway: 192.168.1.1\\n  interface: %s\\n      flags: <UP,GATEWAY,DONE,STATIC>\\n' "$(cat $way)"`;

const SYSCTL = `#!/bin/sh
cd /run/mac || exit 1
case "$*" in
"-n net.inet.tcp.tso") [ -e tso ] || { echo "sysctl: unknown oid 'net.inet.tcp.tso'" >&2; exit 1; }; cat tso ;;
"-w net.inet.tcp.tso="*) echo "sysctl $*" >>calls; [ ! -e tso-fixed ] || exit 1; echo "\${2#*=}" >tso ;;
esac`;

const IFCONFIG = `#!/bin/sh
cd /run/mac || exit 1
case "$*" in
lo0) printf 'lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu %s\\n\\tinet 127.0.0.1 netmask 0xff000000\\n' "$(cat mtu)" ;;
"lo0 mtu "*) echo "ifconfig $*" >>calls; echo "$3" >mtu ;;
esac`;

const PREPARE = `
mount -t tmpfs none /run; mkdir -p /run/mac/tokens /run/bin /run/tmp; cd /run/mac
echo 4710 >last-token; echo 1 >tso; echo 16384 >mtu; echo en0 >way4; echo en0 >way6; : >nat; : >rules; : >states; : >calls
printf 'rdr-anchor "com.apple/*" all\\nanchor "com.apple/*" all\\n' >main
printf '%s' "$PFCTL" >/run/bin/pfctl; printf '%s' "$ROUTE" >/run/bin/route
printf '%s' "$SYSCTL" >/run/bin/sysctl; printf '%s' "$IFCONFIG" >/run/bin/ifconfig
chmod +x /run/bin/*; PATH=/run/bin:$PATH
wait_for() { tries=1500; until "$@"; do tries=$((tries-1)); [ $tries -gt 0 ] || exit 9; sleep 0.02; done; }
began() { grep -q -e "$1" calls; }`;

export const MAC_OPTIONS = ["--port", "15001", "--gid", "4242", "--ports", "443,80"];

/**
 * Runs shell lines as root where /run is empty and the commands of macOS are the stand-ins. `$S` is the script under
 * the given shell, `$O` its options.
 */
export function onFakeMac(lines: string, shell = "sh") {
  const env = {
    ...process.env,
    PFCTL,
    ROUTE,
    SYSCTL,
    IFCONFIG,
    S: `${shell} ${MAC_SCRIPT}`,
    O: MAC_OPTIONS.join(" "),
  };
  return spawnSync(
    "unshare",
    ["--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", `${PREPARE}\n${lines}`],
    {
      encoding: "utf8",
      env,
    },
  );
}

/** The rules that the script would install where IPv4 and IPv6 leave by these interfaces. */
export function macRules(
  interface4: string,
  interface6: string,
  options: readonly string[] = MAC_OPTIONS,
): string {
  const found = (name: string) => (name === "-" ? "return 1" : `echo '  interface: ${name}'`);
  const route = `route() { case "$*" in *-inet6*) ${found(interface6)} ;; *) ${found(interface4)} ;; esac; }`;
  const sourced = `${route}; set -- rules ${options.join(" ")}; . ${MAC_SCRIPT}`;
  // $0 tells the script where its other half is.
  const { stdout, stderr, status } = spawnSync("sh", ["-c", sourced, MAC_SCRIPT], { encoding: "utf8" });
  if (status !== 0) throw new Error(`rules: ${stderr}`);
  return stdout;
}

/** What the script does when it begins to hold and when it ends: pf-scenarios.test.ts plays it to the pf that answers. */
export const HOLD_BEGINS = [
  "pfctl -n -a com.apple/oximy -f -",
  "sysctl -w net.inet.tcp.tso=0",
  "pfctl -E",
  "pfctl -a com.apple/oximy -f -",
] as const;
export const NEW_ONES_END = [
  "pfctl -a com.apple/oximy -F rules",
  "pfctl -a com.apple/oximy -F nat",
  "pfctl -a com.apple/oximy -F Tables",
] as const;
/** When no connection is open any more. */
export const HOLD_ENDS = ["pfctl -X 4711", "sysctl -w net.inet.tcp.tso=1"] as const;
/** What a check does where pf was switched off. */
export const CHECK_OF_STOPPED_PF = ["pfctl -E"] as const;
