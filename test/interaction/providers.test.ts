import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readInteraction } from "../../src/interaction/read.js";
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

test("docs/providers.md says what the transcripts prove", () => {
  const file = new URL("../../docs/providers.md", import.meta.url);
  const text = providersDoc(transcripts, bundle);
  if (process.env.UPDATE_DOCS) writeFileSync(file, text);
  expect(readFileSync(file, "utf8")).toBe(text);
});
