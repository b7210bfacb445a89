import { chmodSync, copyFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import type { OximyEvent } from "../../src/event/event.js";
import { validateEvent } from "../event/schema.js";
import { bytesOf, loadTranscripts } from "../interaction/transcripts.js";
import { LabOximy, PROJECT } from "./oximy.js";
import { PROVIDER_SERVER } from "./real-clients/provider-server.js";
import { requireLab } from "./require-lab.js";
import { TRANSCRIPT_SERVER } from "./transcript-server.js";

/** The bundles that are kept here, as they are published; OXIMY_BUNDLES=FOLDER adds all of a folder. */
const FIXTURES = join(PROJECT, "test/oisp/fixtures");
const BUNDLES = [
  join(PROJECT, "data/oisp-bundle.json"),
  ...[FIXTURES, ...(process.env.OXIMY_BUNDLES ? [process.env.OXIMY_BUNDLES] : [])].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => /^bundle-.*\.json$/.test(file))
      .map((file) => join(folder, file)),
  ),
];

interface Asked {
  readonly title: string;
  readonly host: string;
  readonly path: string;
  /** `format/name` of what answers. */
  readonly transcript: string;
  /** Of the event's source. */
  readonly source: string;
}

const WHOLE = "chatgpt_web/whole-messages";
const ASKED: readonly Asked[] = [
  ...[
    ["/backend-api/f/conversation", "chatgpt_web/delta-encoding"],
    ["/backend-api/conversation", WHOLE],
    ["/backend-anon/conversation", WHOLE],
  ].map(([path, transcript]) => ({
    title: `ChatGPT at ${path}`,
    host: "chatgpt.com",
    path: path!,
    transcript: transcript!,
    source: "chatgpt",
  })),
  {
    title: "Codex with ChatGPT login over WebSocket",
    host: "chatgpt.com",
    path: "/backend-api/codex/responses",
    transcript: "openai_responses/websocket",
    source: "chatgpt",
  },
  {
    title: "Gemini CLI with Google login",
    host: "cloudcode-pa.googleapis.com",
    path: "/v1internal:streamGenerateContent?alt=sse",
    transcript: "gemini/code-assist",
    source: "google",
  },
  {
    title: "Claude",
    host: "claude.ai",
    path: "/api/organizations/o1/chat_conversations/v1/completion",
    transcript: "claude_web/completion",
    source: "claude",
  },
  {
    title: "Perplexity",
    host: "www.perplexity.ai",
    path: "/rest/sse/perplexity_ask",
    transcript: "perplexity_web/blocks",
    source: "perplexity",
  },
  {
    title: "GitHub Copilot",
    host: "api.individual.githubcopilot.com",
    path: "/chat/completions",
    transcript: "openai_chat/stream",
    source: "github_copilot",
  },
  {
    title: "Granola",
    host: "api.granola.ai",
    path: "/v1/chat-with-documents",
    transcript: "granola/chat",
    source: "granola",
  },
];

const CURSOR = { host: "api2.cursor.sh", path: "/aiserver.v1.ChatService/StreamUnifiedChatWithTools" };
/** One enveloped message with the text "Hello" in its first field. */
const CURSOR_MESSAGE = Buffer.from("\0\0\0\0\x07\n\x05Hello", "latin1");

const pathOf = (target: string) => target.split("?", 1)[0];

const transcripts = new Map(loadTranscripts().map((transcript) => [transcript.title, transcript]));
const questions = [
  ...ASKED.map(({ host, path, transcript }) => {
    const { request, messages } = transcripts.get(transcript)!;
    return {
      ...{ host, path, body: bytesOf(request).toString("base64") },
      headers: { "x-transcript": transcript, ...(request && { "content-type": request.type }) },
      said: messages?.filter(({ from }) => from === "client").map(({ data }) => data),
    };
  }),
  {
    ...CURSOR,
    headers: { "content-type": "application/connect+proto" },
    body: CURSOR_MESSAGE.toString("base64"),
    said: undefined,
  },
];

/** What every bundle must read, ours over it: what apps and websites speak is not all in any published one. */
describe.skipIf(requireLab())("the machine's traffic", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab();
    await lab.addServerOf(TRANSCRIPT_SERVER, { names: [...new Set(ASKED.map(({ host }) => host))] });
    await lab.addServerOf(PROVIDER_SERVER, { names: [CURSOR.host] });
  }, 60_000);
  afterAll(() => lab?.close());

  describe.each(BUNDLES.map((file) => [basename(file), file]))("with %s", (_, bundle) => {
    let events: OximyEvent[] = [];
    beforeAll(async () => {
      const oximy = await LabOximy.start(lab, [], { OXIMY_BUNDLE_FILE: bundle! });
      try {
        const certificate = join(lab.dir, "oximy-ca.pem");
        copyFileSync(oximy.certificate, certificate);
        chmodSync(certificate, 0o644);
        const client = lab.machine.spawn("node", ["test/lab/clients/ask-for-answers.mjs"], {
          uid: 34_567,
          cwd: PROJECT,
          env: { NODE_EXTRA_CA_CERTS: certificate },
        });
        client.child.stdin.end(JSON.stringify(questions));
        const { code, stdout, stderr } = await client.exited;
        expect(code, stderr).toBe(0);
        expect(stdout.trim().split("\n")).toEqual(questions.map(({ said }) => (said ? "101" : "200")));
      } finally {
        // What it has captured is written when it ends.
        await oximy.stop();
      }
      events = oximy.events;
    }, 120_000);

    const eventsOf = ({ host, path }: Pick<Asked, "host" | "path">) =>
      events.filter(
        ({ metadata: { request_host, request_path, reason } }) =>
          request_host === host && pathOf(request_path!) === pathOf(path) && reason !== "websocket_closed",
      );

    it.each(ASKED)("$title is read", ({ host, path, transcript, source }) => {
      const { expected, messages } = transcripts.get(transcript)!;
      const [event, ...more] = eventsOf({ host, path });
      expect(more).toHaveLength(messages ? messages.filter(({ from }) => from === "client").length - 1 : 0);
      validateEvent(event!);
      expect(event).toMatchObject({
        trace_level: "full",
        source: { id: source },
        interaction: {
          model: expected.model,
          type: expected.type,
          response: { content: expected.response!.content },
        },
      });
      // A bundle's own rules may tell more than the reader.
      const { messages: asked, prompt } = expected.request;
      expect(event!.interaction!.request).toMatchObject({
        ...(asked && { messages: asked }),
        ...(prompt !== undefined && { prompt }),
      });
      expect(event!.interaction!.response!.usage).toEqual(expected.response!.usage);
    });

    it("Cursor, whose schema nobody publishes, is read as far as its messages' structure goes", () => {
      const [event, ...more] = eventsOf(CURSOR);
      expect(more).toEqual([]);
      validateEvent(event!);
      expect(event).toMatchObject({
        source: { id: "cursor" },
        structure: { request: [{ 1: "Hello" }], response: [{ 1: "Hello" }] },
      });
    });
  });
});
