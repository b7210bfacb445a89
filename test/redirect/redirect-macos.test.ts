import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { requireLab } from "../lab/require-lab.js";
import {
  CHECK_OF_STOPPED_PF,
  HOLD_BEGINS,
  HOLD_ENDS,
  MAC_OPTIONS,
  MAC_SCRIPT,
  macRules,
  NEW_ONES_END,
  onFakeMac,
} from "./fake-mac.js";

/** Each starts dozens of processes, which takes a busy machine its time. */
const SLOW = { timeout: 180_000 };

/** Begins to hold; orders go to descriptor 5, answers come from 6. */
const BEGIN = `mkfifo /run/in /run/out; $S hold $O </run/in >/run/out & exec 5>/run/in 6</run/out; read -r ready <&6`;

const run = (...args: string[]) => spawnSync("sh", [MAC_SCRIPT, ...args], { encoding: "utf8" });

describe("redirect-macos.sh rules", () => {
  it("bends what sockets of this Mac send to lo0, marked, and takes there only what is marked", () => {
    expect(macRules("en0", "en0")).toMatchInlineSnapshot(`
      "table <oximy_near> { 0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3 ::1 fc00::/7 fe80::/10 ff00::/8 }
      rdr on lo0 inet proto tcp from any to any port { 443,80 } tagged oximy -> 127.0.0.1 port 15001
      rdr on lo0 inet6 proto tcp from any to any port { 443,80 } tagged oximy -> ::1 port 15001
      pass in quick on lo0 reply-to (lo0 127.0.0.1) inet proto tcp from any to 127.0.0.1 port 15001 tagged oximy flags S/SA keep state
      pass in quick on lo0 reply-to (lo0 ::1) inet6 proto tcp from any to ::1 port 15001 tagged oximy flags S/SA keep state
      pass out on en0 route-to (lo0 127.0.0.1) inet proto tcp from any to ! <oximy_near> port { 443,80 } user >= 0 group != 4242 tag oximy flags S/SA keep state
      block return out on en0 inet proto udp from any to ! <oximy_near> port 443 user >= 500 group != 4242
      pass out on en0 route-to (lo0 ::1) inet6 proto tcp from any to ! <oximy_near> port { 443,80 } user >= 0 group != 4242 tag oximy flags S/SA keep state
      block return out on en0 inet6 proto udp from any to ! <oximy_near> port 443 user >= 500 group != 4242
      "
    `);
  });

  it("follow each family's own way out, and leave alone the family that has none", () => {
    const lines = macRules("utun3", "-")
      .split("\n")
      .filter((line) => line.includes(" out "));
    expect(lines).toMatchInlineSnapshot(`
      [
        "pass out on utun3 route-to (lo0 127.0.0.1) inet proto tcp from any to ! <oximy_near> port { 443,80 } user >= 0 group != 4242 tag oximy flags S/SA keep state",
        "block return out on utun3 inet proto udp from any to ! <oximy_near> port 443 user >= 500 group != 4242",
      ]
    `);
  });

  it("mark connections to local models on lo0, where the same rdr takes them", () => {
    const lines = macRules("-", "-", [...MAC_OPTIONS, "--local-ports", "11434,1234"]).split("\n");
    expect(lines.filter((line) => line.includes("11434"))).toMatchInlineSnapshot(`
      [
        "rdr on lo0 inet proto tcp from any to any port { 443,80,11434,1234 } tagged oximy -> 127.0.0.1 port 15001",
        "rdr on lo0 inet6 proto tcp from any to any port { 443,80,11434,1234 } tagged oximy -> ::1 port 15001",
        "pass out on lo0 inet proto tcp from any to 127.0.0.0/8 port { 11434,1234 } user >= 0 group != 4242 tag oximy flags S/SA keep state",
        "pass out on lo0 inet6 proto tcp from any to ::1 port { 11434,1234 } user >= 0 group != 4242 tag oximy flags S/SA keep state",
      ]
    `);
  });

  it("leave UDP alone when QUIC is allowed", () => {
    const rules = macRules("en0", "en0", [...MAC_OPTIONS, "--allow-quic"]);
    expect(rules).toContain("proto tcp");
    expect(rules).not.toContain("udp");
  });

  it("refuse a backend of Linux", () => {
    expect(run("rules", ...MAC_OPTIONS, "--backend", "nft")).toMatchObject({ status: 2 });
  });
});

