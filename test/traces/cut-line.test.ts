import { expect, test } from "vitest";
import { cutLine, WITHOUT_BODIES, WITHOUT_WORDS } from "../../src/traces/cut-line.js";
import { SAMPLE_INTERACTION, sampleEvent } from "../sinks/sample-event.js";

const cut = (text: string, rules = WITHOUT_BODIES) => String(cutLine(Buffer.from(text), rules));

test("bodies are cut, and all else stays", () => {
  const nasty = { text: 'a "quote", a \\ and }]{[ \u00e9 \n', list: [1, [{ _raw: 2 }], null, true] };
  const { request, response } = SAMPLE_INTERACTION;
  const whole = sampleEvent({
    interaction: {
      ...SAMPLE_INTERACTION,
      request: { ...request, nasty, _raw: nasty },
      response: { ...response, _raw: [nasty, "\\"], nasty },
    },
  });
  const expected = structuredClone(whole);
  expected.interaction!.request._raw = null;
  expected.interaction!.response!._raw = null;
  for (const spaces of [0, 1]) {
    const line = JSON.stringify(whole, null, spaces).replaceAll("\n", " ");
    expect(JSON.parse(cut(line))).toEqual(expected);
    expect(cut(line).length).toBeLessThan(line.length);
  }
});

test("of words, numbers are left", () => {
  const event = sampleEvent();
  const { interaction, ...rest } = JSON.parse(cut(JSON.stringify(event), WITHOUT_WORDS));
  expect(rest).toEqual(JSON.parse(JSON.stringify({ ...event, interaction: undefined })));
  expect(interaction).toMatchObject({
    cost_usd: 0.00033,
    request: { messages: null, model: "gpt-4" },
    response: { content: null, usage: { input_tokens: 5, output_tokens: 3 } },
  });
});

test.each([
  ["[1]"],
  ["{}"],
  ["null"],
  [""],
  ['{"interaction":'],
  ['{"interaction":{"request":{"_raw":{"a":"b'],
  ['{"interaction":{"request":{"_raw":1'],
  ['{"interaction":null,"a":1}'],
  ['{"interaction":{"request":{"a":1}}}'],
  ['{"_raw":1}'],
])("%s stays as it is", (text) => {
  expect(cut(text)).toBe(text);
});

test("values of each kind are cut", () => {
  for (const value of ["1", "-1.5e3", "true", '"x"', "[]", "{}", '[{"a":"]"}]']) {
    const line = (raw: string) =>
      `{"interaction":{"request":{"a":1,"_raw":${raw}},"response":{"_raw": ${raw} ,"b":2}}}`;
    expect(JSON.parse(cut(line(value)))).toEqual({
      interaction: { request: { a: 1, _raw: null }, response: { _raw: null, b: 2 } },
    });
  }
});
