import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  encodeSecretFrame,
  SECRET_FRAME_BYTES,
  SECRET_LABELS,
  type SecretFrame,
  SecretFrameReader,
} from "../../src/secrets/secret-frame.js";

function read(...pieces: Buffer[]): SecretFrame[] {
  const frames: SecretFrame[] = [];
  const reader = new SecretFrameReader();
  for (const piece of pieces) reader.push(piece, (frame) => frames.push(frame));
  return frames;
}

const frames: SecretFrame[] = SECRET_LABELS.map((label, i) => ({
  watchId: 0xffff_ffff - i,
  label,
  candidate: i % 2 === 0,
  secret: randomBytes(i % 2 === 0 ? 32 : 48),
}));
const stream = () => Buffer.concat(frames.map(encodeSecretFrame));

describe("frames of secrets", () => {
  it("are read as they were written", () => {
    expect(read(stream())).toEqual(frames);
  });

  it.each([1, 5, 71, 73, 200])("are whole, however the stream is cut: %i bytes at a time", (size) => {
    const bytes = stream();
    const pieces = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(Buffer.from(bytes.subarray(at, at + size)));
    expect(read(...pieces)).toEqual(frames);
  });

  it("have the layout that the native reader writes", () => {
    const secret = Buffer.alloc(48, 0xab);
    const bytes = encodeSecretFrame({ watchId: 0x01020304, label: "CLIENT_RANDOM", candidate: true, secret });
    const expected = `04030201 01 30 0100 ${"ab".repeat(48)} ${"00".repeat(16)}`.replaceAll(" ", "");
    expect(bytes.toString("hex")).toBe(expected);
    expect(bytes.length).toBe(SECRET_FRAME_BYTES);
  });

  it("leave nothing in the buffer that they came in", () => {
    const bytes = stream();
    read(bytes);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it.each([
    ["a label that there is not", 4, 7],
    ["a length that no secret has", 5, 64],
    ["a length beyond the frame", 5, 255],
  ])("are left out when wrong: %s", (_what, offset, value) => {
    const wrong = encodeSecretFrame(frames[0]!);
    wrong.writeUInt8(value, offset);
    expect(read(wrong, stream())).toEqual(frames);
  });

  it("cannot be written of a secret of another length", () => {
    expect(() => encodeSecretFrame({ ...frames[0]!, secret: Buffer.alloc(64) })).toThrow(RangeError);
  });

  it("begin anew after a wipe", () => {
    const reader = new SecretFrameReader();
    const seen: SecretFrame[] = [];
    reader.push(stream().subarray(0, 40), (frame) => seen.push(frame));
    reader.wipe();
    reader.push(stream(), (frame) => seen.push(frame));
    expect(seen).toEqual(frames);
  });
});
