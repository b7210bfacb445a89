import { createDecipheriv } from "node:crypto";
import { loadNative, type NativeAddon } from "../native/native.js";
import type { AeadProtection } from "./cipher-suites.js";

/** One AEAD key. */
export interface AeadDecipher {
  /**
   * What `record` has from `start` on up to the tag at its end, decrypted; undefined when the tag does not fit. Valid
   * until the next call of any decipher of this thread. `extra` are the first `extraLength` bytes of what was
   * authenticated along with it.
   */
  open(nonce: Buffer, extra: Buffer, extraLength: number, record: Buffer, start: number): Buffer | undefined;
  /** Overwrites the key. */
  wipe(): void;
}

/** Makes a decipher, which owns the key from then on. */
export type MakeDecipher = (protection: AeadProtection, key: Buffer) => AeadDecipher;

/** The addon's class (native/aead_binding.cc). */
interface NativeDecipher {
  /** Bytes written to `out`, or -1. */
  open(nonce: Buffer, extra: Buffer, extraLength: number, record: Buffer, start: number, out: Buffer): number;
  wipe(): void;
}
type NativeDecipherClass = new (algorithm: string, key: Buffer) => NativeDecipher;

/** More than any record holds. A buffer for each would be garbage outside the heap, 16 KiB each in bulk transfers. */
const opened = Buffer.allocUnsafeSlow(20 << 10);

export const nodeDecipher: MakeDecipher = ({ algorithm, tagLength }, key) => {
  const options = { authTagLength: tagLength };
  return {
    open(nonce, extra, extraLength, record, start) {
      const end = record.length - tagLength;
      if (end < start) return undefined;
      try {
        // One type for all: CCM is the only one that asks for the length beforehand.
        const decipher = createDecipheriv(algorithm as "aes-128-ccm", key, nonce, options);
        decipher.setAAD(extra.subarray(0, extraLength), { plaintextLength: end - start });
        decipher.setAuthTag(record.subarray(end));
        const content = decipher.update(record.subarray(start, end));
        decipher.final();
        return content;
      } catch {
        // The tag does not fit: node:crypto says so by throwing.
        return undefined;
      }
    },
    wipe() {
      key.fill(0);
    },
  };
};

let native: NativeDecipherClass | null | undefined;

/** Null where the addon is not built, or Node comes with another library than OpenSSL. */
function nativeClass(): NativeDecipherClass | null {
  if (native === undefined) {
    try {
      native =
        (loadNative() as NativeAddon & { AeadDecipher?: NativeDecipherClass | null }).AeadDecipher ?? null;
    } catch {
      // Reading goes on with node:crypto; what needs the addon says that it is missing.
      native = null;
    }
  }
  return native;
}

/** The addon's where it has one: a small record takes it a tenth of the time. CCM is left to node:crypto. */
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
