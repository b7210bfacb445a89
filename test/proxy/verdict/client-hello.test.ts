import { getExtensionData, isGREASE, readTlsClientHello } from "read-tls-client-hello";
import { describe, expect, it } from "vitest";
import { MAX_HELLO, readClientHello } from "../../../src/proxy/verdict/client-hello.js";
import { processorMsOf } from "../../processor-time.js";
import { extension, helloMessage, sni, vector8, vector16 } from "../client-hello-bytes.js";
import { captureHello, clientNames, HOST, helloOf, inRecords, streamOf } from "../client-hello-rig.js";

const HELLOS = new Map<string, Buffer>();
for (const name of clientNames) HELLOS.set(name, await captureHello(name));

describe.each(clientNames)("the hello of %s", (name) => {
  const bytes = HELLOS.get(name)!;

  it("is read as another reader reads it", async () => {
    const theirs = await readTlsClientHello(streamOf(bytes));
    const numbers = (values: readonly number[] | undefined) =>
      (values ?? []).filter((value) => !isGREASE(value));
    const ours = helloOf(bytes);
    expect(ours.serverName).toBe(getExtensionData(theirs, "sni")?.serverName);
    expect(ours.alpn).toEqual(getExtensionData(theirs, "alpn")?.protocols ?? []);
    expect(ours.cipherSuites).toEqual(numbers(theirs.cipherSuites));
    expect(ours.groups).toEqual(numbers(getExtensionData(theirs, "supported_groups")?.groups));
    expect(ours.signatureAlgorithms).toEqual(
      numbers(getExtensionData(theirs, "signature_algorithms")?.algorithms),
    );
    const versions = getExtensionData(theirs, "supported_versions")?.versions;
    expect(ours.versions).toEqual(numbers(versions ?? [theirs.version]));
    expect(ours.extensions).toEqual(numbers(theirs.extensions.map(({ id }) => id)));
    expect(ours.resumes).toBe(false);
  });

  it("is incomplete at every cut before its end", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(readClientHello(bytes.subarray(0, length)), `${length} bytes`).toEqual({ kind: "incomplete" });
    }
  });

  it("is the same when spread over records of any size", () => {
    const whole = readClientHello(bytes);
    for (const size of [1, 2, 3, 4, 5, 63, 64, 200]) {
      const split = inRecords(bytes, size);
      expect(readClientHello(split)).toEqual(whole);
      for (let length = 0; length < split.length; length += 7) {
        expect(readClientHello(split.subarray(0, length))).toEqual({ kind: "incomplete" });
      }
    }
  });

  it("is the same when more follows", () => {
    expect(readClientHello(Buffer.concat([bytes, Buffer.from("early data")]))).toEqual(
      readClientHello(bytes),
    );
  });
});

describe("what a hello says", () => {
  it.each([
    ["Api.Example.COM", "api.example.com"],
    ["api.example.com.", "api.example.com"],
    [".", undefined],
    ["", undefined],
  ])("names %j as %j", (written, read) => {
    expect(helloOf(helloMessage({ extensions: [sni(written)] })).serverName).toBe(read);
  });

  it("passes over names that are no host names", () => {
    const other = Buffer.concat([Buffer.from([9]), vector16(Buffer.from("x"))]);
    const host = Buffer.concat([Buffer.from([0]), vector16(Buffer.from(HOST))]);
    const names = extension(0, vector16(Buffer.concat([other, host])));
    expect(helloOf(helloMessage({ extensions: [names] })).serverName).toBe(HOST);
  });

  it("comes without extensions from a very old client", () => {
    const hello = helloOf(helloMessage({ version: 0x0301, extensions: undefined }));
    expect(hello).toMatchObject({ versions: [0x0301], alpn: [], groups: [], extensions: [] });
  });

  it("leaves GREASE out everywhere", () => {
    const grease = [0x0a0a, 0xfafa];
    const numbers = (...values: number[]) => Buffer.concat(values.map((value) => u16(value)));
    const hello = helloOf(
      helloMessage({
        cipherSuites: [grease[0]!, 0x1301],
        extensions: [
          extension(grease[0]!, Buffer.alloc(0)),
          extension(10, vector16(numbers(grease[1]!, 29))),
          extension(13, vector16(numbers(grease[1]!, 0x0403))),
          extension(43, vector8(numbers(grease[1]!, 0x0304))),
          extension(16, vector16(Buffer.concat([vector8(u16(grease[0]!)), vector8(Buffer.from("h2"))]))),
          extension(grease[1]!, Buffer.from([0])),
        ],
      }),
    );
    expect(hello).toEqual({
      random: expect.any(Uint8Array) as Uint8Array,
      alpn: ["h2"],
      versions: [0x0304],
      cipherSuites: [0x1301],
      groups: [29],
      signatureAlgorithms: [0x0403],
      extensions: [10, 13, 43, 16],
      resumes: false,
    });
  });

  it.each([
    [
      "a pre-shared key",
      { extensions: [extension(43, vector8(u16(0x0304))), extension(41, Buffer.alloc(9))] },
      true,
    ],
    ["a ticket", { extensions: [extension(35, Buffer.alloc(9))] }, true],
    ["the wish for a ticket", { extensions: [extension(35, Buffer.alloc(0))] }, false],
    ["a session id", { sessionId: Buffer.alloc(32, 1), extensions: [] }, true],
    [
      "the mock session id of TLS 1.3",
      { sessionId: Buffer.alloc(32, 1), extensions: [extension(43, vector8(u16(0x0304)))] },
      false,
    ],
  ])("that has %s: resumes is %j", (_what, parts, resumes) => {
    expect(helloOf(helloMessage(parts)).resumes).toBe(resumes);
  });
});

