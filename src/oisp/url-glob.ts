/**
 * URL globs of features, such as `**` + `/rest/sse/perplexity_ask`: `**` matches zero or more path
 * segments, `*` a part of one segment. The glob must match the whole path.
 */

/** No feature has a longer path. */
const MAX_PATH = 8_192;

/** `path` is without query. A glob may begin with a scheme and host; then `host` decides too. */
export function matchesUrlGlob(glob: string, host: string, path: string): boolean {
  if (path.length > MAX_PATH) return false;
  const absolute = /^(?:https?|\*):\/\/([^/]+)(\/.*)?$/i.exec(glob);
  if (absolute) {
    const [, globHost = "", globPath = "/**"] = absolute;
    return (
      matchesHostGlob(globHost.toLowerCase(), host) &&
      matchesSequence(segmentsOf(globPath), segmentsOf(path), "**", matchesSegment)
    );
  }
  return matchesSequence(segmentsOf(glob), segmentsOf(path), "**", matchesSegment);
}

function segmentsOf(path: string): string[] {
  return path.replace(/^\//, "").split("/");
}

function matchesSegment(glob: string, segment: string): boolean {
  return (
    glob === segment ||
    (glob.includes("*") && matchesSequence([...glob], [...segment], "*", (a, b) => a === b))
  );
}

function matchesHostGlob(glob: string, host: string): boolean {
  return glob === "**" || matchesSequence(glob.split("."), host.split("."), "**", matchesSegment);
}

/** Only backtracks to the last `any`, so the time is at most the product of both lengths. */
function matchesSequence(
  glob: readonly string[],
  items: readonly string[],
  any: string,
  matches: (glob: string, item: string) => boolean,
): boolean {
  let at = 0;
  let lastAny = -1;
  let resume = 0;
  for (let item = 0; item < items.length; ) {
    const part = glob[at];
    if (part === any) {
      lastAny = at++;
      resume = item;
    } else if (part !== undefined && matches(part, items[item]!)) {
      at++;
      item++;
    } else if (lastAny !== -1) {
      at = lastAny + 1;
      item = ++resume;
    } else {
      return false;
    }
  }
  while (glob[at] === any) at++;
  return at === glob.length;
}
