import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../src/exchange/guard.js";
import { HpackDecoder } from "../../src/exchange/hpack.js";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

function decodeAll(blocks: readonly string[], decoder = new HpackDecoder(100_000)): string[] {
  return blocks.map((block) =>
    decoder
      .decode(hex(block))
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  );
}

function reasonOf(block: string, decoder = new HpackDecoder(1000)): string {
  try {
    decoder.decode(hex(block));
  } catch (error) {
    if (error instanceof ProtocolError) return error.reason;
    throw error;
  }
  return "none";
}

const REQUESTS = [
  ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com",
  ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache",
  ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value",
];

describe("HPACK", () => {
  it("decodes the literals of RFC 7541 C.2", () => {
    expect(
      decodeAll([
        "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
        "040c 2f73 616d 706c 652f 7061 7468",
        "1008 7061 7373 776f 7264 0673 6563 7265 74",
        "82",
      ]),
    ).toEqual(["custom-key: custom-header", ":path: /sample/path", "password: secret", ":method: GET"]);
  });

  it("keeps a dynamic table over requests, as in RFC 7541 C.3", () => {
    expect(
      decodeAll([
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ]),
    ).toEqual(REQUESTS);
  });

  it("reads Huffman codes, as in RFC 7541 C.4", () => {
    expect(
      decodeAll([
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ]),
    ).toEqual(REQUESTS);
  });

  it("evicts what no longer fits, as in RFC 7541 C.6", () => {
    const decoder = new HpackDecoder(100_000);
    const [first, second, third] = decodeAll(
      [
        "3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff 6e91 9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
      ],
      decoder,
    );
    const rest =
      "cache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com";
    expect(first).toBe(`:status: 302\n${rest}`);
    expect(second).toBe(`:status: 307\n${rest}`);
    expect(third).toBe(
      ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\nlocation: https://www.example.com\n" +
        "content-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    );
    // The table was announced to hold 256 bytes: of the third response only its last entries are left.
    expect(decodeAll(["be", "bf", "c0"], decoder).map((field) => field.split(":")[0])).toEqual([
      "set-cookie",
      "content-encoding",
      "date",
    ]);
    expect(reasonOf("c1", decoder)).toBe("hpack_bad_index");
  });

  it("decodes the code of every byte", () => {
    // All 256 bytes in order, encoded by the `hpack` package for Python 4.0.0.
    const all =
      "ffc7fffd8fffffe2fffffe3fffffe4fffffe5fffffe6fffffe7fffffe8ffffeafffffff3fffffa7fffffabffffffdfff" +
      "ffebfffffecfffffedfffffeefffffefffffff0ffffff1ffffff2fffffffbfffffcffffffd3fffffd7fffffdbfffffdf" +
      "fffffe3fffffe7fffffebfffffed4fe3f9ffaffcabf1febfafefe7fdfd2cbb00089969b71d79fb9f7fff20ffbff3ff50" +
      "ddbd7f061c58f265cd9f469d5af66dddbf871e5f9cff7ff7fffc3ff9ffe45fff4719242cb34e6e9d68a6a3d7dac426de" +
      "fe3cfaf7fffbfe7ffbffdffffffcfffe6ffff4bfff9ffffa3fffd3ffff53fffd5ffffb3fffeb7fffdaffffb7ffff73ff" +
      "feeffffdeffffebffffbfffffd9ffffdbfffebffffe0ffffeeffffc3ffff8bffff1ffffe4fffee7fffb1ffff97fffd9f" +
      "fffcdffff9fffffbffffdafffeeffff4ffffb7fffee7fffe8ffffd3fffdeffffd5fffeeffffbdffffe1fffdfffff7fff" +
      "ff5ffffecffff07fff87fffe0ffff17fffedffff87ffff77fffeffffeaffff8bfffe3ffff93ffff87fffcbffff37ffff" +
      "1fffff83ffffe1fffebfffe3ffff3fffff2ffffa3ffffd9fffff17ffffc7fffff27ffffdefffffbffffff2fffff8ffff" +
      "fb7fff97fff8fffffe6fffffc1fffff87ffffe7fffffc5ffffe5fffe4ffff2fffffd1fffff4ffffffefffffe3fffffc9" +
      "fffff97fffb3ffffcffffb7fffcdffff4ffff9ffffd1ffffcffffeaffffafffffddffffeffffff4fffff5fffffabffff" +
      "a7ffffd7fffff9bffffecfffffb7fffff3fffffe8fffffd3fffffabfffff5fffffff7ffffecfffffdbfffffbbfffff7f" +
      "fffff0fffffbbf";
    const length = all.length / 2;
    const prefix = Buffer.from([0x00, 0x01, 0x78, 0xff, ((length - 127) & 0x7f) | 0x80, (length - 127) >> 7]);
    const [field] = new HpackDecoder(100_000).decode(Buffer.concat([prefix, hex(all)]));
    expect(Buffer.from(field![1], "latin1")).toEqual(Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
  });

  it("grows its table only as far as the receiver allowed", () => {
    const decoder = new HpackDecoder(1000);
    expect(reasonOf("3fe11f", decoder)).toBe("none");
    expect(reasonOf("3fe21f", decoder)).toBe("hpack_table_too_large");
    decoder.allowTableSize(8192);
    expect(reasonOf("3fe21f", decoder)).toBe("none");
  });

  it.each([
    ["an index beyond the tables", "be", "hpack_bad_index"],
    ["index 0", "80", "hpack_bad_index"],
    ["an integer without end", "ffffffffffffffff", "hpack_bad_integer"],
    ["a string that is cut short", "0005 6162", "hpack_cut_short"],
    ["padding of a whole byte", "0001 61 82 1fff", "hpack_bad_huffman"],
    ["padding with zeros", "0001 61 81 18", "hpack_bad_huffman"],
    ["the end-of-string symbol", "0001 61 84 ffff ffff", "hpack_bad_huffman"],
    ["a size update behind a field", "82 20", "hpack_late_size_update"],
  ])("refuses %s", (_name, block, reason) => {
    expect(reasonOf(block)).toBe(reason);
  });

  it("refuses a small block that refers to a large field many times", () => {
    const decoder = new HpackDecoder(10_000);
    expect(reasonOf(`4001 61 7fa11e ${"62".repeat(4000)}`, decoder)).toBe("none");
    expect(reasonOf("be".repeat(3), decoder)).toBe("hpack_list_too_large");
  });
});
