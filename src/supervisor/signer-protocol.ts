/** What the supervisor and the process that holds the CA's key say to each other. */

import type { SupplementUse } from "../oisp/supplement.js";

/** User and group of the signing process alone: no account has them. */
export const SIGNER_ID = 28_537;

/** A certificate that is wanted. */
export interface SignAsk {
  readonly host: string;
  readonly port: number;
  /** The leaf's public key: SubjectPublicKeyInfo of a P-256 key, DER in base64. */
  readonly key: string;
}

export type SignAnswer =
  | {
      readonly kind: "signed";
      /** PEM: the leaf and its issuer. */
      readonly chain: string;
      /** DER in base64; good for a day. */
      readonly staple: string;
    }
  | { readonly kind: "refused"; readonly why: string };

export interface SignerStart {
  readonly type: "start";
  /** Where key and certificate are. */
  readonly directory: string;
  readonly supplement: SupplementUse;
  readonly allHosts: boolean;
  /** Names that flags select. */
  readonly names: readonly string[];
}

export type ToSigner =
  | SignerStart
  | { readonly type: "bundle"; readonly document: string }
  | ({ readonly type: "sign"; readonly id: number } & SignAsk);

export type FromSigner =
  /** `free`: the system has no means to keep it from network and processes. */
  | { readonly type: "ready"; readonly confinement: "confined" | "free" }
  | { readonly type: "failed"; readonly why: string }
  /** Names that a bundle added, or why it was not taken. */
  | { readonly type: "list"; readonly added: readonly string[]; readonly refused?: string }
  | { readonly type: "answer"; readonly id: number; readonly answer: SignAnswer };

/** Longer than any bundle that is published, and than any answer. */
const MAX_DOCUMENT = 16 << 20;
/** A P-256 key has 91 bytes. */
const MAX_KEY = 200;

/** What the proxy asks for, if it is that. */
export const isSignAsk = ({ host, port, key }: Record<string, unknown>): boolean =>
  typeof host === "string" &&
  host.length <= 253 &&
  Number.isSafeInteger(port) &&
  (port as number) > 0 &&
  (port as number) <= 65_535 &&
  typeof key === "string" &&
  key.length <= MAX_KEY;

export const isBundleText = (document: unknown): boolean =>
  typeof document === "string" && document.length <= MAX_DOCUMENT;
