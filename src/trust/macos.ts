import { nameOf, type TrustStore } from "./trust-store.js";

const SECURITY = "/usr/bin/security";
const KEYCHAIN = "/Library/Keychains/System.keychain";

/**
 * The system keychain of macOS: Safari, Chrome, Firefox 120 and newer, URLSession, Go. security(1).
 * `add-trusted-cert` may ask the person at the screen for leave.
 */
export const macos: TrustStore = {
  id: "macos",
  location: KEYCHAIN,
  owner: "root",
  advice: "It is part of macOS.",
  listing: {
    kind: "tool",
    file: SECURITY,
    args: ["find-certificate", "-a", "-c", "Oximy CA", "-Z", KEYCHAIN],
    names: (output) =>
      [...output.matchAll(/^SHA-256 hash: ([0-9A-F]{64})$/gm)].map(([, hash]) => entry(hash!)),
  },
  install: ({ path }) => [
    {
      kind: "run",
      file: SECURITY,
      args: ["add-trusted-cert", "-d", "-r", "trustRoot", "-k", KEYCHAIN, path],
    },
  ],
  remove: (name) => [
    { kind: "run", file: SECURITY, args: ["delete-certificate", "-Z", hashOf(name), "-t", KEYCHAIN] },
  ],
};

/** The keychain names certificates by their hashes: ours is followed by the whole of it. */
const entry = (hash: string): string => `${nameOf(hash)} ${hash}`;
const hashOf = (name: string): string => name.split(" ")[1]!;
