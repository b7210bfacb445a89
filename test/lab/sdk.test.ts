import { chmodSync, copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { LabServer } from "../../lab/lab-server.js";
import type { OximyEvent } from "../../src/event/event.js";
import { validateEvent } from "../event/schema.js";
import { secretsIn } from "../secrets-in.js";
import { LabOximy, PROJECT } from "./oximy.js";
import { requireLab } from "./require-lab.js";
import {
  caseOf,
  comparable,
  HOSTS,
  NOT_BY_SDK,
  SDKS,
  type Sdk,
  type SdkAnswer,
  unasked,
} from "./sdk-cases.js";
import { TRANSCRIPT_SERVER, type TranscriptRequest } from "./transcript-server.js";

/** The official SDKs against servers that answer from the transcripts: events say what the SDKs returned. */
describe.skipIf(requireLab())("the official SDKs", () => {
  let lab: Lab;
  let oximy: LabOximy;
  let server: LabServer<TranscriptRequest>;

  beforeAll(async () => {
    lab = await createLab();
    server = await lab.addServerOf(TRANSCRIPT_SERVER, { names: HOSTS });
    await startLocalModels(lab);
    oximy = await LabOximy.start(lab, ["--local-models"]);
    copyFileSync(oximy.certificate, join(lab.dir, "oximy-ca.pem"));
    chmodSync(join(lab.dir, "oximy-ca.pem"), 0o644);
  }, 30_000);
  afterAll(async () => {
    await oximy?.stop();
    await lab?.close();
  });

  /** Runs all cases of an SDK in one process; its events in the order of its requests. */
  async function ask({ name, credentials, cases }: Sdk) {
    const client = lab.machine.spawn("node", [`test/lab/clients/sdk-${name}.mjs`], {
      uid: 34_567,
      cwd: PROJECT,
      env: { NODE_EXTRA_CA_CERTS: join(lab.dir, "oximy-ca.pem"), ...credentials },
    });
    client.child.stdin.end(JSON.stringify(cases.map(caseOf)));
    const { code, stdout, stderr } = await client.exited;
    expect(code, stderr).toBe(0);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as SdkAnswer);
    const calls = () => callsOf(oximy.events, client.pid);
    // What never comes is told case by case.
    const late = pause(10_000, "late", { ref: false });
    while (calls().length < cases.length) {
      if ((await Promise.race([oximy.captured(oximy.events.length + 1), late])) === "late") break;
    }
    const events = calls();
    return { answers, events };
  }

  describe.each(SDKS.map((sdk) => [sdk.name, sdk] as const))("%s", (_, sdk) => {
    let answers: SdkAnswer[] = [];
    let events: OximyEvent[] = [];
    beforeAll(async () => {
      ({ answers, events } = await ask(sdk));
    }, 30_000);

    it("leaves one event for each call", () => {
      expect(events.map(({ metadata }) => metadata.reason ?? "full")).toEqual(sdk.cases.map(() => "full"));
      for (const event of events) validateEvent(event);
    });

    it.each(sdk.cases.map((transcript, index) => [transcript.title, index] as const))(
      "%s: the event says what the caller got",
      (title, index) => {
        const [event, answer] = [events[index]!, answers[index]!];
        expect(answer.title).toBe(title);
        expect(event.trace_level).toBe("full");
        const { told, got } = comparable(event, answer);
        expect(told, answer.answer.error).toEqual(got);
        const { error, usage } = event.interaction!.response!;
        expect(usage ?? {}).toMatchObject(answer.answer.usage ?? {});
        if (error?.message) expect(answer.answer.error).toContain(error.message);
      },
    );
  });

  it("ask for all transcripts of APIs that they can ask for", () => {
    expect(unasked()).toEqual(Object.keys(NOT_BY_SDK).sort());
  });

  it("leave none of their credentials in events and logs", async () => {
    const secrets = SDKS.flatMap(({ credentials }) => Object.values(credentials));
    const sent = secrets.filter((secret) => JSON.stringify(server.requests).includes(secret));
    // All but the secret key of Bedrock, which only signs.
    expect(sent).toHaveLength(secrets.length - 1);
    const files = readdirSync(oximy.home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
    expect(files.join("")).toContain("Explain how AI works");
    expect(secretsIn([...files, oximy.process.stdout, oximy.process.stderr].join("\n"), secrets)).toEqual([]);
  });
});

/** The process's calls in their order, without ends of WebSockets and connections that it opened in vain. */
function callsOf(events: readonly OximyEvent[], pid: number): OximyEvent[] {
  return events
    .filter(({ client }) => client.pid === pid)
    .filter(({ metadata }) => !/^(websocket_closed|no_request)$/.test(metadata.reason ?? ""))
    .sort((one, other) => (one.event_id < other.event_id ? -1 : 1));
}

/** The server of the transcripts, where Ollama listens. */
async function startLocalModels(lab: Lab): Promise<void> {
  const where = JSON.stringify({ hosts: ["127.0.0.1", "::1"], port: 11_434 });
  const program = fileURLToPath(TRANSCRIPT_SERVER.file);
  const args = ["--import", import.meta.resolve("tsx"), program, where];
  await lab.machine.spawn("node", args).printed(/^\{"ports":.*\}\n/);
}
