import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../src/demo/lab/lab.js";
import type { OximyEvent } from "../../src/event/event.js";
import { validateEvent } from "../event/schema.js";
import { type LabContainer, LabDocker } from "./container.js";
import { LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

const HOST = "api.openai.com";
const BODY = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "Hello" }] });
const POST = ["-sS", "-m", "20", "-H", "content-type: application/json", "-d", BODY];
const CALL = [...POST, `https://${HOST}/v1/chat/completions`];

describe.skipIf(requireLab())("oximy local --containers", () => {
  let lab: Lab;
  let docker: LabDocker;
  let oximy: LabOximy;
  const made: LabContainer[] = [];

  beforeAll(async () => {
    lab = await createLab();
    docker = await LabDocker.start(lab);
    await lab.addServer({ names: [HOST] });
    oximy = await LabOximy.startReading(lab, ["--containers", "--verbose"]);
  }, 120_000);
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  function create(name: string): LabContainer {
    const container = docker.create(name, "node:20");
    made.push(container);
    return container;
  }
  const captured = (container: LabContainer) =>
    oximy.logged(new RegExp(`container ${container.id.slice(0, 12)} \\(docker\\): captured`));
  async function eventOf<T>(call: () => Promise<T>): Promise<{ result: T; event: OximyEvent }> {
    const before = oximy.events.length;
    const result = await call();
    const event = (await oximy.captured(before + 1)).at(-1)!;
    validateEvent(event);
    return { result, event };
  }

  it.each(["-4", "-6"])("reads the first connection of a container, over IPv%s", async (family) => {
    const container = create(`web${family}`);
    const waiting = container.spawn("curl", [...CALL, family]);
    await captured(container);
    const { result, event } = await eventOf(() => waiting.start().exited);
    expect(result.stderr).toBe("waiting\n");
    expect(result.code).toBe(0);
    expect(event).toMatchObject({
      trace_level: "full",
      metadata: { via: "read" },
      client: {
        name: "curl",
        container: { id: container.id, runtime: "docker", name: `web${family}`, image: "node:20" },
      },
    });
  });
});
