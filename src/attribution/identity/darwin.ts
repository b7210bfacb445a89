import { LruCache } from "../../lru-cache.js";
import { isBinaryPlist, readTopStrings } from "./binary-plist.js";
import type { FileReader } from "./file-reader.js";
import { basename, type IdentifyProcess, type Identity } from "./identity.js";
import { entryPointOf, nameEntryPoint } from "./interpreter.js";

type BundleInfo = Pick<Identity, "bundleId" | "bundleName" | "bundleVersion">;

const MAX_INFO_PLIST = 512 << 10;
const MAX_PLISTS = 256;

/**
 * Identity on macOS. Helpers and XPC services inside an app belong to it; system services that act for an app are
 * matched through the process responsible for them, which is among the ancestors.
 */
export function createDarwinIdentifier(): IdentifyProcess {
  const plists = new LruCache<string, { modifiedAt: number; info: BundleInfo | undefined }>(MAX_PLISTS);

  const readInfo = async (path: string, files: FileReader): Promise<BundleInfo | undefined> => {
    const modifiedAt = await files.modifiedAt(path);
    if (modifiedAt === undefined) return undefined;
    const known = plists.get(path);
    if (known?.modifiedAt === modifiedAt) return known.info;
    const bytes = await files.read(path, MAX_INFO_PLIST);
    const info = bytes && (await parseInfoPlist(bytes));
    plists.set(path, { modifiedAt, info });
    return info;
  };

  return async (process, files) => {
    const path = process.path ?? "";
    const entry = entryPointOf(basename(path), process.commandLine);
    const script = entry && (await nameEntryPoint(entry, undefined, files));
    for (const app of enclosingApps(path)) {
      // iOS apps have no `Contents`. On a Mac they are wrapped, with a link to the app itself, and run from
      // `…/X.app/Wrapper/X.app/X`, or translocated without the wrapper around them.
      const info =
        (await readInfo(`${app}/Contents/Info.plist`, files)) ??
        (await readInfo(`${app}/WrappedBundle/Info.plist`, files)) ??
        (await readInfo(`${app}/Info.plist`, files));
      if (info !== undefined) return { ...info, ...script };
    }
    return { ...script };
  };
}

/** Folders on the path that are named like an app, outermost first. */
export function enclosingApps(path: string): string[] {
  const parts = path.split("/");
  return parts
    .slice(0, -1)
    .flatMap((part, index) => (/.\.app$/.test(part) ? [parts.slice(0, index + 1).join("/")] : []));
}

/** An app's Info.plist, in XML or binary form; undefined when it contains no bundle id. */
export async function parseInfoPlist(bytes: Buffer): Promise<BundleInfo | undefined> {
  let values: ReadonlyMap<string, unknown>;
  try {
    values = isBinaryPlist(bytes) ? readTopStrings(bytes) : await readXmlPlist(bytes.toString("utf8"));
  } catch {
    return undefined; // broken
  }
  const text = (key: string): string | undefined => {
    const value = values.get(key);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const bundleId = text("CFBundleIdentifier");
  if (bundleId === undefined) return undefined;
  const bundleName = text("CFBundleDisplayName") ?? text("CFBundleName");
  const bundleVersion = text("CFBundleShortVersionString") ?? text("CFBundleVersion");
  return { bundleId, ...(bundleName && { bundleName }), ...(bundleVersion && { bundleVersion }) };
}

async function readXmlPlist(xml: string): Promise<ReadonlyMap<string, unknown>> {
  // Loaded here since only macOS needs it.
  const { parse } = await import("plist");
  return new Map(Object.entries(parse(xml) ?? {}));
}
