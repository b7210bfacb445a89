/** Limits a body to the size of a datagram. */

import { isObject } from "../../interaction/json.js";

/** Marks a body from which members were left out. */
export const LEFT_OUT = "oximy.left_out";

/**
 * The body's JSON if it has at most `most` bytes; else without its longest members, which `oximy.left_out` lists, so
 * that it remains valid JSON, which a cut message would not be. `write` returns ASCII, so characters are bytes.
 */
export function fitting(
  body: Readonly<Record<string, unknown>>,
  most: number,
  write: (value: unknown) => string,
): string {
  const json = write(body);
  if (json.length <= most) return json;
  const left = structuredClone(body) as Record<string, unknown>;
  const names: string[] = [];
  for (;;) {
    const longest = longestLeaf(left, write);
    if (longest === undefined) return write({ [LEFT_OUT]: true });
    delete longest.holder[longest.name];
    names.push(longest.path);
    const short = write({ ...left, [LEFT_OUT]: names });
    if (short.length <= most) return short;
    const unnamed = write({ ...left, [LEFT_OUT]: true });
    if (unnamed.length <= most) return unnamed;
  }
}

interface Leaf {
  readonly holder: Record<string, unknown>;
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

function longestLeaf(
  holder: Record<string, unknown>,
  write: (value: unknown) => string,
  within = "",
): Leaf | undefined {
  let longest: Leaf | undefined;
  for (const [name, value] of Object.entries(holder)) {
    const path = `${within}${name}`;
    const found =
      isObject(value) && Object.keys(value).length > 0
        ? longestLeaf(value, write, `${path}.`)
        : { holder, name, path, size: write(value ?? null).length };
    if (found !== undefined && (longest === undefined || found.size > longest.size)) longest = found;
  }
  return longest;
}
