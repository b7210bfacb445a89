import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const LINUX = fileURLToPath(new URL("../../scripts/redirect-linux.sh", import.meta.url));

const run = (script: string, ...args: string[]) => spawnSync("sh", [script, ...args], { encoding: "utf8" });
const options = ["--port", "15001", "--gid", "4242", "--ports", "443,80"];

describe("the rules of redirect-linux.sh", () => {
  it("are one inet table for nft", () => {
    expect(run(LINUX, "rules", ...options, "--local-ports", "11434,1234").stdout).toMatchInlineSnapshot(`
      "add table inet oximy { flags owner; }
      add chain inet oximy output { type nat hook output priority -100; policy accept; }
      add rule inet oximy output meta skgid 4242 return
      add rule inet oximy output ip daddr 127.0.0.0/8 tcp dport { 11434,1234 } redirect to :15001
      add rule inet oximy output ip6 daddr ::1 tcp dport { 11434,1234 } redirect to :15001
      add rule inet oximy output fib daddr type { local, broadcast, multicast } return
      add rule inet oximy output tcp dport { 443,80 } redirect to :15001
      add chain inet oximy quic { type filter hook output priority 0; policy accept; }
      add rule inet oximy quic meta skgid 4242 return
      add rule inet oximy quic fib daddr type { local, broadcast, multicast } return
      add rule inet oximy quic udp dport 443 reject
      "
    `);
  });

  it("are the same for iptables and ip6tables, but for the addresses", () => {
    const rules = (backend: string) =>
      run(LINUX, "rules", ...options, "--local-ports", "11434", "--backend", backend);
    const v4 = rules("iptables").stdout;
    expect(v4).toMatchInlineSnapshot(`
      "*nat
      :OXIMY_OUT - [0:0]
      -A OXIMY_OUT -m owner --gid-owner 4242 -j RETURN
      -A OXIMY_OUT -d 127.0.0.0/8 -p tcp --dport 11434 -j REDIRECT --to-ports 15001
      -A OXIMY_OUT -m addrtype --dst-type LOCAL,BROADCAST,MULTICAST -j RETURN
      -A OXIMY_OUT -p tcp --dport 443 -j REDIRECT --to-ports 15001
      -A OXIMY_OUT -p tcp --dport 80 -j REDIRECT --to-ports 15001
      -I OUTPUT 1 -p tcp -j OXIMY_OUT
      COMMIT
      *filter
      :OXIMY_QUIC - [0:0]
      -A OXIMY_QUIC -m owner --gid-owner 4242 -j RETURN
      -A OXIMY_QUIC -m addrtype --dst-type LOCAL,BROADCAST,MULTICAST -j RETURN
      -A OXIMY_QUIC -j REJECT
      -I OUTPUT 1 -p udp --dport 443 -j OXIMY_QUIC
      COMMIT
      "
    `);
    const v6 = v4.replaceAll("127.0.0.0/8", "::1/128").replaceAll("LOCAL,BROADCAST,", "LOCAL,");
    expect(rules("ip6tables").stdout).toBe(v6);
  });

  it("say nothing of UDP when QUIC is allowed", () => {
    for (const backend of ["nft", "iptables", "ip6tables"]) {
      const { stdout, status } = run(LINUX, "rules", ...options, "--allow-quic", "--backend", backend);
      expect(status).toBe(0);
      expect(stdout).toContain("443");
      expect(stdout).not.toMatch(/udp|quic/i);
    }
  });

  it.each([
    [[], "hold, cleanup, status or rules, not ''"],
    [["install"], "hold, cleanup, status or rules, not 'install'"],
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
