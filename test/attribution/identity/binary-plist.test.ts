import fc from "fast-check";
import { buildBinary } from "plist";
import { expect, test } from "vitest";
import { readTopStrings } from "../../../src/attribution/identity/binary-plist.js";

const list = (values: Parameters<typeof buildBinary>[0]) => Buffer.from(buildBinary(values));

test("the strings at the top are read, whatever else there is", () => {
  const bytes = list({
    CFBundleIdentifier: "com.example.café",
    CFBundleName: "Caffè ☕ with a name of more than fifteen characters",
    LSMinimumSystemVersion: "12.0",
    NSHighResolutionCapable: true,
    CFBundleDocumentTypes: [{ CFBundleTypeName: "inner", CFBundleIdentifier: "inner" }],
    Build: 1234567,
  });
  expect(Object.fromEntries(readTopStrings(bytes))).toEqual({
    CFBundleIdentifier: "com.example.café",
    CFBundleName: "Caffè ☕ with a name of more than fifteen characters",
    LSMinimumSystemVersion: "12.0",
  });
});

test("a list of many objects is read", () => {
  const values = Object.fromEntries(Array.from({ length: 700 }, (_, n) => [`key${n}`, `value${n}`]));
  expect(Object.fromEntries(readTopStrings(list(values)))).toEqual(values);
});

test("any bytes give strings or a RangeError", () => {
  const sound = list({ CFBundleIdentifier: "com.example.app", CFBundleName: "Ünï" });
  const damaged = fc
    .tuple(fc.nat(sound.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(sound.length))
    .map(([place, value, length]) => {
      const bytes = Buffer.from(sound);
      bytes[place] = value;
      return bytes.subarray(sound.length - length);
    });
  fc.assert(
    fc.property(damaged, (bytes) => {
      try {
        readTopStrings(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 3000 },
  );
});