describe.skipIf(requireLab())(
  "redirect-macos.sh with stand-ins for pfctl, route, sysctl and ifconfig",
  SLOW,
  () => {
    it("notes what it will give back, and gives it back in the order that open connections need", () => {
      const { stdout, stderr, status } = onFakeMac(
        "$S hold $O </dev/null; grep -v -e ' -s ' calls; ls /run; cat tso",
      );
      expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
      expect(stdout.split("\n")).toEqual([
        "ready",
        ...HOLD_BEGINS,
        ...NEW_ONES_END,
        ...HOLD_ENDS,
        "bin",
        "mac",
        "tmp",
        "1",
        "",
      ]);
    });

    it.each([
      [
        "IPv4",
        "ALL tcp 127.0.0.1:15001 <- 198.51.100.7:443 <- 192.168.1.5:50000       ESTABLISHED:ESTABLISHED",
      ],
      [
        "IPv6",
        "ALL tcp ::1[15001] <- 2001:db8:1::7[443] <- 2001:db8:2::5[50000]       ESTABLISHED:ESTABLISHED",
      ],
    ])("keeps pf on while a connection over %s is open", (_, line) => {
      const { stdout, status } = onFakeMac(`
      echo "${line}" >states
      ${BEGIN}
      exec 5>&-; wait_for began '-s states'; ls tokens; cat rules nat; cat tso
      echo "\${line%%  *}       FIN_WAIT_2:FIN_WAIT_2" >states; wait $!; ls tokens; cat tso`);
      expect({ stdout, status }).toEqual({ stdout: "4711\n0\n1\n", status: 0 });
    });

    it("other people's connections keep nothing", () => {
      const { status } = onFakeMac(`
      echo "ALL tcp 127.0.0.1:150010 <- 1.2.3.4:443 <- 10.0.0.1:5 ESTABLISHED:ESTABLISHED" >states
      $S hold $O </dev/null; [ "$(grep -c -e '-s states' calls)" = 1 ]`);
      expect(status).toBe(0);
    });

    it("gives all back when it is killed, and status tells", () => {
      const { stderr, status } = onFakeMac(`
      ${BEGIN}; $S status >&2; kill -9 $!
      wait_for began 'tso=1'; wait_for test ! -e /var/run/oximy-pf.token; $S status >&2`);
      expect({ stderr, status }).toEqual({ stderr: "installed pf\nnot installed\n", status: 1 });
    });

    it("gives back a reference that was taken in the moment of a kill", () => {
      const { stdout, status } = onFakeMac(`
      sed -i 's/^"-X "/kill) ;;\\n"-X "/; s/>&2 ;;$/>\\&2; kill -9 $PPID ;;/' /run/bin/pfctl
      $S hold $O </dev/null; wait_for test ! -e /var/run/oximy-pf.token; ls tokens; cat tso rules`);
      expect({ stdout, status }).toEqual({ stdout: "1\n", status: 0 });
    });

    it("cleans up what a killed run left, its settings too, and can do so twice", () => {
      const { stdout, status } = onFakeMac(`
      echo rdr >nat; : >tokens/815; echo 0 >tso
      printf 'port 15001\\ntso 1\\nToken : 815\\n' >/var/run/oximy-pf.token
      $S status; $S cleanup; $S status; $S cleanup --all; ls tokens; cat tso`);
      expect(stdout).toBe("installed pf\nnot installed\n1\n");
      expect(status).toBe(0);
    });

    it("a reference without rules is left from an older run too, and given back by the next", () => {
      const { stdout } = onFakeMac(`
      : >tokens/815; echo 'Token : 815' >/var/run/oximy-pf.token; $S status; $S hold $O </dev/null; ls tokens`);
      expect(stdout).toBe("installed pf, for open connections only\nready\n");
    });

    it("leaves the setting for segments as it was where it was off already", () => {
      expect(onFakeMac("echo 0 >tso; $S hold $O </dev/null; cat tso; grep sysctl calls").stdout).toBe(
        "ready\n0\n",
      );
    });

    it.each([
      ["cannot be set", ": >tso-fixed"],
      ["is not there", "rm tso"],
    ])("gives lo0 room for large segments where the setting %s, and takes it back", (_, prepare) => {
      const { stdout } = onFakeMac(`${prepare}; $S hold $O </dev/null; grep ifconfig calls; cat mtu`);
      expect(stdout).toBe("ready\nifconfig lo0 mtu 65535\nifconfig lo0 mtu 16384\n16384\n");
    });

    it.each([
      [
        "pf does not evaluate the anchor",
        "sed -i /rdr-anchor/d main",
        /^oximy-redirect: pf would not evaluate the rules: com\.apple/,
      ],
      [
        "pf does not filter by the anchor",
        "sed -i /^anchor/d main",
        /^oximy-redirect: pf would not evaluate the rules: com\.apple/,
      ],
      [
        "pf cannot be switched on",
        "echo -E >fail-pfctl",
        /^oximy-redirect: cannot switch pf on: .*pfctl: no/,
      ],
      [
        "the rules are refused",
        "echo '-a com.apple/oximy -f -' >fail-pfctl",
        /^oximy-redirect: pf cannot hold the rules: pfctl: no/,
      ],
    ])("says so when %s, and leaves nothing", (_, prepare, complaint) => {
      const { stderr, stdout, status } = onFakeMac(
        `${prepare}; $S hold $O </dev/null; code=$?; ls tokens; cat tso; exit $code`,
      );
      expect({ stdout, status }).toEqual({ stdout: "1\n", status: 4 });
      expect(stderr).toMatch(complaint);
    });
  },
);

