/** JSON as VS Code writes it: with comments and trailing commas (JSONC). */

import { endOfString, parseJson } from "../../interaction/json.js";

/** The value, or `undefined` when the text is not JSONC either. */
export function parseJsonWithComments(text: string): unknown {
  const plain = text.replace(/^\ufeff/, "");
  return parseJson(plain) ?? parseJson(withoutTrailingCommas(withoutComments(plain)));
}

/** Replaces each comment with a space. */
function withoutComments(text: string): string {
  return outsideStrings(text, /\/\/[^\n]*|\/\*[\s\S]*?\*\//y);
}

function withoutTrailingCommas(text: string): string {
  return outsideStrings(text, /,(?=\s*[}\]])/y);
}

/** Replaces matches outside of strings with a space. */
function outsideStrings(text: string, pattern: RegExp): string {
  const parts: string[] = [];
  let kept = 0;
  for (let at = 0; at < text.length; ) {
    const character = text[at]!;
    if (character === '"') {
      const end = endOfString(text, at + 1);
      at = end < 0 ? text.length : end;
      continue;
    }
    pattern.lastIndex = at;
    const found = character === "/" || character === "," ? pattern.exec(text) : null;
    if (found === null) {
      at += 1;
      continue;
    }
    parts.push(text.slice(kept, at), " ");
    at += found[0].length;
    kept = at;
  }
  return parts.join("") + text.slice(kept);
}
