import fs from "node:fs";
import type { Site } from "../../src/secrets/site.js";

const LABELS = [
  "CLIENT_RANDOM",
  "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
  "SERVER_HANDSHAKE_TRAFFIC_SECRET",
  "CLIENT_TRAFFIC_SECRET_0",
  "SERVER_TRAFFIC_SECRET_0",
  "EXPORTER_SECRET",
];

/**
 * The key log function of a shared library of x86-64 that was stripped: what is called soon after a label was loaded into
 * the second argument, by most of the labels. Good enough for files that are known; what takes any file is elsewhere.
 */
export function siteByLabels(file: string): Site {
  const bytes = fs.readFileSync(file);
  const segments = loadedSegments(bytes);
  const addressOf = (offset: number) => {
    const segment = segments.find((of) => offset >= of.offset && offset < of.offset + of.size);
    return segment === undefined ? -1 : offset - segment.offset + segment.address;
  };
  const wanted = new Map<number, string>();
  for (const label of LABELS) {
    const text = Buffer.from(`\0${label}\0`);
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1))
      wanted.set(addressOf(at + 1), label);
  }
  const votes = new Map<number, Set<string>>();
  const load = Buffer.from([0x48, 0x8d, 0x35]); // lea rsi, [rip + …]
  for (let at = bytes.indexOf(load); at >= 0 && at < bytes.length - 64; at = bytes.indexOf(load, at + 1)) {
    const next = at + 7;
    const label = wanted.get(addressOf(next) + bytes.readInt32LE(at + 3));
    if (label === undefined) continue;
    const call = bytes.subarray(next, next + 40).indexOf(0xe8);
    if (call < 0) continue;
    const callee = addressOf(next) + call + 5 + bytes.readInt32LE(next + call + 1);
    votes.set(callee, (votes.get(callee) ?? new Set()).add(label));
  }
  const [[address] = [-1]] = [...votes].sort(([, a], [, b]) => b.size - a.size);
  const segment = segments.find((of) => address >= of.address && address < of.address + of.size);
  if (segment === undefined) throw new Error(`${file} has no site that could be found`);
  return { kind: "keylog", offset: address - segment.address + segment.offset };
}

/** PT_LOAD of an ELF file of 64 bits. */
function loadedSegments(bytes: Buffer) {
  const first = Number(bytes.readBigUInt64LE(32));
  const segments = [];
  for (let i = 0; i < bytes.readUInt16LE(56); i++) {
    const at = first + 56 * i;
    if (bytes.readUInt32LE(at) !== 1) continue;
    const [offset, address, , size] = [8, 16, 24, 32].map((field) =>
      Number(bytes.readBigUInt64LE(at + field)),
    );
    segments.push({ offset: offset!, address: address!, size: size! });
  }
  return segments;
}
