/** `oximy bundle`: which bundle is in use, and what it says of a host. */

import type { Command } from "commander";
import { OximyError } from "../errors.js";
import { asCaller, findCaller } from "../local/caller.js";
import { oximyHome } from "../local/settings.js";
import type { LoadedBundle } from "../oisp/bundle.js";
import { createHostIndex } from "../oisp/host-index.js";
import { LOOPBACK_HOSTS, splitHostPort } from "../oisp/host-name.js";
import { fetchBundle, type LoadOptions, loadBundle } from "../oisp/load.js";
import { addSomeOptions, bundleSources } from "./capture-options.js";

interface Flags {
  readonly json: boolean;
}

export function addBundleCommand(program: Command): void {
  const bundle = program.command("bundle").description("the OISP bundle in use");
  const withSources = (command: Command) =>
    addSomeOptions(command, "bundle_file", "bundle_url").option("--json", "print JSON", false);

  const show = withSources(bundle.command("show").description("where it comes from and what it holds"));
  show.action(async () =>
    describe(await asCaller(findCaller(), () => loadBundle(sourcesOf(show))), show.opts<Flags>().json),
  );

  const update = withSources(bundle.command("update").description("fetch the published bundle now"));
  update.action(async () =>
    describe(await asCaller(findCaller(), () => fetchBundle(sourcesOf(update))), update.opts<Flags>().json),
  );

  const lookup = withSources(
    bundle
      .command("lookup")
      .description("what it knows of a host")
      .argument("<host>", "host, host:port, or a URL"),
  );
  lookup.action(async (asked: string) => {
    const { host, port } = hostAndPort(asked);
    const { bundle: loaded } = await asCaller(findCaller(), () => loadBundle(sourcesOf(lookup)));
    const index = createHostIndex(loaded);
    const matches = index.lookup(host, port) ?? [];
    const found = matches.flatMap((match) => {
      switch (match.kind) {
        case "api":
          return [{ type: "api", id: match.provider.id, name: match.provider.name }];
        case "website":
          return match.websites.map(({ id, name }) => ({ type: "website", id, name }));
        case "app":
          return match.apps.map(({ id, name }) => ({ type: "app", id, name }));
      }
      return [];
    });
    const decrypted = index.knows(host, port);
    if (lookup.opts<Flags>().json) {
      console.log(JSON.stringify({ host, port, decrypted, found }, null, 2));
      return;
    }
    const verdict = decrypted ? "is read" : "passes through untouched";
    const isLocal = decrypted && LOOPBACK_HOSTS.has(host);
    const condition = isLocal ? ", by `oximy local` with --local-models only" : "";
    console.log(`${host.includes(":") ? `[${host}]` : host}:${port} ${verdict}${condition}`);
    for (const { type, id, name } of found) console.log(`  ${type} ${id} (${name})`);
  });
}

function sourcesOf(command: Command): LoadOptions {
  return bundleSources(command, oximyHome(process.env, findCaller().home));
}

/** Whoever asks has an address at hand, with or without its scheme and path. */
function hostAndPort(asked: string): { readonly host: string; readonly port: number } {
  const url = /^[a-z]+:\/\//i.test(asked) && URL.canParse(asked) ? new URL(asked) : undefined;
  const { host, port } = splitHostPort(url?.host ?? asked) ?? {};
  if (host === undefined) {
    throw new OximyError(
      "OXIMY_E_USAGE",
      `"${asked}" is no host.`,
      "Give a host such as api.openai.com, or host:port.",
    );
  }
  return { host, port: port ?? (url?.protocol === "http:" ? 80 : 443) };
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
    rejected,
  };
  if (json) {
    console.log(JSON.stringify(summary, null, 2));
    return;
  }
  for (const [name, value] of Object.entries(summary)) {
    if (value !== undefined && !Array.isArray(value)) console.log(`${name.padEnd(12)} ${value}`);
  }
  for (const sentence of rejected) console.log(`left out     ${sentence}`);
  if (note) console.log(`note         ${note}`);
}
