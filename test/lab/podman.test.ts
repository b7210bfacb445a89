import { readdirSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { validateEvent } from "../event/schema.js";
import { LabOximy } from "./oximy.js";
import { LabPodman, requirePodman } from "./podman.js";
import { requireLab } from "./require-lab.js";

const HOST = "api.openai.com";
const PLAIN = "api.mistral.ai";
const BODY = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "Hello" }] });
const CURL = ["/usr/bin/curl", "-sS", "-m", "20", "-H", "content-type: application/json", "-d", BODY];

/** Descriptors of network namespaces that a process has open. */
const heldNetworks = (pid: number) =>
  readdirSync(`/proc/${pid}/fd`).filter((fd) => linkOf(`/proc/${pid}/fd/${fd}`).startsWith("net:")).length;

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed meanwhile
  }
}

describe.skipIf(requireLab() || requirePodman())(
  "containers of the real Podman",
  { timeout: 240_000 },
  () => {
    let lab: Lab;
    let podman: LabPodman;
    let oximy: LabOximy;

    beforeAll(async () => {
      lab = await createLab();
      podman = await LabPodman.start(lab);
      await podman.image("with-curl:1", ["/usr/bin/curl"]);
      await lab.addServer({ names: [HOST] });
      await lab.addServer({ names: [PLAIN], scheme: "http" });
      oximy = await LabOximy.startReading(lab, ["--verbose"]);
    }, 240_000);
    afterAll(async () => {
      await podman?.remove();
      await oximy?.stop();
      await lab?.close();
    });

    const eventsOf = (name: string) => oximy.events.filter(({ client }) => client.container?.name === name);

    it("the first connection of a container's first process is seen, and named, over IPv4", async () => {
      const name = "first";
      const call = [...CURL, "-4", `http://${PLAIN}/v1/chat/completions`];
      const { code, stdout, stderr } = await podman.spawn(name, "with-curl:1", call).exited;
      expect(code, stderr).toBe(0);
      expect(stdout).toContain("Hi there!");
      const [event] = await vi.waitFor(() => {
        const found = eventsOf(name);
        expect(found).toHaveLength(1);
        return found;
      });
      validateEvent(event);
      expect(event).toMatchObject({
        trace_level: "full",
        metadata: { via: "plain" },
        client: { name: "curl", container: { runtime: "podman", name } },
      });
      expect(event?.client.container?.image).toMatch(/with-curl:1$/);
    });

    it("a container and its network can be removed while they are captured", async () => {
      const links = async () => (await lab.machine.exec("ip", ["-o", "link"])).stdout.split("\n").length;
      const spaces = () =>
        [oximy.process.pid, oximy.proxyPid].map((pid) => heldNetworks(pid)).reduce((sum, held) => sum + held);
      const before = [await links(), spaces()];
      const name = "passing";
      await podman.network(name, "10.89.8.0/24");
      const running = podman.spawn(name, "with-curl:1", ["/bin/sh", "-c", "echo up; exec sleep 300"], name);
      await running.printed(/up/);
      const { stdout } = await podman.run(["inspect", "--format", "{{.Id}}", name]);
      const id = stdout.slice(0, 12);
      await oximy.logged(new RegExp(`container ${id}.*: captured`));
      await podman.run(["rm", "--force", "--time", "0", name]);
      await podman.run(["network", "rm", name]);
      await oximy.logged(new RegExp(`container ${id}.*: has ended`));
      // That of the container before may still have been held when they were counted.
      const more = async () =>
        [await links(), spaces()].map((count, index) => Math.max(0, count - before[index]!));
      await expect.poll(more, { timeout: 20_000 }).toEqual([0, 0]);
    });

    it("a container has its network after a kill of all our processes", async () => {
      const name = "kept";
      const line = [...CURL, `https://${HOST}/v1/chat/completions`].map((word) => `'${word}'`).join(" ");
      const calls = ["/bin/sh", "-c", `echo up; while read -r _; do ${line} >/dev/null && echo called; done`];
      const running = podman.spawn(name, "with-curl:1", calls, undefined, ["--interactive"]);
      await running.printed(/up/);
      const { stdout } = await podman.run(["inspect", "--format", "{{.Id}}", name]);
      await oximy.logged(new RegExp(`container ${stdout.slice(0, 12)}.*: captured`));
      const { proxyPid } = oximy;
      oximy.process.kill("SIGKILL");
      process.kill(proxyPid, "SIGKILL");
      await oximy.process.exited;
      running.child.stdin.write("\n");
      await running.printed(/called/);
      await podman.run(["rm", "--force", "--time", "0", name]);
    });
  },
);
