/** The contents of the stores that a program of the calling user would use if it started now. Read-only. */

import { realpathSync } from "node:fs";
import { join } from "node:path";
import { loadNative } from "../native/native.js";
import type { InvokingUser } from "../user/invoking-user.js";
import { BrowserStores } from "./browser-stores.js";
import { findKeytool } from "./find-stores.js";
import { macos } from "./macos.js";
import { NamedFiles } from "./named-files.js";
import type { Holding, ProgramFacts, StoreFacts } from "./predict.js";
import { type ProcessRef, processFiles } from "./process-files.js";
import type { Variables } from "./session-place.js";
import { SystemStores } from "./system-stores.js";
import { storeStatus } from "./trust.js";
import type { NamedCertificate } from "./trust-store.js";
import { FILE_VARIABLES } from "./trust-variables.js";

/** No connection waits for this: time limits for files are higher than in the path of a connection. */
const PATIENCE = 40;

const OTHER: Holding = { kind: "other" };
const UNKNOWN: Holding = { kind: "unknown" };

/** Stores without our certificate. */
export const NO_STORE: StoreFacts = {
  bundle: OTHER,
  folder: OTHER,
  java: OTHER,
  chromium: OTHER,
  firefox: OTHER,
};

export interface MachineTrust {
  readonly stores: StoreFacts;
  readonly variables: ProgramFacts["named"];
}

/** @param variables those of the user's sessions */
export async function machineTrust(
  certificate: NamedCertificate,
  variables: Variables,
  invokingUser: InvokingUser,
): Promise<MachineTrust> {
  if (process.platform === "darwin")
    return { stores: await keychain(certificate, invokingUser), variables: {} };
  const self = ownProcess();
  if (self === undefined) return { stores: NO_STORE, variables: {} };
  const files = processFiles(undefined, PATIENCE);
  const named = new NamedFiles(files, certificate.pem);
  const browsers = new BrowserStores(files, named);
  const [system, chromium, firefox, java, fromVariables] = await Promise.all([
    new SystemStores(named).facts(self, true),
    browsers.chromium(self, { HOME: invokingUser.home }),
    browsers.firefox(self, { HOME: invokingUser.home }),
    javaStore(named, self),
    Promise.all(
      FILE_VARIABLES.flatMap((name) => {
        const path = variables[name];
        return path === undefined ? [] : [named.file(self, path).then((holding) => [name, holding] as const)];
      }),
    ),
  ]);
  return { stores: { ...system, chromium, firefox, java }, variables: Object.fromEntries(fromVariables) };
}

function ownProcess(): ProcessRef | undefined {
  const { startTime } = loadNative().processInfo(process.pid) ?? {};
  const uid = process.geteuid?.();
  return startTime === undefined || uid === undefined ? undefined : { pid: process.pid, startTime, uid };
}

/** `bin/keytool` and `lib/security/cacerts` of one Java. */
async function javaStore(named: NamedFiles, self: ProcessRef): Promise<Holding> {
  const keytool = findKeytool(process.env)[0];
  if (keytool === undefined) return { kind: "absent" };
  try {
    return await named.keystore(self, join(realpathSync(keytool), "../../lib/security/cacerts"));
  } catch {
    return UNKNOWN; // just removed
  }
}

/** Go, Chrome, Firefox, curl and URLSession use the keychain; Java has its own store here too. */
async function keychain(certificate: NamedCertificate, invokingUser: InvokingUser): Promise<StoreFacts> {
  const { state } = await storeStatus(macos, certificate, invokingUser);
  const holding: Holding =
    state.kind === "trusted" ? { kind: "ours", since: 0 } : state.kind === "unknown" ? UNKNOWN : OTHER;
  return { bundle: holding, folder: holding, chromium: holding, firefox: holding, java: UNKNOWN };
}
