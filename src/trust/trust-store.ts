/** What a trust store is: how to see what of ours is in it, and the steps that put it there and take it out. */

import type { X509Certificate } from "node:crypto";

/** One thing that is done to a store; machine.ts does it. */
export type Step =
  | { readonly kind: "write"; readonly path: string; readonly text: string }
  | { readonly kind: "delete"; readonly path: string }
  | ({ readonly kind: "run" } & Tool);

export interface Tool {
  readonly file: string;
  readonly args: readonly string[];
  /** Standard input. */
  readonly input?: string;
}

/** How the names of what is in a store are found. */
export type Listing =
  | { readonly kind: "folder"; readonly path: string }
  | ({ readonly kind: "tool"; readonly names: (output: string) => readonly string[] } & Tool);

export interface TrustStore {
  readonly id: "debian" | "fedora" | "arch" | "opensuse" | "macos" | "chromium" | "firefox" | "java";
  /** Folder, database or keychain. */
  readonly location: string;
  /** Who may change it. */
  readonly owner: "root" | "user";
  /** What to do when its tool is not there. */
  readonly advice: string;
  readonly listing: Listing;
  /** The file that programs read, where the store is only the source of it. */
  readonly bundle?: string;
  /** Asks, by its exit code, whether a certificate that the store has is trusted too, where that is another matter. */
  verify?(certificate: NamedCertificate): Tool;
  /** What the person at the screen will see while the certificate is put in. */
  readonly notice?: string;
  /** What to do when its tool was refused. */
  readonly refused?: string;
  install(certificate: NamedCertificate): readonly Step[];
  /** Takes out what the listing calls `entry`. */
  remove(entry: string): readonly Step[];
}

export interface NamedCertificate {
  readonly pem: string;
  /** For tools that only read files. */
  readonly path: string;
  /** File name, alias or nickname in every store; by it the certificate is found again. */
  readonly name: string;
}

const NAME = /oximy-ca-[0-9a-f]{16}/;

/** Two installations, or two users, have two certificates: the name has the beginning of the fingerprint. */
export function nameCertificate(certificate: X509Certificate, path: string): NamedCertificate {
  return { pem: certificate.toString(), path, name: nameOf(certificate.fingerprint256.replaceAll(":", "")) };
}

/** @param fingerprint SHA-256 in hexadecimal */
export function nameOf(fingerprint: string): string {
  return `oximy-ca-${fingerprint.slice(0, 16).toLowerCase()}`;
}

/** Whether an entry of a store is a certificate of Oximy's, of this installation or of another. */
export function isOurs(entry: string): boolean {
  return NAME.test(entry);
}
