import { createCipheriv, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fastestDecipher, isNativeDecipherSupported, nodeDecipher } from "../../src/tls/aead-decipher.js";
import type { AeadProtection } from "../../src/tls/cipher-suites.js";
import { keyPair } from "./certificates.js";
import { addSecrets, play, startReading } from "./reading.js";
import { recordNode } from "./recording.js";

const TAG = 16;
const PROTECTIONS: readonly AeadProtection[] = [
  { kind: "aead", algorithm: "aes-128-gcm", keyLength: 16, tagLength: TAG },
  { kind: "aead", algorithm: "aes-256-gcm", keyLength: 32, tagLength: TAG },
  { kind: "aead", algorithm: "chacha20-poly1305", keyLength: 32, tagLength: TAG },
];

function seal(
  protection: AeadProtection,
  key: Buffer,
  nonce: Buffer,
  extra: Buffer,
  content: Buffer,
): Buffer {
  const options = { authTagLength: TAG };
  const cipher = createCipheriv(protection.algorithm as "aes-128-gcm", key, nonce, options);
  cipher.setAAD(extra);
  return Buffer.concat([extra, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

it("the addon has deciphers of its own, with Node's OpenSSL", () => {
  expect(isNativeDecipherSupported()).toBe(true);
});

describe.each([
  ["the addon", fastestDecipher],
  ["node:crypto", nodeDecipher],
])("a decipher of %s", (_, make) => {
  it.each(PROTECTIONS)("opens what $algorithm sealed, of any length, and nothing else", (protection) => {
    const key = randomBytes(protection.keyLength);
    const decipher = make(protection, Buffer.from(key));
    for (const length of [0, 1, 15, 16, 17, 1000, 16_385]) {
      const nonce = randomBytes(12);
      const extra = randomBytes(5);
      const content = randomBytes(length);
      const record = seal(protection, key, nonce, extra, content);
      expect(decipher.open(nonce, record, 5, record, 5)?.equals(content)).toBe(true);
      for (const at of [0, 5, record.length - 1]) {
        const changed = Buffer.from(record);
        changed[at]! ^= 1;
        expect(decipher.open(nonce, changed, 5, changed, 5)).toBeUndefined();
      }
      expect(decipher.open(randomBytes(12), record, 5, record, 5)).toBeUndefined();
      // One that did not open leaves nothing behind.
      expect(decipher.open(nonce, record, 5, record, 5)?.equals(content)).toBe(true);
    }
    const short = Buffer.alloc(5 + TAG - 1);
    expect(decipher.open(randomBytes(12), short, 5, short, 5)).toBeUndefined();
  });

  it("opens nothing after it was wiped", () => {
    const protection = PROTECTIONS[0]!;
    const key = randomBytes(16);
    const decipher = make(protection, Buffer.from(key));
    const nonce = randomBytes(12);
    const record = seal(protection, key, nonce, randomBytes(5), randomBytes(50));
    decipher.wipe();
    expect(decipher.open(nonce, record, 5, record, 5)).toBeUndefined();
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("reads a session of %s", async (version) => {
    const server = { ...keyPair("ecdsa"), minVersion: version, maxVersion: version };
    const [recorded] = await recordNode({ server, response: [Buffer.alloc(50_000, "r")] });
    const { reader, report } = startReading(1 << 20, make);
    addSecrets(reader, recorded!.secrets);
    play(reader, recorded!.steps);
    expect(report).toMatchObject({ data: recorded!.data, failures: [] });
  });
});
