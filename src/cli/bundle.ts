/** `oximy bundle`: shows the bundle in use, and looks up hosts in it. */

import type { Command } from "commander";
import { OximyError } from "../errors.js";
import type { Bundle, LoadedBundle } from "../oisp/bundle.js";
import { splitHostPort } from "../oisp/host-name.js";
import { fetchBundle, type LoadOptions, loadBundle } from "../oisp/load.js";
import { print, printJson } from "../terminal.js";
import { asInvokingUser, findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { lookUp, lookupLines } from "./bundle-lookup.js";
import { addSomeOptions, bundleSources } from "./capture-options.js";

interface Flags {
  readonly json: boolean;
}

export function addBundleCommand(program: Command): void {
  const bundle = program.command("bundle").description("the OISP bundle in use");
  const withSources = (command: Command) =>
    addSomeOptions(command, "bundle_file", "bundle_url", "supplement").option("--json", "print JSON", false);

  const show = withSources(bundle.command("show").description("where it comes from and what it holds"));
  show.action(async () =>
    describe(
      await asInvokingUser(findInvokingUser(), () => loadBundle(sourcesOf(show))),
      show.opts<Flags>().json,
    ),
  );

  const update = withSources(bundle.command("update").description("fetch the published bundle now"));
  update.action(async () =>
    describe(
      await asInvokingUser(findInvokingUser(), () => fetchBundle(sourcesOf(update))),
      update.opts<Flags>().json,
    ),
  );

  const lookup = withSources(
    bundle
      .command("lookup")
      .description("what it contains about a host, or how a call is read")
      .argument("<host>", "host, host:port, or a URL; for a URL with a path, how a call to it is read")
      .option("--method <method>", "method of the call", "POST"),
  );
  lookup.action(async (query: string) => {
    const place = placeOf(query);
    const { bundle: loaded } = await asInvokingUser(findInvokingUser(), () => loadBundle(sourcesOf(lookup)));
    const answer = lookUp(loaded, { ...place, method: lookup.opts<{ method: string }>().method });
    if (lookup.opts<Flags>().json) printJson(answer, 2);
    else for (const line of lookupLines(answer)) print(line);
  });
}

function sourcesOf(command: Command): LoadOptions {
  return bundleSources(command, oximyHome(process.env, findInvokingUser().home));
}

/** Accepts an address with or without scheme and path. */
function placeOf(query: string): {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
} {
  const withPath = /^[^/\s]+\/[^/]/.test(query) ? `https://${query}` : query;
  const url = /^[a-z]+:\/\//i.test(withPath) && URL.canParse(withPath) ? new URL(withPath) : undefined;
  const { host, port } = splitHostPort(url?.host ?? query) ?? {};
  if (host === undefined) {
    throw new OximyError(
      "OXIMY_E_USAGE",
      `"${query}" is not a host.`,
      "Give a host such as api.openai.com, or host:port.",
    );
  }
  const path = url && url.pathname + url.search;
  return {
    host,
    port: port ?? (/^(?:http|ws):$/.test(url?.protocol ?? "") ? 80 : 443),
    ...(path !== undefined && path !== "/" && { path }),
  };
}

function describe({ bundle, origin, location, rejected, note }: LoadedBundle, json: boolean): void {
  const summary = {
    version: bundle.version,
    generated_at: bundle.generatedAt,
    origin,
    location,
    hosts: bundle.hosts.size,
    patterns: bundle.patterns.length,
    providers: bundle.providers.size,
    parsers: bundle.parsers.size,
    models: bundle.models.size,
    apps: bundle.apps.length,
    websites: bundle.websites.length,
    supplement: supplementOf(bundle),
    rejected,
  };
  if (json) {
    printJson(summary, 2);
    return;
  }
  const { supplement = {}, rejected: _, ...rows } = summary;
  const ours: Readonly<Record<string, number>> = supplement;
  for (const [name, value] of Object.entries(rows)) {
    const added = ours[name] ? ` (${ours[name]} of the supplement)` : "";
    if (value !== undefined) print(`${name.padEnd(12)} ${value}${added}`);
  }
  print(`supplement   ${summary.supplement ? factsLine(ours) : "not read"}`);
  for (const sentence of rejected) print(`left out     ${sentence}`);
  if (note) print(`note         ${note}`);
}

/** How many entries of each kind the supplement adds or corrects; undefined without it. */
function supplementOf({ facts }: Bundle): Readonly<Record<string, number>> | undefined {
  if (!facts) return undefined;
  const kinds = {
    hosts: /^host (?!app |website )/,
    patterns: /^pattern /,
    providers: /^provider /,
    parsers: /^parser /,
  };
  const more = { models: /^model /, apps: /^app /, websites: /^website /, signatures: /^signatures / };
  const paths = { paths: /^feature \S+ \S+ \S+ \S/ };
  const keys = [...facts.keys()];
  const counts = Object.entries({ ...kinds, ...more, ...paths }).map(([name, pattern]) => [
    name,
    keys.filter((key) => pattern.test(key)).length,
  ]);
  const corrections = [...facts.values()].filter(({ correction }) => correction !== undefined).length;
  return Object.fromEntries([...counts, ["corrections", corrections]]);
}

function factsLine(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}
