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
      oximy = await LabOximy.startReading(lab, ["--containers", "--verbose"]);
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
  },
);
