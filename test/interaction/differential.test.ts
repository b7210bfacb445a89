import { expect, test } from "vitest";
import { readInteraction } from "../../src/interaction/read.js";
import { NOT_BY_SDK } from "../lab/sdk-cases.js";
import { PARSERS } from "./exchanges.js";
import { type Opinion, ORACLES } from "./oracles.js";
import { mutate, randomOf } from "./stream-mutations.js";
import { decodedOf, loadTranscripts, providerOf, type Transcript } from "./transcripts.js";

/** Streams that the SDK reads, too. With OXIMY_FULL=1 the run that docs/providers.md tells of. */
const COMPARED = process.env.OXIMY_FULL ? 2_000 : 60;
/** Of five streams the SDK reads one at least. */
const MOST_RUNS = 10 * COMPARED;

const streamed = loadTranscripts().filter(
  ({ title, response, shows, provider }) =>
    response?.status === 200 &&
    (response.events ?? response.lines) !== undefined &&
    !shows.includes("errors") &&
    provider !== "mistral" &&
    NOT_BY_SDK[title] === undefined,
);

function ours(transcript: Transcript, bytes: Buffer): Opinion & { readonly failed: boolean } {
  const provider = providerOf(transcript);
  const fields = [["content-type", transcript.response!.type]] as const;
  const interaction = readInteraction(decodedOf(transcript, { bytes, fields }), {
    parsers: PARSERS,
    ...(provider && { provider }),
  });
  const { content, tool_calls: calls, finish_reason: finish, usage, error } = interaction?.response ?? {};
  return {
    content: content ?? "",
    calls: calls?.map(({ name }) => name ?? "") ?? [],
    ...(finish !== undefined && { finish }),
    ...(usage?.input_tokens !== undefined && { input: usage.input_tokens }),
    ...(usage?.output_tokens !== undefined && { output: usage.output_tokens }),
    failed: error !== undefined,
  };
}

/** Whether all that is in the one is in the other, in that order: we may read more, never less. */
function isWithin(one: string, other: string): boolean {
  let at = 0;
  for (const character of one) {
    at = other.indexOf(character, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

/** What the oracle read and we did not, or otherwise. */
function disagreements(one: Opinion, other: Opinion): string[] {
  const found: string[] = [];
  if (!isWithin(one.content, other.content)) found.push("content");
  if (one.calls.some((name) => name && !other.calls.includes(name))) found.push("calls");
  if (one.finish !== undefined && one.finish !== other.finish) found.push("finish");
  if (one.input !== undefined && one.input !== other.input) found.push("input");
  if (one.output !== undefined && one.output !== other.output) found.push("output");
  return found;
}

/** Where we read otherwise on purpose; docs/providers.md tells why. */
const EXPLAINED: ReadonlyArray<readonly [transcript: RegExp, field: string, done: RegExp]> = [
  // Its last event counts zero for what the first one counted: zero takes nothing away.
  [/^anthropic_messages\/stream-web-search$/, "input", /./],
  // A last event that no empty line closes, and one with NaN in it, the SDK does not see.
  [/^openai_responses\//, "finish", /^(?:no empty line at the end|NaN in a field)$/],
  [/^anthropic_messages\//, "output", /^(?:no empty line at the end|NaN in a field)$/],
  // What is null and yet in the total was thought or said.
  [/^gemini\//, "output", /^a number that is null$/],
  // Each chunk repeats the whole answer beside its piece: that counts, also when pieces were lost or doubled.
  [/^openai_chat\/perplexity$/, "content", /./],
];

test.each([...ORACLES])(
  "%s is read as its official SDK reads it, whatever happens to the stream",
  async (format, oracle) => {
    const random = randomOf(20261127);
    const cases = streamed.filter((transcript) => transcript.format === format);
    expect(cases.length).toBeGreaterThan(0);
    const unexplained: string[] = [];
    let compared = 0;
    let thrown = 0;
    let explained = 0;
    let run = 0;
    for (; compared < COMPARED && run < MOST_RUNS; run++) {
      const transcript = cases[random(cases.length)]!;
      const { bytes, done } = mutate(transcript.response!, random);
      const read = ours(transcript, bytes);
      let told: Opinion;
      try {
        told = await oracle(bytes, transcript);
      } catch {
        thrown++;
        continue;
      }
      compared++;
      for (const field of disagreements(told, read)) {
        const isExplained = EXPLAINED.some(
          ([of, what, how]) =>
            of.test(transcript.title) && what === field && done.some((name) => how.test(name)),
        );
        if (isExplained) explained++;
        else
          unexplained.push(
            `${transcript.title} ${field}: ${JSON.stringify(told)} / ${JSON.stringify(read)} after ${done.join(", ")}`,
          );
      }
    }
    if (process.env.OXIMY_FULL)
      console.log(
        `${format}: ${run} streams, ${compared} read by the SDK, ${thrown} refused by it, ${explained} disagreements explained`,
      );
    expect(compared).toBe(COMPARED);
    expect(unexplained.slice(0, 20)).toEqual([]);
  },
  600_000,
);
