/** A trust store: how to list our entries, and the steps that add and remove them. */

import type { X509Certificate } from "node:crypto";

/** One change of a store; carried out by machine.ts. */
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

/** How to list the names of a store's entries. */
export type Listing =
  | { readonly kind: "folder"; readonly path: string }
  | ({ readonly kind: "tool"; readonly names: (output: string) => readonly string[] } & Tool);

export interface TrustStore {
  readonly id: "debian" | "fedora" | "arch" | "opensuse" | "macos" | "chromium" | "firefox" | "java";
  /** Folder, database or keychain. */
  readonly location: string;
  /** Who may change it. */
  readonly owner: "root" | "user";
  /** What to do when its tool is missing. */
  readonly advice: string;
  readonly listing: Listing;
  /** The file that programs read, if the store is only its source. */
  readonly bundle?: string;
  /** Checks, by its exit code, whether an existing certificate is also trusted, if that is separate. */
  verify?(certificate: NamedCertificate): Tool;
  /** What the person at the screen will see during the installation. */
  readonly notice?: string;
  /** What to do when its tool is denied. */
  readonly refused?: string;
  install(certificate: NamedCertificate): readonly Step[];
  /** Removes the listing's `entry`. */
  remove(entry: string): readonly Step[];
}

export interface NamedCertificate {
  readonly pem: string;
  /** For tools that read files only. */
  readonly path: string;
  /** File name, alias or nickname in every store; used to find the certificate again. */
  readonly name: string;
}

const NAME = /oximy-ca-[0-9a-f]{16}/;

/** Two installations, or two users, have two certificates: the name contains the beginning of the fingerprint. */
export function nameCertificate(certificate: X509Certificate, path: string): NamedCertificate {
  return { pem: certificate.toString(), path, name: nameOf(certificate.fingerprint256.replaceAll(":", "")) };
}

/** @param fingerprint SHA-256 in hexadecimal */
export function nameOf(fingerprint: string): string {
  return `oximy-ca-${fingerprint.slice(0, 16).toLowerCase()}`;
}

/** Whether an entry of a store is a certificate of Oximy, of this installation or another. */
export function isOurs(entry: string): boolean {
  return NAME.test(entry);
}
