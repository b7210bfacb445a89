import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { requireLab } from "../lab/require-lab.js";
import { RedirectLab } from "./redirect-lab.js";

/** Rule sets as others load them, cut to what has to do with connections of this machine. */
const NFT_SETS = {
  /** firewalld keeps all in one table of its own, with priorities beside the standard ones. */
  firewalld: `
    table inet firewalld {
      chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept; ct state established accept; }
      chain nat_POSTROUTING { type nat hook postrouting priority srcnat + 10; policy accept; oifname "eth9" masquerade; }
      chain nat_OUTPUT { type nat hook output priority -90; policy accept; ip daddr 198.51.100.7 tcp dport 443 dnat to 203.0.113.2:443; }
      chain filter_INPUT { type filter hook input priority filter + 10; policy accept;
        ct state { established, related } accept; iifname "lo" accept; tcp dport 22 accept; reject with icmpx type admin-prohibited; }
      chain filter_OUTPUT { type filter hook output priority filter + 10; policy accept; ct state { established, related } accept; oifname "lo" accept; }
    }`,
  /** Tailscale marks what goes past its tunnel, and drops what comes from its addresses by another device. */
  tailscale: `
    table ip filter {
      chain ts-input { iifname "lo" ip saddr 100.64.0.1 counter accept; ip saddr 100.64.0.0/10 iifname != "tailscale0" counter drop; }
      chain INPUT { type filter hook input priority filter; policy accept; counter jump ts-input; }
    }
    table ip mangle {
      chain OUTPUT { type route hook output priority mangle; policy accept; ip daddr 203.0.113.2 tcp dport 22 meta mark set meta mark and 0xff00ffff xor 0x40000; }
    }
    table ip nat {
      chain ts-postrouting { meta mark & 0x00ff0000 == 0x00040000 counter masquerade; }
      chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; counter jump ts-postrouting; }
    }`,
} as const;

const IPTABLES_SETS = {
  ufw: `*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-before-output - [0:0]
:ufw-user-output - [0:0]
-A INPUT -j ufw-before-input
-A OUTPUT -j ufw-before-output
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-output -o lo -j ACCEPT
-A ufw-before-output -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-output -j ufw-user-output
-A ufw-user-output -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
  docker: `*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 203.0.113.2:22
COMMIT
*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
COMMIT
`,
} as const;

/** Belongs to a process, as ours does: nobody else can change it, and it goes with that. */
const OWNED =
  "add table inet theirs { flags owner; }; add chain inet theirs out { type filter hook output priority 0; }; add rule inet theirs out tcp dport 22 counter accept";

/** What is there of others: neither our tables and chains, nor counts, nor remarks of the tools. */
function ofOthers(text: string): string[] {
  return text
    .replace(/^table inet oximy.*\n(?:.+\n|\n(?!table))*?\}\n/gm, "")
    .replace(/^\tchain OXIMY_.*\n(?:.*\n)*?\t\}\n/gm, "")
    .split("\n")
    .map((line) => line.replace(/ ?\[\d+:\d+\]$/, ""))
    .filter((line) => line !== "" && !/OXIMY_|^#/.test(line));
}

describe.skipIf(requireLab())("rules of others", { timeout: 90_000 }, () => {
  let redirect: RedirectLab;
  beforeAll(async () => {
    redirect = await RedirectLab.create();
    // An iptables that is used makes its chains, and leaves them.
    await redirect.machine.exec("sh", [
      "-c",
      "for t in nat mangle filter; do iptables -t $t -L; ip6tables -t $t -L; done",
    ]);
  });
  afterAll(() => redirect.lab.close());
  afterEach(async () => {
    expect(await redirect.script(["cleanup", "--all"])).toMatchObject({ code: 0, stderr: "" });
    await redirect.machine.exec("nft", ["flush", "ruleset"]);
  });

  const saved = async () => {
    const { machine } = redirect;
    const [nft, four, six] = await Promise.all([
      machine.exec("nft", ["-s", "list", "ruleset"]),
      machine.exec("iptables-save", []),
      machine.exec("ip6tables-save", []),
    ]);
    return { nft: ofOthers(nft.stdout), four: ofOthers(four.stdout), six: ofOthers(six.stdout) };
  };
  /** Chains of iptables that are empty are made by looking at them. */
  const load = async (kind: "nft" | "iptables", text: string) => {
    const [tool, args] =
      kind === "nft" ? (["nft", ["-f", "-"]] as const) : (["iptables-restore", ["--noflush"]] as const);
    expect(await redirect.machine.exec(tool, args, { input: text })).toMatchObject({ code: 0 });
  };

  const sets = [
    ...Object.entries(NFT_SETS).map(([name, text]) => ({ name, kind: "nft" as const, text })),
    ...Object.entries(IPTABLES_SETS).map(([name, text]) => ({ name, kind: "iptables" as const, text })),
  ];
  describe.each(["nft", "iptables"])("with %s", (backend) => {
    it.each(sets)("of $name stay word for word, and do what they do", async ({ name, kind, text }) => {
      await load(kind, text);
      await warmUp(backend);
      const before = await saved();
      expect(before.nft.join("\n") + before.four.join("\n")).toMatch(/ufw-user|DOCKER|firewalld|ts-input/);
      const others = { ssh: await redirect.whoAnswers("203.0.113.2", 22), ...(await special(name)) };
      expect(others.ssh).toBe("internet");
      const holder = await redirect.hold("--backend", backend);
      expect(await saved()).toEqual(before);
      expect(await redirect.whoAnswers("203.0.113.2", 443)).toBe("listener");
      expect({ ssh: await redirect.whoAnswers("203.0.113.2", 22), ...(await special(name)) }).toEqual(others);
      await redirect.release(holder);
      await expect.poll(async () => /oximy/i.test(await redirect.ruleset()), { timeout: 20_000 }).toBe(false);
      expect(await saved()).toEqual(before);
      expect(await redirect.whoAnswers("203.0.113.2", 443)).toBe("internet");
    });

    it("in a table that belongs to another process stay word for word", async () => {
      await warmUp(backend);
      const owner = redirect.machine.spawn("nft", ["-i"]);
      owner.child.stdin.write(`${OWNED}\nlist table inet theirs\n`);
      await owner.printed(/counter/);
      const before = await saved();
      expect(before.nft.join("\n")).toContain("table inet theirs");
      const holder = await redirect.hold("--backend", backend);
      expect(await saved()).toEqual(before);
      expect(await redirect.whoAnswers("203.0.113.2", 443)).toBe("listener");
      expect(await redirect.whoAnswers("203.0.113.2", 22)).toBe("internet");
      await redirect.release(holder);
      await expect.poll(async () => /oximy/i.test(await redirect.ruleset()), { timeout: 20_000 }).toBe(false);
      expect(await saved()).toEqual(before);
      await owner.stop();
    });
  });

  /** Docker's published port; the others have none. */
  const special = async (name: string) =>
    name === "docker" ? { published: await redirect.whoAnswers("203.0.113.1", 8080) } : {};

  /** iptables makes tables and base chains when it is first used, which is its own way and nobody's rule. */
  const warmUp = async (backend: string) => {
    if (backend === "iptables") await redirect.release(await redirect.hold("--backend", backend));
    await expect.poll(async () => /oximy/i.test(await redirect.ruleset()), { timeout: 20_000 }).toBe(false);
  };
});
