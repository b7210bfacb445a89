/** Texts that are spread over the messages of a stream. */

import { holdsSecret } from "./secrets.js";

/** Model tokens are not longer; ids are. */
const LONGEST_TOKEN = 16;

/** Whether the messages spell out a credential: in texts, or as OpenAI's log probabilities do, in lists of bytes. */
export function spellsSecret(messages: unknown): boolean {
  return spelledOut([messages]).some(holdsSecret);
}

function isBytes(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    typeof value[0] === "number" &&
    value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)
  );
}

/** Successive values of one field across messages. */
interface Spelling {
  text: string;
  readonly first: string;
  /** How often the first value was repeated; the text is built when another one follows. */
  repeated: number;
  isConstant: boolean;
}

/** A field, and its nested fields by name. */
interface Place {
  spelling?: Spelling;
  readonly fields: Map<string, Place>;
}

/**
 * The text of each field, joined over all messages of a stream: a credential in pieces cannot be recognised in any
 * single one. Values repeated in every message, such as an id or a model, are not joined.
 */
export function spelledOut(messages: readonly unknown[]): string[] {
  const texts: Spelling[] = [];
  const add = (text: string, place: Place): void => {
    const spelling = place.spelling;
    if (spelling === undefined) {
      place.spelling = { text, first: text, repeated: 1, isConstant: true };
      texts.push(place.spelling);
    } else if (spelling.isConstant && text === spelling.first) spelling.repeated += 1;
    else {
      if (spelling.isConstant && text.length < LONGEST_TOKEN)
        spelling.text = spelling.first.repeat(spelling.repeated);
      spelling.isConstant = false;
      spelling.text += text;
    }
  };
  const gather = (value: unknown, place: Place): void => {
    if (typeof value === "string") add(value, place);
    else if (typeof value !== "object" || value === null) return;
    else if (isBytes(value)) add(Buffer.from(value).toString("latin1"), place);
    else if (Array.isArray(value)) for (const element of value) gather(element, place);
    else
      for (const name in value) {
        const field = (value as Record<string, unknown>)[name];
        if (typeof field === "string" || (typeof field === "object" && field !== null))
          gather(field, fieldOf(place, name));
      }
  };
  gather(messages, { fields: new Map() });
  return texts.map(({ text }) => text);
}

function fieldOf(place: Place, name: string): Place {
  let field = place.fields.get(name);
  if (field === undefined) {
    field = { fields: new Map() };
    place.fields.set(name, field);
  }
  return field;
}
