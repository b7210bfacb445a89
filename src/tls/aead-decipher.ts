import { createDecipheriv } from "node:crypto";
import { loadNative, type NativeAddon } from "../native/native.js";
import type { AeadProtection } from "./cipher-suites.js";

/** One AEAD key. */
export interface AeadDecipher {
  /**
   * Decrypts `record` from `start` to the tag at its end; undefined when authentication fails. The result is valid
   * until the next call of any decipher on this thread. The first `extraLength` bytes of `extra` are the additional
   * authenticated data.
   */
  open(nonce: Buffer, extra: Buffer, extraLength: number, record: Buffer, start: number): Buffer | undefined;
  /** Overwrites the key. */
  wipe(): void;
}

/** Creates a decipher, which takes ownership of the key. */
export type MakeDecipher = (protection: AeadProtection, key: Buffer) => AeadDecipher;

/** The addon's class (native/aead_binding.cc). */
interface NativeDecipher {
  /** Bytes written to `out`, or -1. */
  open(nonce: Buffer, extra: Buffer, extraLength: number, record: Buffer, start: number, out: Buffer): number;
  wipe(): void;
}
type NativeDecipherClass = new (algorithm: string, key: Buffer) => NativeDecipher;

/** Larger than any record. A buffer per record would be off-heap garbage, 16 KiB each in bulk transfers. */
const opened = Buffer.allocUnsafeSlow(20 << 10);

export const nodeDecipher: MakeDecipher = ({ algorithm, tagLength }, key) => {
  const options = { authTagLength: tagLength };
  return {
    open(nonce, extra, extraLength, record, start) {
      const end = record.length - tagLength;
      if (end < start) return undefined;
      try {
        // One type for all algorithms: only CCM needs the length beforehand.
        const decipher = createDecipheriv(algorithm as "aes-128-ccm", key, nonce, options);
        decipher.setAAD(extra.subarray(0, extraLength), { plaintextLength: end - start });
        decipher.setAuthTag(record.subarray(end));
        const content = decipher.update(record.subarray(start, end));
        decipher.final();
        return content;
      } catch {
        // Authentication failed: node:crypto throws.
        return undefined;
      }
    },
    wipe() {
      key.fill(0);
    },
  };
};

let native: NativeDecipherClass | null | undefined;

/** Null when the addon is not built, or Node is not linked with OpenSSL. */
function nativeClass(): NativeDecipherClass | null {
  if (native === undefined) {
    try {
      native =
        (loadNative() as NativeAddon & { AeadDecipher?: NativeDecipherClass | null }).AeadDecipher ?? null;
    } catch {
      // node:crypto is the fallback; code that needs the addon reports that it is missing.
      native = null;
    }
  }
  return native;
}

/** The addon's decipher if available: ten times as fast for small records. CCM always uses node:crypto. */
export const fastestDecipher: MakeDecipher = (protection, key) => {
  const Native = protection.tagLength === 16 && !protection.algorithm.endsWith("ccm") ? nativeClass() : null;
  if (Native === null) return nodeDecipher(protection, key);
  const decipher = new Native(protection.algorithm, key);
  key.fill(0);
  return {
    open(nonce, extra, extraLength, record, start) {
      const length = decipher.open(nonce, extra, extraLength, record, start, opened);
      return length < 0 ? undefined : opened.subarray(0, length);
    },
    wipe() {
      decipher.wipe();
    },
  };
};

export function isNativeDecipherSupported(): boolean {
  return nativeClass() !== null;
}
