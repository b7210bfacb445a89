import type { AppMatch, Owner, ProcessIdentity } from "../connection/client.js";
import type { App } from "../oisp/bundle.js";
import { executableName } from "./identity/identity.js";
import { isInterpreter } from "./identity/interpreter.js";

type MatchedBy = AppMatch["matchedBy"];
type Signatures = ReadonlyMap<string, App>;

/** The bundle's apps by their signatures, built once per bundle. */
export interface AppIndex {
  readonly apps: readonly App[];
  readonly bundleIds: Signatures;
  readonly applicationIds: Signatures;
  readonly executables: Signatures;
  readonly scripts: Signatures;
}

/** Shells and launchers run arbitrary programs: like interpreters, they identify no app. */
const SHELLS_AND_LAUNCHERS = new Set(
  "sh bash zsh dash ash ksh tcsh csh fish nu pwsh busybox env sudo su doas nohup setsid xargs ssh sshd login tmux screen systemd launchd init bwrap docker npm npx uv uvx ruby perl php".split(
    " ",
  ),
);

/**
 * A signature claimed by two apps identifies neither, and is left out; so are executables that run arbitrary programs
 * (`node`, `bash`).
 */
export function createAppIndex(apps: readonly App[], platform: "linux" | "darwin"): AppIndex {
  return {
    apps,
    bundleIds: indexBy(apps, (app) => app.signatures.bundleIds),
    applicationIds: indexBy(apps, (app) => app.signatures.applicationIds),
    executables: indexBy(apps, (app) => app.signatures.executables[platform].filter(identifiesApp)),
    scripts: indexBy(apps, (app) => app.signatures.scripts),
  };
}

function identifiesApp(executable: string): boolean {
  return !isInterpreter(executable) && !SHELLS_AND_LAUNCHERS.has(executable);
}

function indexBy(apps: readonly App[], signaturesOf: (app: App) => readonly string[]): Signatures {
  const index = new Map<string, App>();
  const claimedTwice = new Set<string>();
  for (const app of apps) {
    for (const signature of signaturesOf(app)) {
      if ((index.get(signature) ?? app) !== app) claimedTwice.add(signature);
      index.set(signature, app);
    }
  }
  for (const signature of claimedTwice) index.delete(signature);
  return index;
}

/**
 * The app of a client: by exact signature, from the process up its ancestors, nearest first. A `curl` from the terminal
 * of an editor belongs to the editor; an agent there is itself, with the editor as `hostApp`.
 */
export function matchApp(owner: Owner, index: AppIndex): AppMatch | undefined {
  if (owner.kind === "unknown") return undefined;
  const chain = [owner.process, ...owner.ancestors];
  let match: AppMatch | undefined;
  for (let place = chain.length - 1; place >= 0; place--) {
    const nearer = matchProcess(chain[place]!, chain[place + 1], index);
    if (nearer === undefined) continue;
    const hostApp = nearer.id === match?.id ? match.hostApp : match;
    match = { ...nearer, ...(hostApp && { hostApp }) };
  }
  return match;
}

function matchProcess(
  process: ProcessIdentity,
  parent: ProcessIdentity | undefined,
  index: AppIndex,
): AppMatch | undefined {
  // Scopes and sandboxes are inherited by all child processes. The id applies to the outermost process that has it,
  // otherwise an agent in an editor's terminal would be the editor.
  const applicationId = process.applicationId === parent?.applicationId ? undefined : process.applicationId;
  return (
    found("bundle_id", index.bundleIds, process.bundleId) ??
    found("application_id", index.applicationIds, applicationId) ??
    found("executable", index.executables, process.path && executableName(process.path)) ??
    found("script", index.scripts, process.script) ??
    found("script", index.scripts, process.packageName)
  );
}

function found(
  matchedBy: MatchedBy,
  signatures: Signatures,
  value: string | undefined,
): AppMatch | undefined {
  const app = value === undefined ? undefined : signatures.get(value);
  if (app === undefined) return undefined;
  const { id, name, vendor, category } = app;
  return { id, name, ...(vendor && { vendor }), ...(category && { category }), matchedBy };
}
