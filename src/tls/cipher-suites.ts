/** Supported cipher suites: AES (GCM, CCM, CBC) and ChaCha20-Poly1305, with any key exchange. */

export type SuiteHash = "sha256" | "sha384";

export interface AeadProtection {
  readonly kind: "aead";
  /** As node:crypto names it. */
  readonly algorithm: "aes-128-gcm" | "aes-256-gcm" | "chacha20-poly1305" | "aes-128-ccm" | "aes-256-ccm";
  readonly keyLength: 16 | 32;
  readonly tagLength: 16 | 8;
}

/** TLS 1.2 only. The order of encryption and MAC is negotiated separately (RFC 7366). */
export interface CbcProtection {
  readonly kind: "cbc";
  readonly algorithm: "aes-128-cbc" | "aes-256-cbc";
  readonly keyLength: 16 | 32;
  readonly mac: "sha1" | "sha256" | "sha384";
  readonly macLength: 20 | 32 | 48;
}

export interface CipherSuite {
  readonly version: "TLSv1.2" | "TLSv1.3";
  /** Of the PRF (RFC 5246 §5) or of HKDF (RFC 8446 §7.1). */
  readonly hash: SuiteHash;
  readonly protection: AeadProtection | CbcProtection;
}

const aes128Gcm: AeadProtection = { kind: "aead", algorithm: "aes-128-gcm", keyLength: 16, tagLength: 16 };
const aes256Gcm: AeadProtection = { kind: "aead", algorithm: "aes-256-gcm", keyLength: 32, tagLength: 16 };
const chaCha20: AeadProtection = {
  kind: "aead",
  algorithm: "chacha20-poly1305",
  keyLength: 32,
  tagLength: 16,
};
const aes128Ccm: AeadProtection = { kind: "aead", algorithm: "aes-128-ccm", keyLength: 16, tagLength: 16 };
const aes256Ccm: AeadProtection = { kind: "aead", algorithm: "aes-256-ccm", keyLength: 32, tagLength: 16 };
const aes128Ccm8: AeadProtection = { ...aes128Ccm, tagLength: 8 };
const aes256Ccm8: AeadProtection = { ...aes256Ccm, tagLength: 8 };
const aes128Sha1: CbcProtection = {
  kind: "cbc",
  algorithm: "aes-128-cbc",
  keyLength: 16,
  mac: "sha1",
  macLength: 20,
};
const aes256Sha1: CbcProtection = { ...aes128Sha1, algorithm: "aes-256-cbc", keyLength: 32 };
const aes128Sha256: CbcProtection = { ...aes128Sha1, mac: "sha256", macLength: 32 };
const aes256Sha256: CbcProtection = { ...aes256Sha1, mac: "sha256", macLength: 32 };
const aes256Sha384: CbcProtection = { ...aes256Sha1, mac: "sha384", macLength: 48 };

type Row = readonly [CipherSuite["version"], SuiteHash, CipherSuite["protection"], readonly number[]];

/** Numbers: IANA, TLS Cipher Suites. */
const ROWS: readonly Row[] = [
  ["TLSv1.3", "sha256", aes128Gcm, [0x1301]],
  ["TLSv1.3", "sha384", aes256Gcm, [0x1302]],
  ["TLSv1.3", "sha256", chaCha20, [0x1303]],
  ["TLSv1.3", "sha256", aes128Ccm, [0x1304]],
  ["TLSv1.3", "sha256", aes128Ccm8, [0x1305]],
  // RFC 5288, 5289, 5487, 8442
  [
    "TLSv1.2",
    "sha256",
    aes128Gcm,
    [
      0x009c, 0x009e, 0x00a0, 0x00a2, 0x00a4, 0x00a6, 0x00a8, 0x00aa, 0x00ac, 0xc02b, 0xc02d, 0xc02f, 0xc031,
      0xd001,
    ],
  ],
  [
    "TLSv1.2",
    "sha384",
    aes256Gcm,
    [
      0x009d, 0x009f, 0x00a1, 0x00a3, 0x00a5, 0x00a7, 0x00a9, 0x00ab, 0x00ad, 0xc02c, 0xc02e, 0xc030, 0xc032,
      0xd002,
    ],
  ],
  // RFC 7905
  ["TLSv1.2", "sha256", chaCha20, [0xcca8, 0xcca9, 0xccaa, 0xccab, 0xccac, 0xccad, 0xccae]],
  // RFC 6655, 7251, 8442
  ["TLSv1.2", "sha256", aes128Ccm, [0xc09c, 0xc09e, 0xc0a4, 0xc0a6, 0xc0ac, 0xd005]],
  ["TLSv1.2", "sha256", aes256Ccm, [0xc09d, 0xc09f, 0xc0a5, 0xc0a7, 0xc0ad]],
  ["TLSv1.2", "sha256", aes128Ccm8, [0xc0a0, 0xc0a2, 0xc0a8, 0xc0aa, 0xc0ae, 0xd003]],
  ["TLSv1.2", "sha256", aes256Ccm8, [0xc0a1, 0xc0a3, 0xc0a9, 0xc0ab, 0xc0af]],
  // RFC 5246, 4279, 4492, 5054, 5489
  [
    "TLSv1.2",
    "sha256",
    aes128Sha1,
    [
      0x002f, 0x0030, 0x0031, 0x0032, 0x0033, 0x0034, 0x008c, 0x0090, 0x0094, 0xc004, 0xc009, 0xc00e, 0xc013,
      0xc018, 0xc01d, 0xc01e, 0xc01f, 0xc035,
    ],
  ],
  [
    "TLSv1.2",
    "sha256",
    aes256Sha1,
    [
      0x0035, 0x0036, 0x0037, 0x0038, 0x0039, 0x003a, 0x008d, 0x0091, 0x0095, 0xc005, 0xc00a, 0xc00f, 0xc014,
      0xc019, 0xc020, 0xc021, 0xc022, 0xc036,
    ],
  ],
  // RFC 5246, 5487, 5289
  [
    "TLSv1.2",
    "sha256",
    aes128Sha256,
    [
      0x003c, 0x003e, 0x003f, 0x0040, 0x0067, 0x006c, 0x00ae, 0x00b2, 0x00b6, 0xc023, 0xc025, 0xc027, 0xc029,
      0xc037,
    ],
  ],
  ["TLSv1.2", "sha256", aes256Sha256, [0x003d, 0x0068, 0x0069, 0x006a, 0x006b, 0x006d]],
  ["TLSv1.2", "sha384", aes256Sha384, [0x00af, 0x00b3, 0x00b7, 0xc024, 0xc026, 0xc028, 0xc02a, 0xc038]],
];

const SUITES: ReadonlyMap<number, CipherSuite> = new Map(
  ROWS.flatMap(([version, hash, protection, ids]) =>
    ids.map((id): [number, CipherSuite] => [id, { version, hash, protection }]),
  ),
);

export function findCipherSuite(id: number): CipherSuite | undefined {
  return SUITES.get(id);
}
