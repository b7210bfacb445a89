import type { AppMatch, Owner, ProcessIdentity } from "../connection/client.js";
import type { ClientContainer } from "../connection/container.js";
import { OximyError } from "../errors.js";
import { executableName } from "./identity/identity.js";

type Sign = "include" | "exclude";

/** One term of a filter as written: `cursor`, `com.openai.chat`, `pid:4711`, `path:/opt/**`, `container:web`. */
export interface FilterTerm {
  readonly sign: Sign;
  readonly term: string;
}

type Condition =
  /** Id or name of an app, bundle id, application id, executable, script or package; in lower case. */
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "pid"; readonly pid: number; readonly startTime: number | undefined }
  | { readonly kind: "path"; readonly pattern: RegExp }
  /** Name, image or id of a container, or a prefix of its id; in lower case. */
  | { readonly kind: "container"; readonly name: string };

/** Which clients are captured. Without terms and users: all of them. */
export interface AppFilter {
  readonly terms: ReadonlyArray<FilterTerm & { readonly condition: Condition }>;
  /** Empty means every user. */
  readonly users: readonly FilteredUser[];
}

/** A user of the machine, and any user with that name in a container: there, uids belong to other people. */
export interface FilteredUser {
  readonly uid: number;
  readonly name: string;
}

/** The context in which a filter is parsed. */
export interface FilterContext {
  uidOf(user: string): number | undefined;
  /** Start time of a running process: a `pid:` means this very process, and not a later one with its pid. */
  startTimeOf(pid: number): number | undefined;
}

/** @throws OximyError OXIMY_E_USAGE for an invalid term or a user that does not exist. */
export function parseAppFilter(
  terms: readonly FilterTerm[],
  users: readonly string[],
  context: FilterContext,
): AppFilter {
  return {
    terms: terms.map((term) => ({ ...term, condition: parseCondition(term.term.trim(), context) })),
    users: users.map((user) => parseUser(user, context)),
  };
}

function parseCondition(term: string, context: FilterContext): Condition {
  const [, key, value = ""] = /^(pid|path|container):(.*)$/s.exec(term) ?? [];
  if (key === "pid") {
    if (!/^[1-9]\d{0,9}$/.test(value)) throw unreadable(term, "a number must follow `pid:`");
    return { kind: "pid", pid: Number(value), startTime: context.startTimeOf(Number(value)) };
  }
  if (key === "path") {
    if (!/^[/*]/.test(value)) throw unreadable(term, "an absolute path or a glob must follow `path:`");
    return { kind: "path", pattern: globPattern(value) };
  }
  if (key === "container") {
    if (value === "") throw unreadable(term, "a container's name, image or id must follow `container:`");
    return { kind: "container", name: value.toLowerCase() };
  }
  if (term === "") throw unreadable(term, "it is empty");
  return { kind: "name", name: term.toLowerCase() };
}

function unreadable(term: string, why: string): OximyError {
  return new OximyError(
    "OXIMY_E_USAGE",
    `the app filter "${term}" cannot be read: ${why}.`,
    "Use an app's name or id, a bundle id, an executable, pid:NUMBER, path:GLOB or container:NAME.",
  );
}

function parseUser(user: string, context: FilterContext): FilteredUser {
  const uid = context.uidOf(user) ?? (/^\d{1,10}$/.test(user) ? Number(user) : undefined);
  if (uid !== undefined) return { uid, name: user };
  throw new OximyError("OXIMY_E_USAGE", `there is no user "${user}".`, "Give a user's name or numeric id.");
}

/** `*` and `?` match within one folder, `**` across folders. */
function globPattern(glob: string): RegExp {
  const source = glob.replace(/\*\*\/?|[*?]|[\\^$.|+()[\]{}]/g, (token) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    return token === "?" ? "[^/]" : `\\${token}`;
  });
  return new RegExp(`^${source}$`, "s");
}

/**
 * Terms apply in order, and the last match decides; when the first term excludes, everything else is included. A term
 * matches a process through its ancestors too. An unknown client could be anyone's: a filter on apps never selects it.
 */
export function selects(filter: AppFilter, owner: Owner, app: AppMatch | undefined): boolean {
  if (filter.users.length > 0 && !filter.users.some((user) => isOf(user, owner))) return false;
  const [first] = filter.terms;
  if (first === undefined) return true;
  if (owner.kind === "unknown") return false;
  const decisive = filter.terms.findLast(({ condition }) => meets(condition, owner, app));
  return (decisive?.sign ?? (first.sign === "exclude" ? "include" : "exclude")) === "include";
}

function isOf({ uid, name }: FilteredUser, owner: Owner): boolean {
  if (owner.kind === "unknown") return owner.uid === uid;
  const { process } = owner;
  return process.container === undefined ? process.uid === uid : process.user === name;
}

function meets(condition: Condition, owner: Extract<Owner, { kind: "process" }>, app?: AppMatch): boolean {
  if (condition.kind === "name" && appNames(app).includes(condition.name)) return true;
  return [owner.process, ...owner.ancestors].some((process) => isMetBy(condition, process));
}

/** Whether the process itself, without its ancestors, meets the condition. */
export function isMetBy(condition: Condition, process: ProcessIdentity): boolean {
  switch (condition.kind) {
    case "name":
      return processNames(process).some((name) => name.toLowerCase() === condition.name);
    case "pid":
      return (
        process.pid === condition.pid &&
        (condition.startTime === undefined || process.startTime === condition.startTime)
      );
    case "path":
      return process.path !== undefined && condition.pattern.test(process.path);
    case "container":
      return process.container !== undefined && isCalled(process.container, condition.name);
  }
}

/** Minimum length of an id prefix, below that shown by `docker ps`. */
const LEAST_OF_ID = 6;

/** An image matches with and without its registry, its tag and its digest. */
function isCalled({ id, name, image = "", compose }: ClientContainer, wanted: string): boolean {
  if (wanted.length >= LEAST_OF_ID && id.startsWith(wanted)) return true;
  const repository = image.replace(/@.*$/, "");
  const untagged = repository.replace(/:[^:/]*$/, "");
  const images = [image, repository, untagged].flatMap((full) => endsOf(full));
  return [id, name, compose?.project, ...images].some((known) => known?.toLowerCase() === wanted);
}

/** `docker.io/library/node`, `library/node`, `node`. */
function endsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, place) => parts.slice(place).join("/"));
}

function appNames(app: AppMatch | undefined): string[] {
  return app ? [app.id.toLowerCase(), app.name.toLowerCase(), ...appNames(app.hostApp)] : [];
}

/** The names of a process that a filter may use. */
export function processNames(process: ProcessIdentity): string[] {
  const { bundleId, bundleName, applicationId, script, packageName, path, name } = process;
  const names = [
    bundleId,
    bundleName,
    applicationId,
    script,
    packageName,
    path && executableName(path),
    name,
  ];
  return names.filter((candidate) => candidate !== undefined && candidate !== "") as string[];
}
