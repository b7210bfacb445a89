/**
 * Event content is untrusted text. Characters that reverse text, hide it or are invisible are replaced by visible
 * codes, once, where the server's responses are parsed.
 */

/** C0 except tabs and line breaks, C1, bidirectional controls, separators, invisible tags, lone surrogates. */
const UNSEEN =
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;

/** The same in JSON, where C0 and lone surrogates are escaped. */
const UNSEEN_IN_JSON =
  /[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\\u[0d]|\\[bf]/iu;

export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
    return `⟨U+${code}⟩`;
  });
}

/** Parsed JSON whose strings have no invisible characters. Throws SyntaxError. */
export function parseVisible(json: string): unknown {
  if (!UNSEEN_IN_JSON.test(json)) return JSON.parse(json);
  return JSON.parse(json, (_key, value: unknown) => (typeof value === "string" ? visible(value) : value));
}
