/**
 * The bundle is untrusted and its JSONPaths are evaluated on every response: only plain member access is allowed.
 * Scripts `(…)`, filters `?(…)`, recursive descent `..` and type selectors are rejected.
 */

const STEP = String.raw`\.(?:[A-Za-z_][\w-]*|\*)|\[(?:\*|-?\d{1,9}|'[^'\\\]]{1,100}'|"[^"\\\]]{1,100}")\]`;
const PLAIN_PATH = new RegExp(`^\\$(?:${STEP}){1,32}$`);
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/** Undefined when the path is allowed, else the reason. */
export function refuseJsonPath(path: string): string | undefined {
  if (path.length > 512) return "is longer than 512 characters";
  if (!PLAIN_PATH.test(path)) return "is not a plain path of names and indexes";
  if ((path.match(/\*/g)?.length ?? 0) > 2) return "has more than two wildcards";
  const names = path.match(/[\w-]+/g) ?? [];
  const forbidden = names.find((name) => FORBIDDEN.has(name));
  return forbidden === undefined ? undefined : `goes through ${forbidden}`;
}
