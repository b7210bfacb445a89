import { describe, expect, it } from "vitest";
import { describeOwnerRules, iptablesOwnerRules, nftOwnerRules } from "../../src/supervisor/owner-rules.js";

const RULESET = `table inet oximy { # progname nft
	flags owner
	chain output {
		type nat hook output priority dstnat; policy accept;
		meta skgid 4242 return
	}
}
table inet work {
	chain egress {
		type filter hook output priority filter; policy accept;
		meta skuid 1001 tcp dport 443 reject
		meta skgid != 100 drop comment "only \u001b[31mstaff"
		ip daddr 10.0.0.0/8 accept
		socket cgroupv2 level 1 "vpn.slice" accept
	}
}
table ip nat {
	chain OXIMY_OUT {
		skgid 4242 counter packets 0 bytes 0 return
	}
	chain OUTPUT {
		meta l4proto tcp skuid 1337 counter packets 0 bytes 0 return
	}
}
`;

describe("rules that go by who sends", () => {
  it("are found in what nft lists, with their place, and ours are not among them", () => {
    expect(nftOwnerRules(RULESET)).toEqual([
      "inet work egress: meta skuid 1001 tcp dport 443 reject",
      'inet work egress: meta skgid != 100 drop comment "only ?[31mstaff"',
      'inet work egress: socket cgroupv2 level 1 "vpn.slice" accept',
      "ip nat OUTPUT: meta l4proto tcp skuid 1337 counter packets 0 bytes 0 return",
    ]);
  });

  it("are found in what iptables-save prints", () => {
    const saved = [
      "*filter",
      ":OUTPUT ACCEPT [0:0]",
      "-A OUTPUT -m owner --uid-owner 1001 -j REJECT --reject-with icmp-port-unreachable",
      "-A OUTPUT -p udp -j ACCEPT",
      "-A OXIMY_OUT -m owner --gid-owner 4242 -j RETURN",
      "COMMIT",
    ].join("\n");
    expect(iptablesOwnerRules(saved)).toEqual([
      "-A OUTPUT -m owner --uid-owner 1001 -j REJECT --reject-with icmp-port-unreachable",
    ]);
  });

  it("are told in one line, the first five of them", () => {
    const rules = Array.from({ length: 7 }, (_, i) => `rule ${i}`);
    expect(describeOwnerRules(rules)).toMatch(/^rules of this machine .*: rule 0; .*rule 4; and 2 more$/);
  });
});
