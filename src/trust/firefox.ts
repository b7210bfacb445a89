import { findDatabases, nssStore } from "./nss.js";
import type { TrustStore } from "./trust-store.js";

/** One database per profile. */
const PLACES = [
  ".mozilla/firefox/*",
  ".config/mozilla/firefox/*",
  "snap/firefox/common/.mozilla/firefox/*",
  ".var/app/org.mozilla.firefox/.mozilla/firefox/*",
];

/** Linux only: on macOS Firefox uses the keychain (security.enterprise_roots, on since Firefox 120). */
export function firefoxStores(home: string): TrustStore[] {
  return findDatabases(home, PLACES).map((database) => nssStore("firefox", database));
}
