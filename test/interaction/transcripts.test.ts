import { describe, expect, test } from "vitest";
import { readInteraction } from "../../src/interaction/read.js";
import { PARSERS } from "./exchanges.js";
import { decodedOf, loadTranscripts, providerOf } from "./transcripts.js";

const transcripts = loadTranscripts();

function contextOf(transcript: (typeof transcripts)[number]) {
  const provider = providerOf(transcript);
  const { feature } = transcript;
  return { parsers: PARSERS, ...(provider && { provider }), ...(feature && { feature }) };
}

describe("each transcript gives its interaction", () => {
  test.each(transcripts.map((transcript) => [transcript.title, transcript] as const))(
    "%s",
    (_, transcript) => {
      expect(readInteraction(decodedOf(transcript), contextOf(transcript))).toEqual(transcript.expected);
    },
  );
});

describe("each transcript gives the same without the bundle's parsers", () => {
  const own = transcripts.filter(({ feature }) => !feature);
  test.each(own.map((transcript) => [transcript.title, transcript] as const))("%s", (_, transcript) => {
    const context = { ...contextOf(transcript), parsers: new Map() };
    expect(readInteraction(decodedOf(transcript), context)).toEqual(transcript.expected);
  });
});
