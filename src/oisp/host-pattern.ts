/**
 * Host patterns of a bundle. They are untrusted: only a safe subset is supported, and compiled to strict expressions.
 * A wildcard matches one whole label and never crosses a dot; a bare `.` is a dot; both ends are anchored.
 */

export type CompiledPattern = { readonly kind: "compiled"; readonly regex: RegExp; readonly port?: number };
export type RefusedPattern = { readonly kind: "refused"; readonly why: string };

type Token =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "slot" }
  | { readonly kind: "class"; readonly source: string };

const LABEL_PART = "[a-z0-9_-]+";
/** us-east-1, us-gov-west-1, cn-north-1, eusc-de-east-1; but not the `s3` in `bedrock.s3.amazonaws.com`. */
export const AWS_REGION = "[a-z]{2,5}(?:-[a-z]+)+-[0-9]{1,2}";

const TOO_WIDE = "matches hosts of more than one party";
const MAX_LENGTH = 256;
/** Each repeated part can multiply the matching time by the host's length (253 at most). */
const MAX_REPEATS = 3;

/**
 * A published pattern is a regular expression if it has a backslash or an anchor, otherwise a glob. Whether it compiles
 * as an expression is no criterion, since globs may, too.
 */
export function compileHostPattern(published: string): CompiledPattern | RefusedPattern {
  if (published.length > MAX_LENGTH) return refused(`is longer than ${MAX_LENGTH} characters`);
  let pattern = published.toLowerCase();
  let port: number | undefined;
  const tail = /:(\d{1,5})\$?$/.exec(pattern);
  if (tail) {
    port = Number(tail[1]);
    pattern = pattern.slice(0, tail.index);
  }
  const tokens = /[\\^$]/.test(published) ? readRegex(pattern) : readGlob(pattern);
  if (typeof tokens === "string") return refused(tokens);
  if (tokens.filter((token) => token.kind !== "text").length > MAX_REPEATS)
    return refused(`has more than ${MAX_REPEATS} variable parts`);
  if (!hasFixedDomain(tokens)) return refused(TOO_WIDE);
  const source = tokens.map((token, index) => sourceOf(token, index, tokens)).join("");
  try {
    return { kind: "compiled", regex: new RegExp(`^${source}$`), ...(port === undefined ? {} : { port }) };
  } catch {
    return refused("contains an inverted range or count");
  }
}

function refused(why: string): RefusedPattern {
  return { kind: "refused", why };
}

function readGlob(glob: string): readonly Token[] | string {
  if (!/^[a-z0-9_.*-]+$/.test(glob)) return "is neither a plain glob nor a supported expression";
  return glob
    .split(/(\*+)/)
    .filter(Boolean)
    .map((part): Token => (part.startsWith("*") ? { kind: "slot" } : { kind: "text", text: part }));
}

/** Parses `abc`, `\.`, `\-`, `.`, `.*`, `.+`, `[a-z0-9-]+`, `[a-z]{2,4}`; everything else is rejected. */
function readRegex(regex: string): readonly Token[] | string {
  const tokens: Token[] = [];
  const grammar = /\.[*+]|\[(?:[a-z0-9_]|\\?-)+\](?:[+*?]|\{\d{1,2}(?:,\d{1,2})?\})?|\\[.-]|[a-z0-9_.-]/y;
  const end = regex.endsWith("$") ? regex.length - 1 : regex.length;
  grammar.lastIndex = regex.startsWith("^") ? 1 : 0;
  while (grammar.lastIndex < end) {
    const [part] = grammar.exec(regex) ?? [];
    if (part === undefined)
      return "uses syntax outside the safe subset (no groups, alternatives, look-around or back references)";
    if (part === ".*" || part === ".+") tokens.push({ kind: "slot" });
    else if (part.startsWith("[")) tokens.push({ kind: "class", source: part });
    else tokens.push({ kind: "text", text: part.replace("\\", "") });
  }
  return tokens;
}

function hasFixedDomain(tokens: readonly Token[]): boolean {
  const lastVariable = tokens.findLastIndex((token) => token.kind !== "text");
  if (lastVariable === -1) return true;
  const fixed = tokens.slice(lastVariable + 1).map((token) => (token.kind === "text" ? token.text : ""));
  // Text before the first separator may be part of a label: `-aiplatform` in `*-aiplatform.example.com`.
  const [, domain] = /^[^.-]*[.-](.+)$/.exec(fixed.join("")) ?? [];
  return domain !== undefined && isOwnDomain(domain);
}

function sourceOf(token: Token, index: number, tokens: readonly Token[]): string {
  switch (token.kind) {
    case "text":
      return token.text.replace(/[.-]/g, "\\$&");
    case "class":
      return token.source;
    case "slot": {
      const after = tokens
        .slice(index + 1)
        .map((next) => (next.kind === "text" ? next.text : "*"))
        .join("");
      return /^\.amazonaws\.com(?:\.cn)?$/.test(after) ? AWS_REGION : LABEL_PART;
    }
  }
}

/** Undefined when the host is not a wildcard, or an acceptable one. */
export function wildcardFault(host: string): string | undefined {
  return host.startsWith("*.") && !isOwnDomain(host.slice(2)) ? TOO_WIDE : undefined;
}

/** Whether the domain belongs to one party, unlike `com` or `co.uk`. */
function isOwnDomain(domain: string): boolean {
  return (
    /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/.test(domain) &&
    !/^(?:ac|co|com|edu|go|gov|ne|net|or|org)\.[a-z]{2}$/.test(domain)
  );
}
