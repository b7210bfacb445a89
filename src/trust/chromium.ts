import { findDatabases, nssStore } from "./nss.js";
import type { TrustStore } from "./trust-store.js";

/** One database for all Chromium browsers and Electron apps of a user, but those in a sandbox have their own. */
const PLACES = [
  ".pki/nssdb",
  ".local/share/pki/nssdb", // where $HOME/.pki is not wanted
  "snap/*/current/.pki/nssdb",
  ".var/app/*/.pki/nssdb", // Flatpak
];

/** Linux only: on macOS Chromium asks the keychain. The browser makes its database at its first start. */
export function chromiumStores(home: string): TrustStore[] {
  return findDatabases(home, PLACES).map((database) => nssStore("chromium", database));
}
