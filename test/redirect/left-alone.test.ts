import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LabProcess } from "../../lab/lab-process.js";
import { requireLab } from "../lab/require-lab.js";
import { INTERNET, RedirectLab } from "./redirect-lab.js";

/** Connections that would not work if they were turned to us, or not as they did before. */
describe.skipIf(requireLab())("the redirect leaves alone", { timeout: 90_000 }, () => {
  let redirect: RedirectLab;
  beforeAll(async () => {
    redirect = await RedirectLab.create();
  });
  afterAll(() => redirect.lab.close());
  afterEach(async () => {
    expect(await redirect.script(["cleanup", "--all"])).toMatchObject({ code: 0, stderr: "" });
  });

  describe.each(["nft", "iptables"])("with %s", (backend) => {
    it.each(INTERNET)(
      "what was open over %s before the start, where the kernel tracked no connections",
      async (_, host) => {
        // With a chain of type nat, also an empty one, the kernel would have known the connection.
        await redirect.machine.exec("nft", ["flush", "ruleset"]);
        const open = await redirect.connect(host, 443);
        expect(open.arrived).toBe("internet");
        await redirect.hold("--backend", backend);
        await redirect.goesOn(open, "first");
        await redirect.goesOn(open, "second");
        expect(await redirect.whoAnswers(host, 443)).toBe("listener");
      },
    );

    it.each(INTERNET)("sockets with a mark over %s, which lead past a tunnel", async (_, host) => {
      await redirect.hold("--backend", backend);
      expect(await redirect.whoAnswers(host, 443, "s.setsockopt(1, 36, 0x80000)")).toBe("internet");
    });

    it.each(INTERNET)("sockets bound to a device over %s", async (_, host) => {
      await redirect.hold("--backend", backend);
      const bound = "s.setsockopt(1, 25, b'eth0\\0')";
      expect(await redirect.whoAnswers(host, 443, bound)).toBe("internet");
      expect(await redirect.whoAnswers(host, 443)).toBe("listener");
      expect(await redirect.whoAnswers(host, 443, bound)).toBe("internet");
    });

    it("nothing of what is bound to an address, or speaks Multipath TCP", async () => {
      await redirect.hold("--backend", backend);
      expect(await redirect.whoAnswers("203.0.113.2", 443, "s.bind(('203.0.113.1', 0))")).toBe("listener");
      expect(await redirect.whoAnswers("203.0.113.2", 443, "s = socket.socket(2, 1, 262)")).toBe("listener");
    });

    it.each(["docker0", "br-0123456789ab", "custom0"])(
      "a container's port behind the bridge %s, which sees the address that it saw before",
      async (bridge) => {
        const container = await addContainer(bridge);
        try {
          await redirect.hold("--backend", backend);
          const { client, arrived, seenAs } = await redirect.connect("172.17.0.2", 443);
          await client.stop();
          expect({ arrived, seenAs }).toEqual({ arrived: "container", seenAs: "172.17.0.1" });
          expect(await redirect.whoAnswers("203.0.113.2", 443)).toBe("listener");
        } finally {
          await container.stop();
          await redirect.machine.exec("ip", ["link", "del", bridge]);
          await redirect.machine.exec("ip", ["link", "del", "veth1"]);
          await redirect.machine.exec("iptables", ["-t", "nat", "-F", "POSTROUTING"]);
        }
      },
    );
  });

  /** The internet's namespace also stands for a container; the rule that hides its network is Docker's. */
  async function addContainer(bridge: string): Promise<LabProcess> {
    const { machine, lab } = redirect;
    const script = `
      ip link add ${bridge} type bridge && ip addr add 172.17.0.1/16 dev ${bridge} && ip link set ${bridge} up
      ip link add veth1 type veth peer name veth2 && ip link set veth1 master ${bridge} up
      ip link set veth2 netns ${lab.internet.name}
      ip -n ${lab.internet.name} addr add 172.17.0.2/16 dev veth2 && ip -n ${lab.internet.name} link set veth2 up
      iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o ${bridge} -j MASQUERADE`;
    expect(await machine.exec("sh", ["-ec", script])).toMatchObject({ code: 0, stderr: "" });
    return redirect.serve(lab.internet, "container", "172.17.0.2", 443);
  }
});
