import type { FileReader } from "../../src/attribution/identity/file-reader.js";
import type { ProcessInfo } from "../../src/attribution/native.js";
import type { Owner, ProcessIdentity } from "../../src/connection/client.js";
import type { App, AppSignatures } from "../../src/oisp/bundle.js";

/** A process as the native addon would describe it. */
export function processInfo(values: Partial<ProcessInfo> & { pid: number }): ProcessInfo {
  const path = values.path ?? null;
  return {
    ppid: 1,
    uid: 1000,
    startTime: values.pid,
    path,
    name: path?.split("/").at(-1) ?? "?",
    commandLine: path === null ? [] : [path],
    cgroup: null,
    responsiblePid: null,
    ...values,
  };
}

/** Files that are there: text, bytes, or a link. */
export function filesWith(files: Record<string, string | Buffer | { link: string }>): FileReader {
  const at = (path: string) => (Object.hasOwn(files, path) ? files[path] : undefined);
  return {
    async read(path, limit) {
      const found = at(path);
      if (found === undefined || (typeof found === "object" && "link" in found)) return undefined;
      const bytes = Buffer.from(found as string);
      return bytes.length > limit ? undefined : bytes;
    },
    async readLink(path) {
      const found = at(path);
      return typeof found === "object" && "link" in found ? found.link : undefined;
    },
    async modifiedAt(path) {
      return at(path) === undefined ? undefined : 1;
    },
  };
}

/** An app of the bundle with the signatures of one system. */
export function app(
  id: string,
  signatures: Partial<AppSignatures> & { linux?: string[]; darwin?: string[] },
): App {
  const { linux = [], darwin = [], ...rest } = signatures;
  return {
    id,
    name: id[0]?.toUpperCase() + id.slice(1),
    hosts: [],
    features: [],
    signatures: {
      bundleIds: [],
      executables: { linux, darwin, win32: [] },
      applicationIds: [],
      scripts: [],
      teamIds: [],
      ...rest,
    },
  };
}

/** The owner of a connection: the process and its ancestors, parent first. */
export function ownerOf(...chain: Array<Partial<ProcessIdentity>>): Owner {
  const [process, ...ancestors] = chain.map((identity, place) => ({ pid: 100 - place, ...identity }));
  return { kind: "process", process: process ?? { pid: 100 }, ancestors };
}
