import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { loadNative } from "../../src/native/native.js";
import { ShortLivedClients, type Testimony, testimonyOf } from "./clients/short-lived.js";
import { LabOximy } from "./oximy.js";
import { requireLab } from "./require-lab.js";

/** OXIMY_FULL=1 runs what takes minutes. */
const FULL = process.env.OXIMY_FULL === "1";
const LIMIT_MS = FULL ? 1_800_000 : 120_000;

function isRecordable(): boolean {
  const native = loadNative();
  const failure = native.attachConnectRecorder([]);
  native.detachConnectRecorder();
  return failure === null;
}

const isUnknown = ({ client }: Testimony) => client?.pid === undefined;
const isRight = ({ said, client }: Testimony) =>
  client?.pid === said.pid && client.path === said.path && client.uid === said.uid;

describe.skipIf(requireLab())("processes that live for one request, 50 at once", () => {
  let lab: Lab;
  let clients: ShortLivedClients;
  let oximy: LabOximy | undefined;

  beforeAll(async () => {
    lab = await createLab();
    clients = await ShortLivedClients.create(lab);
  });
  afterEach(async () => {
    await oximy?.stop();
    oximy = undefined;
  });
  afterAll(() => lab?.close());

  /**
   * What the events of `total` clients say, once all is written: there is one for each. When the machine stalls for a
   * second, the front lets a connection pass before its verdict comes, and its event cannot tell what was said.
   */
  async function capture(total: number, env: Record<string, string>): Promise<Testimony[]> {
    oximy = await LabOximy.start(lab, ["--trust", "always"], env);
    await clients.run(total);
    oximy.process.kill("SIGINT");
    await oximy.process.exited;
    const read = oximy.events.filter(({ metadata }) => metadata.reason !== "verdict_late");
    const testimonies = read.map(testimonyOf);
    expect(oximy.events.length).toBe(total);
    expect(testimonies.length).toBeGreaterThanOrEqual(total * 0.99);
    expect(new Set(testimonies.map(({ said }) => said.number)).size).toBe(testimonies.length);
    return testimonies;
  }

  function figures(testimonies: readonly Testimony[]): string {
    return `${testimonies.length} clients, ${testimonies.filter(isUnknown).length} unknown`;
  }

  it.skipIf(!isRecordable())(
    "are all named, with their executable and user, by the kernel's record",
    { timeout: LIMIT_MS },
    async () => {
      const testimonies = await capture(FULL ? 10_000 : 600, {});
      console.log(`with the kernel's record: ${figures(testimonies)}`);
      expect(testimonies.filter((testimony) => !isRight(testimony))).toEqual([]);
    },
  );

  it("are never named wrongly without that record", { timeout: LIMIT_MS }, async () => {
    const testimonies = await capture(FULL ? 10_000 : 200, { OXIMY_NO_BPF: "1" });
    console.log(`without the kernel's record: ${figures(testimonies)}`);
    expect(testimonies.filter((testimony) => !isRight(testimony) && !isUnknown(testimony))).toEqual([]);
    expect(testimonies.some(isRight)).toBe(true);
  });
});