describe.skipIf(requireLab())("redirect-macos.sh while it holds", SLOW, () => {
  /** Each step is a line of shell, `order` among them: the answers are what it prints. */
  const orders = (steps: readonly string[], seen = "") => {
    const { stdout, stderr } = onFakeMac(`${BEGIN}
      order() { echo "$1" >&5; read -r answer <&6; echo "$answer"; }
      ${steps.join("\n")}
      exec 5>&-; wait $!; ls tokens`);
    expect(stderr).toBe(seen);
    return stdout.trimEnd().split("\n");
  };

  it("finds nothing to do when nothing has changed", () => {
    expect(orders(["order check"])).toEqual(["ok en0 en0"]);
  });

  it.each([
    ["flushes our anchor", ": >rules; : >nat"],
    ["flushes the filter rules of our anchor", ": >rules"],
    ["switches pf off", "pfctl -d"],
    ["sets the size of segments back", "echo 1 >tso"],
  ])("puts back what is ours when somebody %s", (_, harm) => {
    const [first, second] = orders([harm, "order check", "order check"]);
    expect([first, second]).toEqual(["renewed en0 en0", "ok en0 en0"]);
  });

  it("does no more to a pf that was switched off than to switch it on", () => {
    const did = "pfctl -d; : >calls";
    const seen = `${CHECK_OF_STOPPED_PF.join("\n")}\n`;
    expect(orders([did, "order check", "grep -v -e ' -s ' calls >&2"], seen)).toEqual(["renewed en0 en0"]);
  });

  it("says so when somebody replaces the main rules, which are not ours to put back, and when they are there again", () => {
    const answers = orders(["mv main x; : >main", "order check", "mv x main", "order check"]);
    expect(answers).toEqual([
      "lost com.apple/* is not in the main rules of pf (sudo pfctl -f /etc/pf.conf loads them)",
      "ok en0 en0",
    ]);
  });

  it("follows the way out into a tunnel and back", () => {
    const answers = orders(["echo utun3 >way4; : >way6", "order check", "echo en0 >way4", "order check"]);
    expect(answers).toEqual(["renewed utun3 -", "renewed en0 -"]);
  });

  it("takes the rules out and in again without letting go of pf, which open connections need", () => {
    expect(
      orders(
        [
          "order withdraw",
          "cat rules nat >/run/seen; ls tokens >>/run/seen; cat tso >>/run/seen",
          "order check",
          "order restore",
          "order check",
          "cat /run/seen >&2",
        ],
        "4711\n0\n",
      ),
    ).toEqual(["withdrawn", "withdrawn", "renewed en0 en0", "ok en0 en0"]);
  });
});

const SCRIPTS = ["redirect-macos.sh", "redirect-command.sh"];
const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;
const hasAwk = spawnSync("original-awk", ["--version"]).status === 0;

describe("the shell of macOS, bash 3.2 in POSIX mode, and its awk", SLOW, () => {
  it.each(["dash", "bash --posix"])("%s gives the same rules", (shell) => {
    const args = [...shell.split(" ").slice(1), MAC_SCRIPT, "rules", ...MAC_OPTIONS];
    const { stdout, stderr } = spawnSync(shell.split(" ")[0]!, args, { encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: run("rules", ...MAC_OPTIONS).stdout, stderr: "" });
  });

  it.skipIf(!hasShellcheck)("find nothing that POSIX does not have", () => {
    const folder = MAC_SCRIPT.replace(/[^/]+$/, "");
    const files = SCRIPTS.map((name) => folder + name);
    const { stdout, status } = spawnSync("shellcheck", ["-x", "-P", folder, "-s", "sh", ...files], {
      encoding: "utf8",
    });
    expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
  });

  it.skipIf(!hasAwk)("find the holder by BWK awk, also in a folder with a space", () => {
    const { stdout } = onFakeMac(`
      mkdir "/run/my tools"; cp "$(dirname "\${S#* }")"/redirect-*.sh "/run/my tools"; ln -s /usr/bin/original-awk /run/bin/awk
      mkfifo /run/in /run/out; sh "/run/my tools/redirect-macos.sh" hold $O </run/in >/run/out &
      exec 5>/run/in 6</run/out; read -r ready <&6; $S cleanup; kill -0 $! 2>/dev/null && echo alive; $S status`);
    expect(stdout).toBe("not installed\n");
  });
});
