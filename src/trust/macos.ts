import { nameOf, type TrustStore } from "./trust-store.js";

const KEYCHAIN = "/Library/Keychains/System.keychain";

/**
 * The system keychain of macOS: Safari, Chrome, Firefox 120 and newer, URLSession, Go. security(1).
 *
 * `add-trusted-cert` adds the certificate first and sets its trust afterwards. Since macOS 11 the second step requires
 * an administrator's confirmation on screen, even for root, and fails where nobody can confirm: then the keychain has a
 * certificate that is not trusted. So the status checks for trust, and not for the certificate alone.
 */
export const macosStore = (security: string): TrustStore => ({
  id: "macos",
  location: KEYCHAIN,
  owner: "root",
  advice: "It is part of macOS.",
  notice: "macOS asks for an administrator's password in a dialog, before it trusts the certificate.",
  refused:
    "Run it in a terminal on the screen of this Mac, not over SSH, and answer the dialog: sudo oximy ca install",
  // `-l`: the certificate is itself an authority; `-L`: no network access.
  verify: ({ path }) => ({
    file: security,
    args: ["verify-cert", "-q", "-l", "-L", "-p", "basic", "-c", path],
  }),
  listing: {
    kind: "tool",
    file: security,
    args: ["find-certificate", "-a", "-c", "Oximy CA", "-Z", KEYCHAIN],
    names: (output) =>
      [...output.matchAll(/^SHA-256 hash: ([0-9A-F]{64})$/gm)].map(([, hash]) => entry(hash!)),
  },
  install: ({ path }) => [
    {
      kind: "run",
      file: security,
      // For TLS, not for code signing, mail or profiles.
      args: ["add-trusted-cert", "-d", "-r", "trustRoot", "-p", "ssl", "-p", "basic", "-k", KEYCHAIN, path],
    },
  ],
  remove: (name) => [
    { kind: "run", file: security, args: ["delete-certificate", "-Z", hashOf(name), "-t", KEYCHAIN] },
  ],
});

export const macos = macosStore("/usr/bin/security");

/** The keychain identifies certificates by their hashes: our name is followed by the whole hash. */
const entry = (hash: string): string => `${nameOf(hash)} ${hash}`;
const hashOf = (name: string): string => name.split(" ")[1]!;
