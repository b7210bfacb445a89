/**
 * The answer of the sysctl net.inet.tcp.pcblist_n, written field by field from the published structures (xnu's
 * bsd/netinet/in_pcb.h, tcp_var.h, bsd/sys/socketvar.h; the order from in_pcblist.c, get_pcblist_n): all are packed to
 * 4 bytes, and each record begins at a multiple of 8.
 */

import { isIPv6 } from "node:net";

export interface MacSocket {
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
  readonly uid: number;
  readonly lastPid: number;
  /** 0 for a process that acts for itself. */
  readonly effectivePid: number;
  /** TCPS_…: 4 is ESTABLISHED, 10 TIME_WAIT. */
  readonly state: number;
}

export type MacOs = 12 | 13 | 14 | 15;

const GENERATION = 24;

export function pcblistBytes(version: MacOs, sockets: readonly MacSocket[]): Buffer {
  const generation = Buffer.alloc(GENERATION);
  generation.writeUInt32LE(GENERATION, 0); // xig_len
  generation.writeUInt32LE(sockets.length, 4); // xig_count
  return Buffer.concat([generation, ...sockets.flatMap((socket) => records(version, socket)), generation]);
}

function records(version: MacOs, socket: MacSocket): Buffer[] {
  return [
    inpcb(socket),
    // macOS 12 ends with so_e_pid; newer ones add six fields.
    owner(socket, version === 12 ? 76 : 104),
    record(0x02, 32), // XSO_RCVBUF
    record(0x04, 32), // XSO_SNDBUF
    record(0x08, 136), // XSO_STATS: four data_stats of 32 bytes
    tcpcb(socket),
  ].map(aligned);
}

function inpcb({ local, remote }: MacSocket): Buffer {
  const bytes = record(0x10, 104); // XSO_INPCB
  bytes.writeUInt16BE(remote.port, 16); // inp_fport
  bytes.writeUInt16BE(local.port, 18); // inp_lport
  bytes.writeUInt8(isIPv6(local.address) ? 2 : 1, 44); // inp_vflag
  addressBytes(remote.address).copy(bytes, 48); // inp_dependfaddr
  addressBytes(local.address).copy(bytes, 64); // inp_dependladdr
  return bytes;
}

function owner({ uid, lastPid, effectivePid }: MacSocket, length: number): Buffer {
  const bytes = record(0x01, length); // XSO_SOCKET
  bytes.writeUInt32LE(uid, 64); // so_uid
  bytes.writeInt32LE(lastPid, 68); // so_last_pid
  bytes.writeInt32LE(effectivePid, 72); // so_e_pid
  return bytes;
}

function tcpcb({ state }: MacSocket): Buffer {
  const bytes = record(0x20, 204); // XSO_TCPCB
  bytes.writeInt32LE(state, 36); // t_state
  return bytes;
}

function record(kind: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(kind, 4);
  return bytes;
}

const aligned = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 7)]);

/** in_addr_4in6 has three words of padding before the address. */
function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from([...Array(12).fill(0), ...address.split(".").map(Number)]);
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const zeros = Array<string>(8 - groups(head).length - groups(tail).length).fill("0");
  const all = [...groups(head), ...zeros, ...groups(tail)];
  return Buffer.from(
    all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}
