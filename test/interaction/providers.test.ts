import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readInteraction } from "../../src/interaction/read.js";
import { classify } from "../../src/oisp/classify.js";
import { createHostIndex } from "../../src/oisp/host-index.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { providersDoc, transcriptsFor } from "./providers-doc.js";
import { decodedOf, loadTranscripts } from "./transcripts.js";

const transcripts = loadTranscripts();
const { bundle } = loadEmbedded();

describe("every provider of the bundle is read in its format", () => {
  test.each([...bundle.providers.values()].map((provider) => [provider.id, provider] as const))(
    "%s",
    (id, provider) => {
      const own = transcriptsFor(provider, transcripts);
      expect(own.length).toBeGreaterThan(3);
      for (const transcript of own) {
        const interaction = readInteraction(decodedOf(transcript), { provider, parsers: bundle.parsers });
        expect(interaction, transcript.title).toEqual({ ...transcript.expected, provider: id });
      }
    },
  );
});

/** A reader alone is not enough: `oisp/api-path.ts` and the bundle must know the call too. */
describe("what the transcripts ask a known host is taken for a call that can be read", () => {
  const index = createHostIndex(bundle);
  const asked = transcripts.filter(({ host, feature }) => !feature && index.knows(host, 443));
  test.each(asked.map((transcript) => [transcript.title, transcript] as const))("%s", (_, transcript) => {
    const { host, method, path } = { method: transcript.messages ? "GET" : "POST", ...transcript };
    expect(classify({ method, host, port: 443, path }, index).level).toBe("full_trace");
  });
});

test("docs/providers.md says what the transcripts prove", () => {
  const file = new URL("../../docs/providers.md", import.meta.url);
  const text = providersDoc(transcripts, bundle);
  if (process.env.UPDATE_DOCS) writeFileSync(file, text);
  expect(readFileSync(file, "utf8")).toBe(text);
});