describe("what is no hello", () => {
  it.each([
    ["nothing", Buffer.alloc(0), "incomplete"],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n"), "not_tls"],
    ["SSH", Buffer.from("SSH-2.0-OpenSSH\r\n"), "not_tls"],
    ["an SSLv2 hello", Buffer.from([0x80, 0x2e, 1, 3, 1]), "not_tls"],
    ["an alert", Buffer.from([21, 3, 1, 0, 2, 2, 40]), "not_tls"],
    ["a server hello", Buffer.from([22, 3, 3, 0, 4, 2, 0, 0, 0]), "not_tls"],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0]), "not_tls"],
    ["a record that is too long", Buffer.from([22, 3, 1, 0xff, 0xff]), "not_tls"],
    ["a message that is too long", Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]), "not_tls"],
  ])("is told for %s", (_what, bytes, kind) => {
    expect(readClientHello(bytes).kind).toBe(kind);
  });

  it.each([
    ["a list that runs past its end", extension(10, Buffer.from([0, 9, 0, 29]))],
    ["an odd list of numbers", extension(10, vector16(Buffer.from([0, 29, 0])))],
    [
      "an empty ALPN name",
      extension(16, vector16(Buffer.concat([vector8(Buffer.from("h2")), vector8(Buffer.alloc(0))]))),
    ],
    ["a NUL in its server name", sni("api.example.com\0.evil.test")],
    ["a server name that is not ASCII", sni("café.example.com")],
  ])("is malformed with %s", (_what, part) => {
    expect(readClientHello(helloMessage({ extensions: [part] })).kind).toBe("malformed");
  });

  it("is malformed with any extension cut short", () => {
    const whole = helloMessage({ extensions: [sni(HOST)] });
    for (let lost = 1; lost < HOST.length; lost++) {
      const cut = Buffer.from(whole.subarray(0, whole.length - lost));
      cut.writeUInt16BE(cut.length - 5, 3);
      cut.writeUIntBE(cut.length - 9, 6, 3);
      expect(readClientHello(cut).kind, `${lost} bytes lost`).toBe("malformed");
    }
  });
});

describe("long hellos", () => {
  const padded = (length: number) => {
    const bare = helloMessage({ extensions: [sni(HOST), extension(21, Buffer.alloc(0))] });
    return helloMessage({ extensions: [sni(HOST), extension(21, Buffer.alloc(length - bare.length))] });
  };

  it("are read up to 16 KiB", () => {
    const bytes = padded(MAX_HELLO);
    expect(bytes.length).toBe(MAX_HELLO);
    expect(helloOf(bytes).serverName).toBe(HOST);
    expect(helloOf(inRecords(bytes, 1000)).serverName).toBe(HOST);
  });

  it("are given up beyond", () => {
    expect(readClientHello(padded(MAX_HELLO + 6)).kind).not.toBe("hello");
  });

  it("are not waited for without end", () => {
    const endless = inRecords(padded(MAX_HELLO), 1);
    expect(readClientHello(endless.subarray(0, MAX_HELLO)).kind).toBe("malformed");
  });

  it("are read in time that grows with their length alone", () => {
    const bytes = inRecords(padded(3000), 1);
    const spent = processorMsOf(() => {
      for (let length = 0; length < bytes.length; length += 5) readClientHello(bytes.subarray(0, length));
    });
    expect(spent).toBeLessThan(5_000);
  });
});

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
