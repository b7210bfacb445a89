import { findDatabases, nssStore } from "./nss.js";
import type { TrustStore } from "./trust-store.js";

/** One database for all Chromium browsers and Electron apps of a user, except sandboxed ones, which have their own. */
const PLACES = [
  ".pki/nssdb",
  ".local/share/pki/nssdb", // without a $HOME/.pki
  "snap/*/current/.pki/nssdb",
  ".var/app/*/.pki/nssdb", // Flatpak
];

/** Linux only: on macOS Chromium uses the keychain. The browser creates its database at its first start. */
export function chromiumStores(home: string): TrustStore[] {
  return findDatabases(home, PLACES).map((database) => nssStore("chromium", database));
}
