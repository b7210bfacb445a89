import { describe, expect, it, test } from "vitest";
import {
  bundleFinding,
  environmentFinding,
  learnedFinding,
  outputFinding,
  readingFinding,
  trustFindings,
} from "../../src/doctor/capture.js";
import {
  darwinDefaultInterfaces,
  darwinUsesIPv6,
  ipv6Finding,
  linuxDefaultInterfaces,
  portFinding,
  vpnFinding,
} from "../../src/doctor/network.js";
import { statusFinding, toolFinding, trialFinding } from "../../src/doctor/redirect.js";
import { descriptorFinding, kernelFinding, nodeFinding, rootFinding } from "../../src/doctor/system.js";
import { debian } from "../../src/trust/debian.js";

const tools = { nft: false, iptables: false, ip6tables: false, pfctl: false };
const isTunnel = () => false;

test("nobody with a Mac is told to install nftables", () => {
  for (const { advice } of [ipv6Finding("used", tools, "darwin"), toolFinding("darwin", tools)])
    expect(advice).toMatch(/part of macOS/);
});

test.each([
  ["an old Linux", kernelFinding("linux", "5.3.18-default"), "missing"],
  ["Linux 5.4", kernelFinding("linux", "5.4.0-200-generic"), "ok"],
  ["Linux 6.18", kernelFinding("linux", "6.18.44"), "ok"],
  ["macOS 11", kernelFinding("darwin", "20.6.0"), "missing"],
  ["macOS 12", kernelFinding("darwin", "21.0.0"), "ok"],
  ["Windows", kernelFinding("win32", "10.0.19045"), "missing"],
  ["Node 20.16", nodeFinding("v20.16.0"), "missing"],
  ["Node 20.17", nodeFinding("v20.17.0"), "ok"],
  ["Node 22.1", nodeFinding("v22.1.0"), "ok"],
  ["a user", rootFinding(1000), "warning"],
  ["root", rootFinding(0), "ok"],
  ["few descriptors", descriptorFinding(1024), "warning"],
  ["many descriptors", descriptorFinding(1 << 20), "ok"],
  ["no firewall tool", toolFinding("linux", tools), "missing"],
  ["iptables alone", toolFinding("linux", { ...tools, iptables: true }), "ok"],
  ["nft alone", toolFinding("linux", { ...tools, nft: true }), "ok"],
  ["pf", toolFinding("darwin", { ...tools, pfctl: true }), "ok"],
  ["a Mac without pf", toolFinding("darwin", tools), "missing"],
  ["rules that the kernel takes", trialFinding(undefined, tools), "ok"],
  ["rules that only iptables can hold", trialFinding("no", { ...tools, iptables: true }), "warning"],
  ["rules that nothing can hold", trialFinding("no", tools), "missing"],
  ["no redirect", statusFinding({ code: 1, output: "not installed" }), "ok"],
  ["a redirect", statusFinding({ code: 0, output: "installed nft" }), "warning"],
  ["a redirect that cannot be seen", statusFinding({ code: 3, output: "this needs root" }), "warning"],
  ["a taken port", portFinding(8088, "taken"), "warning"],
  ["a default route through a VPN", vpnFinding(["wg0"], isTunnel), "warning"],
  ["a tunnel with another name", vpnFinding(["work"], () => true), "warning"],
  ["a default route through a card", vpnFinding(["enp3s0"], isTunnel), "ok"],
  ["IPv6 that nothing redirects", ipv6Finding("used", tools), "warning"],
  ["IPv6 on a Mac without pf", ipv6Finding("used", tools, "darwin"), "warning"],
  ["IPv6 that is redirected", ipv6Finding("used", { ...tools, ip6tables: true }), "ok"],
  ["IPv6 that pf redirects", ipv6Finding("used", { ...tools, pfctl: true }), "ok"],
  ["no IPv6", ipv6Finding("unused", tools), "ok"],
  ["a kernel that lets programs be read", readingFinding(null), "ok"],
  ["a kernel that does not", readingFinding("Linux 5.4 has no BPF ring buffer"), "warning"],
  ["reading that only root can try", readingFinding(undefined), "warning"],
  ["programs that accepted the certificate", learnedFinding([{ outcome: "accepted" }]), "ok"],
  ["programs that refused it", learnedFinding([{ outcome: "refused" }, { outcome: "tried" }]), "warning"],
  ["variables that are set", environmentFinding({ kind: "set" }, "/x.conf", "off"), "ok"],
  ["variables of older roots", environmentFinding({ kind: "out_of_date" }, "/x.conf", "on"), "warning"],
  ["no variables where programs are read", environmentFinding({ kind: "not_set" }, "/x.conf", "on"), "ok"],
  [
    "no variables where nothing is read",
    environmentFinding({ kind: "not_set" }, "/x.conf", "off"),
    "warning",
  ],
  ["a file that is another's", environmentFinding({ kind: "foreign" }, "/x.conf", "on"), "warning"],
  [
    "a file that cannot be read",
    environmentFinding({ kind: "unknown", why: "no" }, "/x.conf", "on"),
    "warning",
  ],
  ["no certificate where programs are read", trustFindings([], "none", "on")[0]!, "ok"],
  ["a folder that can be written to", outputFinding("/traces", undefined), "ok"],
  ["a folder that cannot", outputFinding("/traces", "EACCES"), "missing"],
])("%s", (_, finding, level) => {
  expect(finding.level).toBe(level);
  expect(finding.advice !== undefined).toBe(level !== "ok");
});

