import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Pipeline } from "../../src/capture/pipeline.js";
import type { OximyEvent } from "../../src/event/event.js";
import { DEFAULT_LIMITS } from "../../src/exchange/exchange.js";
import { readBundleText } from "../../src/oisp/parse.js";
import { validateEvent } from "../event/schema.js";
import { temporaryFolder } from "../temporary-folder.js";
import { connection } from "./rig.js";

const { bundle } = readBundleText(
  readFileSync(new URL("../../data/oisp-bundle.json", import.meta.url), "utf8"),
);
const SESSION = "57a121ec-f78c-48c3-a745-e3036a3ecc33";

test("calls of an agent are one conversation, with the folder and branch that it works in", async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, ".git"));
  writeFileSync(join(root, ".git/HEAD"), "ref: refs/heads/fix\n");
  const events: OximyEvent[] = [];
  const pipeline = new Pipeline({
    bundle,
    limits: DEFAULT_LIMITS,
    includeRaw: false,
    allHosts: false,
    onEvent: (event) => events.push(event),
  });
  const identity = { pid: 4711, uid: process.geteuid!(), cwd: root, seesOurFiles: true } as const;
  let time = 1_000;
  const call = (id: number, messages: readonly object[], answer: string) => {
    pipeline.open(
      connection(id, {
        host: "api.anthropic.com",
        owner: { kind: "process", process: identity, ancestors: [] },
      }),
    );
    const send = (direction: "request" | "response", head: string, body: object) => {
      const json = JSON.stringify(body);
      const text = `${head}\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`;
      pipeline.push(id, direction, Buffer.from(text), time++);
    };
    const metadata = { user_id: `user_1_account_2_session_${SESSION}` };
    send("request", "POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com", {
      model: "m",
      messages,
      metadata,
    });
    send("response", "HTTP/1.1 200 OK", {
      type: "message",
      role: "assistant",
      content: [{ type: "text", text: answer }],
    });
    pipeline.close(id, "ended", time++);
  };
  const first = { role: "user", content: "Hello" };
  call(1, [first], "Hi");
  // The repository is looked for beside: it is known by a later call.
  await expect
    .poll(() => {
      call(2, [first, { role: "assistant", content: "Hi" }, { role: "user", content: "So" }], "Yes");
      return events.at(-1)?.client.repo;
    })
    .toEqual({ root, branch: "fix" });
  for (const event of events) validateEvent(event);
  expect(events[0]!.conversation).toEqual({ id: SESSION, turn: 1 });
  expect(events[1]!.conversation).toEqual({ id: SESSION, turn: 2, parent_event_id: events[0]!.event_id });
  expect(events[1]!.client.cwd).toBe(root);
});
