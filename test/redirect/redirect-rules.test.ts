import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const LINUX = fileURLToPath(new URL("../../scripts/redirect-linux.sh", import.meta.url));

const run = (script: string, ...args: string[]) => spawnSync("sh", [script, ...args], { encoding: "utf8" });
/** Without the lines that name devices, which are those of the machine that runs this. */
const ofAnyMachine = (rules: string) => rules.replace(/.*(oifkind|oifname| -o (?!lo)).*\n/g, "");
const options = ["--port", "15001", "--gid", "4242", "--ports", "443,80"];

describe("the rules of redirect-linux.sh", () => {
  it("are one inet table for nft", () => {
    const { stdout } = run(LINUX, "rules", ...options, "--local-ports", "11434,1234");
    expect(ofAnyMachine(stdout)).toMatchInlineSnapshot(`
      "add table inet oximy { flags owner; }
      add chain inet oximy output { type nat hook output priority -100; policy accept; }
      add chain inet oximy try { type route hook output priority -104; policy accept; }
      add rule inet oximy try tcp flags & (fin|syn|rst|ack) != syn return
      add rule inet oximy try ct state != new return
      add rule inet oximy try meta skgid 4242 return
      add rule inet oximy try meta mark != 0 return
      add rule inet oximy try fib daddr type { local, broadcast, multicast } return
      add rule inet oximy try tcp dport { 443,80 } ip daddr set 127.0.0.1
      add rule inet oximy try tcp dport { 443,80 } ip6 daddr set ::1
      add chain inet oximy bound { type route hook output priority -103; policy accept; }
      add rule inet oximy bound tcp dport { 443,80 } tcp flags & (fin|syn|rst|ack) == syn ip daddr 127.0.0.1 ct original ip daddr != 127.0.0.0/8 rt mtu != { 536, 65495, 65496 } ip daddr set ct original ip daddr
      add rule inet oximy bound tcp dport { 443,80 } tcp flags & (fin|syn|rst|ack) == syn ip6 daddr ::1 ct original ip6 daddr != ::1 rt mtu != { 536, 65475, 65476 } ip6 daddr set ct original ip6 daddr
      add rule inet oximy output tcp dport { 443,80 } tcp flags & (fin|syn|rst|ack) == syn ip daddr 127.0.0.1 ct original ip daddr != 127.0.0.0/8 redirect to :15001
      add rule inet oximy output tcp dport { 443,80 } tcp flags & (fin|syn|rst|ack) == syn ip6 daddr ::1 ct original ip6 daddr != ::1 redirect to :15001
      add rule inet oximy output meta skgid 4242 return
      add rule inet oximy output meta mark != 0 return
      add rule inet oximy output ip daddr 127.0.0.0/8 tcp dport { 11434,1234 } tcp flags & (fin|syn|rst|ack) == syn redirect to :15001
      add rule inet oximy output ip6 daddr ::1 tcp dport { 11434,1234 } tcp flags & (fin|syn|rst|ack) == syn redirect to :15001
      add chain inet oximy quic { type filter hook output priority 0; policy accept; }
      add rule inet oximy quic meta skgid 4242 return
      add rule inet oximy quic meta mark != 0 return
      add rule inet oximy quic fib daddr type { local, broadcast, multicast } return
      add rule inet oximy quic udp dport 443 reject
      "
    `);
  });

  it("are the same for iptables and ip6tables, but for the addresses", () => {
    const rules = (backend: string) =>
      run(LINUX, "rules", ...options, "--local-ports", "11434", "--backend", backend);
    const v4 = rules("iptables").stdout;
    expect(ofAnyMachine(v4)).toMatchInlineSnapshot(`
      "*nat
      :OXIMY_OUT - [0:0]
      -A OXIMY_OUT -m owner --gid-owner 4242 -j RETURN
      -A OXIMY_OUT -m mark ! --mark 0 -j RETURN
      -A OXIMY_OUT -d 127.0.0.0/8 -p tcp --dport 11434 --syn -j REDIRECT --to-ports 15001
      -A OXIMY_OUT -m addrtype --dst-type LOCAL,BROADCAST,MULTICAST -j RETURN
      -A OXIMY_OUT -p tcp --dport 443 --syn -m hashlimit --hashlimit-above 1/minute --hashlimit-burst 1 --hashlimit-name oximy --hashlimit-mode srcip,srcport,dstip,dstport --hashlimit-htable-max 1000000 --hashlimit-htable-expire 4000 -j RETURN
      -A OXIMY_OUT -p tcp --dport 443 --syn -j REDIRECT --to-ports 15001
      -A OXIMY_OUT -p tcp --dport 80 --syn -m hashlimit --hashlimit-above 1/minute --hashlimit-burst 1 --hashlimit-name oximy --hashlimit-mode srcip,srcport,dstip,dstport --hashlimit-htable-max 1000000 --hashlimit-htable-expire 4000 -j RETURN
      -A OXIMY_OUT -p tcp --dport 80 --syn -j REDIRECT --to-ports 15001
      -I OUTPUT 1 -p tcp -j OXIMY_OUT
      COMMIT
      *mangle
      :OXIMY_BOUND - [0:0]
      -A OXIMY_BOUND -d 127.0.0.0/8 -p tcp --dport 15001 --syn -j DROP
      -I POSTROUTING 1 ! -o lo -p tcp -j OXIMY_BOUND
      COMMIT
      *filter
      :OXIMY_QUIC - [0:0]
      -A OXIMY_QUIC -m owner --gid-owner 4242 -j RETURN
      -A OXIMY_QUIC -m mark ! --mark 0 -j RETURN
      -A OXIMY_QUIC -m addrtype --dst-type LOCAL,BROADCAST,MULTICAST -j RETURN
      -A OXIMY_QUIC -j REJECT
      -I OUTPUT 1 -p udp --dport 443 -j OXIMY_QUIC
      COMMIT
      "
    `);
    const v6 = v4.replaceAll("127.0.0.0/8", "::1/128").replaceAll("LOCAL,BROADCAST,", "LOCAL,");
    expect(rules("ip6tables").stdout).toBe(v6);
  });

  it.each(["nft", "iptables", "ip6tables"])(
    "of %s take nothing but the first packet of a connection",
    (backend) => {
      const { stdout } = run(LINUX, "rules", ...options, "--local-ports", "11434", "--backend", backend);
      const redirecting = stdout.split("\n").filter((line) => /redirect to|REDIRECT/.test(line));
      expect(redirecting.length).toBeGreaterThan(2);
      for (const rule of redirecting) expect(rule).toMatch(/& \(fin\|syn\|rst\|ack\) == syn |--syn /);
    },
  );

  it("say nothing of UDP when QUIC is allowed", () => {
    for (const backend of ["nft", "iptables", "ip6tables"]) {
      const { stdout, status } = run(LINUX, "rules", ...options, "--allow-quic", "--backend", backend);
      expect(status).toBe(0);
      expect(stdout).toContain("443");
      expect(stdout).not.toMatch(/udp|quic/i);
    }
  });

  it.each([
    [[], "hold, cleanup, status, holder or rules, not ''"],
    [["install"], "hold, cleanup, status, holder or rules, not 'install'"],
    [["hold", "--gid", "1", "--ports", "443"], "--port must be a number, not ''"],
    [
      ["hold", "--port", "70000", "--gid", "1", "--ports", "443"],
      "--port must be from 1 to 65535, not 70000",
    ],
    [
      ["hold", "--port", "1", "--gid", "99999999999", "--ports", "1"],
      "--gid must be from 1 to 2147483647, not 99999999999",
    ],
    [["hold", "--port", "1", "--gid", "1"], "--ports is missing"],
    [["hold", ...options, "--ports", "443,,80"], "--ports must be ports with commas between, not '443,,80'"],
    [["hold", ...options, "--local-ports", "1; drop"], "--local-ports must be a number, not '1;'"],
    [["hold", ...options, "--backend", "ip6tables"], "unknown backend ip6tables"],
    [["hold", "--port"], "--port needs a value"],
    [["status", "--verbose"], "unknown option --verbose"],
  ])("refuses %j", (args, complaint) => {
    expect(run(LINUX, ...args)).toMatchObject({
      status: 2,
      stdout: "",
      stderr: `oximy-redirect: wrong usage: ${complaint}\n`,
    });
  });
});