describe("the interfaces of the default route", () => {
  const header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
  const route = (name: string, destination: string, mask: string) =>
    `${name}\t${destination}\t00000000\t0003\t0\t0\t0\t${mask}\t0\t0\t0\n`;

  it("are those of the whole, and not of a network", () => {
    const table = header + route("eth0", "00000000", "00000000") + route("tun9", "0000A8C0", "00FFFFFF");
    expect(linuxDefaultInterfaces(table)).toEqual(["eth0"]);
  });

  it("are those of its halves too, as OpenVPN sets them", () => {
    const halves = route("tun0", "00000000", "00000080") + route("tun0", "00000080", "00000080");
    expect(linuxDefaultInterfaces(header + halves)).toEqual(["tun0"]);
  });

  it("are read from what a Mac prints", () => {
    const table = `Destination        Gateway            Flags           Netif Expire
default            192.168.1.1        UGScg             en0
0/1                10.8.0.1           UGScg             utun4
128.0/1            10.8.0.1           UGSc              utun4
127                127.0.0.1          UCS               lo0
`;
    expect(darwinDefaultInterfaces(table)).toEqual(["en0", "utun4"]);
  });

  it.each([
    ["a router", "default      fe80::1%en0      UGcg      en0\n", true],
    ["tunnels that carry nothing", "default      fe80::%utun0      UGcIg      utun0\n", false],
    ["nothing", "", false],
  ])("IPv6 of macOS leads by %s", (_, rows, used) => {
    expect(darwinUsesIPv6(`Internet6:\nDestination  Gateway  Flags  Netif Expire\n${rows}`)).toBe(used);
  });
});

describe("what capture needs", () => {
  const day = 86_400_000;
  const cached = (age: number) => ({ url: "https://x", loadedAt: 100 * day - age, document: "{}" });

  it.each([
    ["none yet", undefined, "ok"],
    ["of today", cached(0), "ok"],
    ["of last month", cached(40 * day), "warning"],
  ])("bundle: %s", (_, document, level) => {
    expect(bundleFinding("https://x", document, 100 * day).level).toBe(level);
  });

  it.each([
    ["trusted", { kind: "trusted" } as const, "ok"],
    ["not trusted", { kind: "not_trusted" } as const, "warning"],
    ["unknown", { kind: "unknown", why: "no certutil", advice: "Install it" } as const, "warning"],
  ])("trust: %s", (_, state, level) => {
    const [finding] = trustFindings([{ store: debian, state, entries: [] }], "made");
    expect(finding?.level).toBe(level);
  });

  it("trust: stores without the certificate are fine where programs are read, unless another store has it", () => {
    const [absent, present] = (["not_trusted", "trusted"] as const).map((kind) => ({
      store: debian,
      state: { kind },
      entries: [],
    }));
    expect(trustFindings([absent!, absent!], "made", "on").map(({ level }) => level)).toEqual(["ok"]);
    expect(trustFindings([absent!, present!], "made", "on").map(({ level }) => level)).toEqual([
      "warning",
      "ok",
    ]);
  });

  it("refusals are counted", () => {
    const programs = (["refused", "accepted", "tried", "refused"] as const).map((outcome) => ({ outcome }));
    expect(learnedFinding(programs).what).toBe(
      "2 programs refused the certificate, 1 more gave no result when tried: seen, but not read",
    );
  });

  it("trust: no certificate, or no store", () => {
    expect(trustFindings([], "none")[0]?.advice).toContain("oximy ca install");
    expect(trustFindings([], "made")[0]?.advice).toContain("oximy env");
  });
});
