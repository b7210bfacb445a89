/** The messages between the supervisor and the process that holds the CA's key. */

import type { SupplementUse } from "../oisp/supplement.js";

/** User and group of the signing process alone: no account has these ids. */
export const SIGNER_ID = 28_537;

/** A request for a certificate. */
export interface SignRequest {
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
      /** DER in base64; valid for a day. */
      readonly staple: string;
    }
  | { readonly kind: "refused"; readonly why: string };

export interface SignerStart {
  readonly type: "start";
  /** The folder of key and certificate. */
  readonly directory: string;
  readonly supplement: SupplementUse;
  readonly allHosts: boolean;
  /** Names selected by flags. */
  readonly names: readonly string[];
}

export type ToSigner =
  | SignerStart
  | { readonly type: "bundle"; readonly document: string }
  | ({ readonly type: "sign"; readonly id: number } & SignRequest);

export type FromSigner =
  /** `free`: the system cannot isolate it from network and processes. */
  | { readonly type: "ready"; readonly confinement: "confined" | "free" }
  | { readonly type: "failed"; readonly why: string }
  /** Names that a bundle added, or why it was rejected. */
  | { readonly type: "list"; readonly added: readonly string[]; readonly refused?: string }
  | { readonly type: "answer"; readonly id: number; readonly answer: SignAnswer };

/** Larger than any published bundle, and than any answer. */
const MAX_DOCUMENT = 16 << 20;
/** A P-256 key has 91 bytes. */
const MAX_KEY = 200;

/** Validates a request of the proxy. */
export const isSignRequest = ({ host, port, key }: Record<string, unknown>): boolean =>
  typeof host === "string" &&
  host.length <= 253 &&
  Number.isSafeInteger(port) &&
  (port as number) > 0 &&
  (port as number) <= 65_535 &&
  typeof key === "string" &&
  key.length <= MAX_KEY;

export const isBundleText = (document: unknown): boolean =>
  typeof document === "string" && document.length <= MAX_DOCUMENT;
