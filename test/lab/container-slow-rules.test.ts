import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabProcess } from "../../lab/lab-process.js";
import { type LabContainer, LabDocker } from "./container.js";
import { ENDS, LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const HOST = "api.openai.com";
const CALL = ["-sS", "-m", "20", `https://${HOST}/v1/models`];

/**
 * One transaction of nf_tables that takes the kernel minutes: each rule names the one before it, which the kernel looks
 * for from the first on (nft_rule_lookup_byid in net/netfilter/nf_tables_api.c). As long as it goes on, whoever else
 * changes rules in that network, or closes a socket of netfilter's there, waits in the kernel. A small change comes
 * first, so that our own rules there are to be taken out at that very moment.
 */
const SLOW = `
import socket, struct, sys
TABLE, CHAIN, RULE = 0, 3, 6
def attribute(kind, value):
  return struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
def message(kind, flags, attributes, resource=0):
  return struct.pack("IHHIIBBH", 20 + len(attributes), kind, flags, 0, 0, 1, 0, socket.htons(resource)) + attributes
def change(kind, attributes):
  return message(10 << 8 | kind, 0x401, attributes)
def text(kind, value):
  return attribute(kind, value.encode() + bytes(1))
def number(kind, value):
  return attribute(kind, struct.pack("!I", value))
def rule(i):
  after = number(10, i - 1) if i > 1 else b""
  return change(RULE, text(1, "slow") + text(2, "all") + attribute(4 | 0x8000, b"") + number(9, i) + after)
begin, end = message(16, 1, b"", 10), message(17, 1, b"", 10)
rules = b"".join(map(rule, range(1, int(sys.argv[1]) + 1)))
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
netlink.setsockopt(socket.SOL_SOCKET, 32, 1 << 28)
print("begins", flush=True)
netlink.send(begin + change(TABLE, text(1, "small")) + end)
netlink.send(begin + change(TABLE, text(1, "slow")) + change(CHAIN, text(1, "slow") + text(3, "all")) + rules)
print("ends", flush=True)
`;
/** Minutes, as it takes the square of this: what the tests wait for comes before they end it. */
const RULES = "200000";

describe.skipIf(requireLab())("a container whose rules take the kernel minutes", { timeout: 120_000 }, () => {
  let lab: Lab;
  let docker: LabDocker;
  beforeAll(async () => {
    lab = await createLab();
    docker = await LabDocker.start(lab);
    await lab.addServer({ names: [HOST] });
  }, 120_000);
  afterAll(() => lab?.close());

  const captured = (oximy: LabOximy, container: LabContainer) =>
    oximy.logged(new RegExp(`container ${container.id.slice(0, 12)} \\(docker\\): captured`));
  async function running(name: string, oximy: LabOximy): Promise<LabContainer> {
    const container = docker.create(name, "node:20");
    onTestFinished(() => container.remove());
    container.spawn("sleep", ["infinity"]);
    await captured(oximy, container);
    return container;
  }
  async function busy(container: LabContainer): Promise<LabProcess> {
    const slow = container.spawn("/usr/bin/python3", ["-c", SLOW, RULES]).start();
    onTestFinished(async () => void (await slow.stop()));
    await slow.printed(/begins/);
    return slow;
  }
  const isOver = (slow: LabProcess) => /ends/.test(slow.stdout);
  const hasRules = (container: LabContainer) => /table inet oximy \{/.test(container.rules());

  it("costs no other container anything: they are captured, found, and connected meanwhile", async () => {
    const oximy = await LabOximy.start(lab, ["--verbose"]);
    onTestFinished(() => void oximy.stop());
    const other = await running("other", oximy);
    const slow = await busy(await running("slow", oximy));
    expect((await other.exec("curl", CALL)).code).toBe(0);
    const late = await running("late", oximy);
    expect((await late.exec("curl", CALL)).code).toBe(0);
    expect((await lab.machine.exec("curl", CALL)).code).toBe(0);
    expect(isOver(slow)).toBe(false);
    await slow.stop();
  });

  it.each(ENDS)("is not waited for when capture ends by %s: everybody else's rules go", async (_, end) => {
    const oximy = await LabOximy.start(lab, ["--verbose"]);
    onTestFinished(() => void oximy.stop());
    const first = await running("slow", oximy);
    const other = await running("other", oximy);
    const { proxyPid } = oximy;
    const slow = await busy(first);
    end(oximy, proxyPid);
    await expect.poll(() => hasRules(other), { interval: 5, timeout: 20_000 }).toBe(false);
    expect((await other.exec("curl", CALL)).code).toBe(0);
    // A process of its own takes the machine's rules away, within a second like these.
    const onMachine = async () => (await lab.machine.exec("curl", CALL)).code;
    await expect.poll(onMachine, { interval: 50, timeout: 1_000 }).toBe(0);
    expect(isOver(slow)).toBe(false);
    await slow.stop();
    await oximy.process.exited;
    await expect.poll(() => first.rules(), { timeout: 20_000, interval: 100 }).not.toContain("oximy");
  });
});
