/** An event in Oximy's own format (docs/events.md). */

import type { OximyEvent } from "../../event/event.js";
import { isObject, present } from "../../interaction/json.js";

/** Numbers and names of a request, which reveal no content; others are left out. */
const OF_REQUEST = [
  "model",
  "stream",
  "temperature",
  "top_p",
  "top_k",
  "max_tokens",
  "seed",
  "frequency_penalty",
  "presence_penalty",
  "n",
  "previous_response_id",
];
const OF_RESPONSE = ["id", "model", "finish_reason", "usage", "error"];

/** Without bodies; without `content` the interaction is reduced to numbers, names and the provider's error. */
export function ownBody(event: OximyEvent, content: boolean): Record<string, unknown> {
  const { interaction, structure, ...rest } = event;
  if (interaction === undefined) return rest;
  const { request, response, ...names } = interaction;
  if (content) {
    const { _raw, ...input } = request;
    const { _raw: _, ...output } = response ?? {};
    return { ...rest, interaction: { ...names, request: input, ...(response && { response: output }) } };
  }
  return {
    ...rest,
    interaction: {
      ...names,
      request: only(request, OF_REQUEST),
      ...(response && { response: only(response, OF_RESPONSE) }),
    },
  };
}

/** The members present; objects only for `usage` and `error`, whose members are numbers and short texts. */
function only(from: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return present(
    Object.fromEntries(
      names.map((name) => {
        const value = from[name];
        const isShown =
          typeof value !== "object" || (isObject(value) && (name === "usage" || name === "error"));
        return [name, isShown ? value : undefined];
      }),
    ),
  );
}
