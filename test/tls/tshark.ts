import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Direction } from "../../src/connection/direction.js";
import { temporaryFolder } from "../temporary-folder.js";
import { addSecrets, play, startReading } from "./reading.js";
import type { Recorded } from "./recording.js";

const SERVER_PORT = 443;
const ADDRESSES = { request: [10, 0, 0, 1], response: [10, 0, 0, 2] } as const;
const OTHER = { request: "response", response: "request" } as const;
/** Bytes of one packet's payload: what an Ethernet carries. */
const SEGMENT = 1_400;

/** Why it cannot be asked; undefined when it can. */
export function withoutTshark(): string | undefined {
  return spawnSync("tshark", ["--version"]).status === 0 ? undefined : "tshark is not installed";
}

/**
 * What Wireshark's dissector reads of a session, given the same secrets.
 * @throws when tshark fails
 */
export function readByTshark(recorded: Recorded): Record<Direction, string> {
  const folder = temporaryFolder();
  const capture = join(folder, "session.pcap");
  const keyLog = join(folder, "key.log");
  writeFileSync(capture, pcapOf(recorded));
  const random = clientRandomOf(recorded).toString("hex");
  const lines = recorded.secrets.map(([label, secret]) => `${label} ${random} ${secret.toString("hex")}\n`);
  writeFileSync(keyLog, lines.join(""));
  const decode = ["-d", `tcp.port==${SERVER_PORT},tls`, "-o", `tls.keylog_file:${keyLog}`];
  const options = ["-n", "-r", capture, ...decode, "-q", "-z", "follow,tls,raw,0"];
  const { status, stdout, stderr } = spawnSync("tshark", options, {
    encoding: "latin1",
    maxBuffer: 1 << 28,
    env: { ...process.env, HOME: folder },
  });
  if (status !== 0) throw new Error(`tshark: ${stderr}`);
  // Its first node is whoever said something first, in a record of whatever kind; what the other said has a tab before it.
  const first = stdout.includes(`Node 0: ${ADDRESSES.request.join(".")}:`) ? "request" : "response";
  const data = { request: "", response: "" };
  for (const line of stdout.split("\n")) {
    const [, tab, hex] = /^(\t?)([0-9a-f]+)$/.exec(line) ?? [];
    if (hex !== undefined)
      data[tab === "" ? first : OTHER[first]] += Buffer.from(hex, "hex").toString("latin1");
  }
  return data;
}

function clientRandomOf(recorded: Recorded): Buffer {
  const { reader } = startReading();
  addSecrets(reader, recorded.secrets);
  play(reader, recorded.steps);
  return Buffer.from(reader.clientRandom!);
}

/** Format of pcap(3PCAP), packets that begin with their IP header (LINKTYPE_RAW). */
function pcapOf(recorded: Recorded): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(101, 20);
  const written: Buffer[] = [header];
  const next = { request: 1_000, response: 5_000 };
  const packet = (direction: Direction, flags: number, payload: Buffer): void => {
    const ip = Buffer.alloc(40);
    ip.writeUInt8(0x45, 0);
    ip.writeUInt16BE(40 + payload.length, 2);
    ip.writeUInt8(64, 8);
    ip.writeUInt8(6, 9);
    ip.set(ADDRESSES[direction], 12);
    ip.set(ADDRESSES[OTHER[direction]], 16);
    ip.writeUInt16BE(direction === "request" ? 40_000 : SERVER_PORT, 20);
    ip.writeUInt16BE(direction === "request" ? SERVER_PORT : 40_000, 22);
    ip.writeUInt32BE(next[direction], 24);
    ip.writeUInt32BE(next[OTHER[direction]], 28);
    ip.writeUInt8(0x50, 32);
    ip.writeUInt8(flags, 33);
    ip.writeUInt16BE(65_535, 34);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(written.length, 0);
    record.writeUInt32LE(40 + payload.length, 8);
    record.writeUInt32LE(40 + payload.length, 12);
    written.push(record, ip, payload);
    next[direction] += payload.length + (flags & 0x03 ? 1 : 0);
  };
  const [FIN_ACK, SYN, SYN_ACK, PSH_ACK] = [0x11, 0x02, 0x12, 0x18];
  const none = Buffer.alloc(0);
  packet("request", SYN, none);
  packet("response", SYN_ACK, none);
  packet("request", 0x10, none);
  for (const [direction, bytes] of recorded.steps) {
    if (bytes === "end") packet(direction, FIN_ACK, none);
    else
      for (let at = 0; at < bytes.length; at += SEGMENT)
        packet(direction, PSH_ACK, bytes.subarray(at, at + SEGMENT));
  }
  return Buffer.concat(written);
}
