import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import type { Body, Fields } from "../../src/exchange/exchange.js";
import { decodeBody } from "../../src/interaction/decode.js";
import type { DecodedBody } from "../../src/interaction/interaction.js";
import { readInteraction } from "../../src/interaction/read.js";
import { PARSERS, wholeBody } from "./exchanges.js";
import { bytesOf, decodedOf, loadTranscripts, providerOf, type Transcript } from "./transcripts.js";

const MUTATIONS = 10_000;
const transcripts = loadTranscripts();
const schema = JSON.parse(readFileSync(new URL("../../schema/event.schema.json", import.meta.url), "utf8"));
const validate = new Ajv2020({ strict: false }).compile(schema.properties.interaction);

/** mulberry32: the same mutations in each run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomOf(20261122);
const below = (limit: number) => Math.floor(random() * limit);
const oneOf = <T>(list: readonly T[]): T => list[below(list.length)]!;

const STRANGE: readonly unknown[] = [
  null,
  true,
  0,
  -1.5,
  1e308,
  "",
  "x",
  "\ud83d",
  [],
  [null],
  [[]],
  {},
  { type: null },
  { __proto__: 1 },
  [{ text: 7 }],
  { index: 1e9 },
  { index: -1 },
];

/** Bytes changed, lost, doubled, or put elsewhere. */
function mutateBytes(bytes: Buffer): Buffer {
  const mutated = Buffer.from(bytes);
  if (mutated.length === 0) return Buffer.from([below(256)]);
  const from = below(mutated.length);
  const to = Math.min(mutated.length, from + 1 + below(40));
  switch (below(5)) {
    case 0:
      mutated[from] = below(256);
      return mutated;
    case 1:
      return Buffer.concat([mutated.subarray(0, from), mutated.subarray(to)]);
    case 2:
      return Buffer.concat([mutated.subarray(0, to), mutated.subarray(from)]);
    case 3:
      return mutated.subarray(0, from);
    default:
      return Buffer.concat([mutated.subarray(to), mutated.subarray(0, to)]);
  }
}

/** A value somewhere inside replaced by one that nobody expects there. */
function mutateValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null || below(6) === 0) return oneOf(STRANGE);
  const copy: Record<string, unknown> = Array.isArray(value)
    ? (Object.assign([], value) as never)
    : { ...value };
  const key = oneOf(Object.keys(copy));
  if (key === undefined) return oneOf(STRANGE);
  if (below(8) === 0) delete copy[key];
  else copy[key] = mutateValue(copy[key]);
  return copy;
}

type Content = NonNullable<Transcript["response"]>;

function mutateContent(content: Content): Content {
  const form = (["json", "events", "lines", "amazon", "form"] as const).find(
    (name) => content[name] !== undefined,
  );
  if (!form) return content;
  return { ...content, [form]: mutateValue(content[form]) } as Content;
}

function bodyOf(content: Content | undefined): Body {
  let bytes: Buffer = Buffer.alloc(0);
  try {
    bytes = bytesOf(content);
  } catch {
    // The transcript's own writer cannot write what the mutation made of it.
  }
  for (let count = below(3); count > 0; count--) bytes = mutateBytes(bytes);
  if (below(10) > 0) return wholeBody(bytes);
  const cut = below(bytes.length + 1);
  return {
    head: bytes.subarray(0, cut),
    tail: bytes.subarray(cut),
    length: bytes.length + 1000,
    truncated: true,
  };
}

function mutateChunks(body: DecodedBody): DecodedBody {
  if (body.kind !== "stream") return body;
  return { ...body, chunks: body.chunks.map(({ data }) => ({ data: mutateValue(data) })) };
}

test(`${MUTATIONS} mutations of the transcripts are read without an error, and fit the schema`, () => {
  let read = 0;
  for (let count = 0; count < MUTATIONS; count++) {
    const transcript = oneOf(transcripts);
    const { request, response, feature } = transcript;
    const fields = (content: Content | undefined): Fields =>
      content && below(10) > 0
        ? [["content-type", below(20) === 0 ? (oneOf(transcripts).response?.type ?? "") : content.type]]
        : [];
    const requestFields = fields(request);
    const responseFields = fields(response);
    const whole = decodedOf(transcript);
    const exchange = transcript.messages
      ? {
          ...whole,
          requestBody: mutateChunks(whole.requestBody),
          responseBody: mutateChunks(whole.responseBody),
        }
      : {
          ...whole,
          requestBody: decodeBody(bodyOf(request && mutateContent(request)), requestFields),
          responseBody: decodeBody(bodyOf(response && mutateContent(response)), responseFields),
        };
    const provider = providerOf(transcript);
    const interaction = readInteraction(exchange, {
      parsers: PARSERS,
      ...(provider && { provider }),
      ...(feature && { feature }),
    });
    if (!interaction) continue;
    read++;
    const written = JSON.parse(JSON.stringify(interaction));
    if (!validate(written))
      expect.fail(`${transcript.title}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(written)}`);
  }
  expect(read).toBeGreaterThan(MUTATIONS / 2);
}, 120_000);
