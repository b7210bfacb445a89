/** Texts that a stream spells out, piece by piece. */

/**
 * The text of each field over all messages of a stream, joined: what is spelled out in pieces cannot be told from
 * any one of them.
 */
export function spelledOut(messages: readonly unknown[]): string[] {
  const texts = new Map<string, string>();
  const gather = (value: unknown, path: string): void => {
    if (typeof value === "string") texts.set(path, (texts.get(path) ?? "") + value);
    else if (Array.isArray(value)) for (const element of value) gather(element, path);
    else if (typeof value === "object" && value !== null)
      for (const [name, field] of Object.entries(value)) gather(field, `${path}.${name}`);
  };
  gather(messages, "");
  return [...texts.values()];
}
