import { expect, test } from "vitest";
import { readToSupervisor } from "../../src/supervisor/protocol.js";

const tuple = { local: { address: "10.0.0.1", port: 50_000 }, remote: { address: "192.0.2.1", port: 443 } };
const random = "ab".repeat(32);

test.each([
  { type: "listening", port: 4_000, localPorts: [11_434] },
  { type: "lookup", id: 1, tuple },
  { type: "watch", id: 1, pid: 2, startTime: 3, random },
  { type: "unwatch", id: 1 },
  { type: "bundle", document: "{}" },
  { type: "sign", id: 1, host: "api.openai.com", port: 443, key: "AA==" },
  { type: "pong", id: 1 },
  { type: "crowd", state: "crowded", held: 96, most: 128 },
  { type: "stop_requested" },
  { type: "failed", code: "OXIMY_E_CA", message: "m", advice: "a" },
])("$type is understood", (message) => {
  expect(readToSupervisor(message)).toBe(message);
});

test.each<[string, unknown]>([
  ["nothing", null],
  ["a text", "lookup"],
  ["a list", []],
  ["an unknown type", { type: "shutdown" }],
  ["a name that every object has", { type: "toString" }],
  ["a lookup of nothing", { type: "lookup", id: 1, tuple: null }],
  [
    "a port that is none",
    { type: "lookup", id: 1, tuple: { ...tuple, local: { address: "::1", port: 65_536 } } },
  ],
  ["a watch without a number", { type: "watch", id: "1", pid: 2, startTime: 3, random }],
  [
    "a watch that the kernel's maps cannot count",
    { type: "watch", id: 2 ** 32, pid: 2, startTime: 3, random },
  ],
  ["a random that is too short", { type: "watch", id: 1, pid: 2, startTime: 3, random: "ab" }],
  ["a crowd of another kind", { type: "crowd", state: "panic", held: 1, most: 2 }],
  ["a crowd without numbers", { type: "crowd", state: "room", held: -1, most: Number.POSITIVE_INFINITY }],
  ["a bundle that is no text", { type: "bundle", document: {} }],
  ["a bundle without end", { type: "bundle", document: "x".repeat((16 << 20) + 1) }],
  ["a certificate for nothing", { type: "sign", id: 1, port: 443, key: "AA==" }],
  ["a certificate for a port that is none", { type: "sign", id: 1, host: "a", port: 0, key: "AA==" }],
  [
    "a certificate for a key without end",
    { type: "sign", id: 1, host: "a", port: 443, key: "A".repeat(201) },
  ],
  ["a failure without words", { type: "failed", code: 1 }],
])("root takes no notice of %s", (_what, message) => {
  expect(readToSupervisor(message)).toBeUndefined();
});
