import { describe, expect, test } from "vitest";
import { readOpening } from "../../../src/proxy/verdict/opening.js";
import { clientHello, records } from "../front-rig.js";

describe("an opening", () => {
  const hello = records(clientHello(600));
  test.each([
    ["nothing", Buffer.alloc(0), { kind: "incomplete" }],
    ["half a hello", hello.subarray(0, 100), { kind: "incomplete" }],
    ["half a record header", hello.subarray(0, 3), { kind: "incomplete" }],
    ["half a method", Buffer.from("OPT"), { kind: "incomplete" }],
    ["a request", Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), { kind: "http", host: "a" }],
    ["SSH", Buffer.from("SSH-2.0-x\r\n"), { kind: "other", reason: "neither_tls_nor_http" }],
    [
      "a hello that contradicts itself",
      records(Buffer.concat([Buffer.from([1, 0, 0, 8]), Buffer.alloc(8, 0xff)])),
      { kind: "other", reason: "client_hello_malformed" },
    ],
  ])("of %s", (_what, bytes, opening) => {
    expect(readOpening(bytes)).toEqual(opening);
  });

  test("of a whole hello, in one record or many", () => {
    expect(readOpening(hello).kind).toBe("tls");
    expect(readOpening(records(clientHello(600), 17)).kind).toBe("tls");
  });
});
