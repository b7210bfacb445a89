import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { Candidates } from "../../src/tls/candidates.js";
import { keyPair } from "./certificates.js";
import { addSecrets, cut, type Offer, play, readWhole, startReading, unnamed } from "./reading.js";
import { type Recorded, recordNode, type Step } from "./recording.js";

const TLS13 = { minVersion: "TLSv1.3" } as const;
const TLS12 = { maxVersion: "TLSv1.2" } as const;

async function record(server: object, client = {}, rest: object = {}): Promise<Recorded> {
  const recorded = await recordNode({ server: { ...keyPair("ecdsa"), ...server }, client, ...rest });
  return recorded.at(-1)!;
}

function only(recorded: Recorded, ...labels: string[]): Offer[] {
  return recorded.secrets.filter(([label]) => labels.includes(label));
}

/** The steps up to the first that the server sends after the client's nth. */
function upTo(recorded: Recorded, direction: string, count: number): [Step[], Step[]] {
  let seen = 0;
  const at = recorded.steps.findIndex(([from]) => from === direction && ++seen === count);
  return [recorded.steps.slice(0, at + 1), recorded.steps.slice(at + 1)];
}

let tls13: Recorded;
let tls12: Recorded;
beforeAll(async () => {
  tls13 = await record(TLS13);
  tls12 = await record(TLS12);
});

const READ = { failures: [], ends: { request: "close_notify", response: "close_notify" } };
const TURNS = ["session", "request", "response"];

describe("what is said of a session", () => {
  it.each([
    ["TLSv1.3", TLS13],
    ["TLSv1.2", TLS12],
  ])("has the protocol that was agreed on, for %s", async (version, server) => {
    const recorded = await record(
      { ...server, ALPNProtocols: ["x/1", "h2"] },
      { ALPNProtocols: ["h2", "x/1"] },
    );
    expect(readWhole(recorded).established).toMatchObject([{ version, protocol: "x/1", resumed: false }]);
    expect(readWhole(recorded, unnamed(recorded.secrets)).established).toMatchObject([{ protocol: "x/1" }]);
  });

  it("has no protocol when none was", () => {
    expect(readWhole(tls13).established).toMatchObject([{ protocol: undefined }]);
    expect(readWhole(tls12).established).toMatchObject([{ protocol: undefined }]);
  });

  it.each([
    ["TLSv1.3", TLS13],
    ["TLSv1.2", TLS12],
  ])("tells that it goes on from another, for %s", async (_, server) => {
    const recorded = await record(server, {}, { connections: 2 });
    const report = readWhole(recorded);
    expect(report).toMatchObject({ ...READ, data: recorded.data, established: [{ resumed: true }] });
  });

  it("comes with the handshake, before there is any data", () => {
    const { reader, report } = startReading();
    addSecrets(reader, tls13.secrets);
    play(reader, upTo(tls13, "response", 1)[0]);
    expect(report.turns).toEqual(["session"]);
  });

  it("is all there after a hello retry request", async () => {
    const recorded = await record({ ...TLS13, ecdhCurve: "P-384" }, { ecdhCurve: "P-256:P-384" });
    expect(upTo(recorded, "request", 2)[0].length).toBeGreaterThan(2);
    expect(readWhole(recorded)).toMatchObject({ ...READ, data: recorded.data });
    expect(readWhole(recorded, unnamed(recorded.secrets))).toMatchObject({ ...READ, data: recorded.data });
  });

  it("has the client's random from its hello on", () => {
    const { reader } = startReading();
    expect(reader.clientRandom).toBeUndefined();
    play(reader, upTo(tls13, "request", 1)[0]);
    const [, hello] = tls13.steps[0]!;
    expect(reader.clientRandom).toEqual((hello as Buffer).subarray(11, 43));
  });
});

describe("data", () => {
  it("has the time at which its record's last byte came", () => {
    const { reader, report } = startReading();
    addSecrets(reader, tls13.secrets);
    play(
      reader,
      cut(tls13.steps, () => 1),
    );
    const whole = startReading();
    addSecrets(whole.reader, tls13.secrets);
    play(whole.reader, tls13.steps);
    expect(report.data).toEqual(tls13.data);
    // The steps of whole records are numbered by pushes, those of bytes by bytes.
    const bytesUpTo = (step: number) =>
      tls13.steps.slice(0, step).reduce((sum, [, bytes]) => sum + bytes.length, 0);
    for (const [at, time] of whole.report.times.entries()) {
      expect(report.times[at]).toBeGreaterThan(bytesUpTo(time - 1));
      expect(report.times[at]).toBeLessThanOrEqual(bytesUpTo(time));
    }
  });

  it("has the time of its record, too, when the secrets come later", () => {
    const early = readWhole(tls13);
    const { reader, report } = startReading();
    play(reader, tls13.steps);
    addSecrets(reader, tls13.secrets);
    expect(report.times).toEqual(early.times);
  });

  it.each([
    ["TLS 1.3", () => tls13],
    ["TLS 1.2", () => tls12],
  ])("passes in order when the secrets come after all of it, in any order, for %s", (_, recorded) => {
    for (const secrets of [recorded().secrets, [...recorded().secrets].reverse()]) {
      const { reader, report } = startReading();
      play(reader, recorded().steps);
      expect(reader.state).toBe("waiting_for_secret");
      addSecrets(reader, secrets);
      expect(report).toMatchObject({ ...READ, data: recorded().data, turns: TURNS });
      expect(reader.state).toBe("closed");
    }
  });

  it("of the server waits for the client's, whose secret comes later", () => {
    const { reader, report } = startReading();
    addSecrets(reader, only(tls13, "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"));
    play(reader, tls13.steps);
    expect(report.turns).toEqual(["session"]);
    addSecrets(reader, only(tls13, "CLIENT_TRAFFIC_SECRET_0"));
    expect(report).toMatchObject({ ...READ, data: tls13.data, turns: TURNS });
  });

  it("is read without the secrets of the handshake", () => {
    const secrets = only(tls13, "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0");
    expect(readWhole(tls13, secrets)).toMatchObject({ ...READ, data: tls13.data, turns: TURNS });
  });

  it("is read with candidates that have no name, among those of other sessions", async () => {
    for (const recorded of [tls13, tls12]) {
      const others = Array.from({ length: 40 }, (_, at): Offer => [undefined, randomBytes(at % 2 ? 48 : 32)]);
      const secrets = [...others, ...unnamed(recorded.secrets)];
      expect(readWhole(recorded, secrets)).toMatchObject({ ...READ, data: recorded.data, turns: TURNS });
      const { reader, report } = startReading();
      play(reader, recorded.steps);
      addSecrets(reader, secrets);
      expect(report).toMatchObject({ ...READ, data: recorded.data, turns: TURNS });
    }
  });

  it("is read with named secrets among those of the same name of other sessions", () => {
    const others = tls13.secrets.map(([label, secret]): Offer => [label, randomBytes(secret.length)]);
    expect(readWhole(tls13, [...others, ...tls13.secrets])).toMatchObject({ ...READ, data: tls13.data });
  });

  it("ends as truncated when its direction ends without a word", () => {
    const [steps] = upTo(tls13, "request", 2);
    const { report, reader } = startReading();
    addSecrets(reader, tls13.secrets);
    play(reader, [...steps, ["request", "end"], ["response", "end"]]);
    expect(report.ends).toEqual({ request: "truncated", response: "truncated" });
    expect(reader.state).toBe("closed");
  });
});

describe("without the protocol that was agreed on", () => {
  const SECRETS = ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"];

  it.each([
    ["a client's preface tells HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "h2"],
    ["other data tells nothing", "GET / HTTP/1.1\r\n\r\n", undefined],
    ["a part of the preface is too little", "PR", undefined],
  ])("%s", async (_, request, protocol) => {
    const recorded = await record(TLS13, {}, { request: [Buffer.from(request)] });
    expect(readWhole(recorded, only(recorded, ...SECRETS)).established).toMatchObject([{ protocol }]);
  });

  it.each([
    ["a server's preface tells HTTP/2", "0000060400000000000004000000ff", "h2"],
    ["other data tells nothing", "485454502f312e3120323030204f4b0d0a", undefined],
  ])("%s, of a server that speaks first", async (_, response, protocol) => {
    const recorded = await record(TLS13, {}, { request: [], response: [Buffer.from(response, "hex")] });
    expect(readWhole(recorded, only(recorded, ...SECRETS)).established).toMatchObject([{ protocol }]);
  });
});

describe("a session is given up", () => {
  it("when no secret fits and the caller has waited long enough", () => {
    for (const recorded of [tls13, tls12]) {
      const { reader, report } = startReading();
      addSecrets(reader, [
        [undefined, randomBytes(32)],
        ["CLIENT_RANDOM", randomBytes(48)],
        ["SERVER_TRAFFIC_SECRET_0", randomBytes(48)],
      ]);
      play(reader, recorded.steps);
      expect(reader.state).toBe("waiting_for_secret");
      reader.giveUp();
      expect(reader.state).toBe("failed");
      expect(report).toMatchObject({ failures: ["secret_missing"], turns: [] });
      addSecrets(reader, recorded.secrets);
      expect(report.turns).toEqual([]);
    }
  });

  it("not when it is being read", () => {
    const { reader, report } = startReading();
    addSecrets(reader, tls12.secrets);
    play(reader, upTo(tls12, "request", 3)[0]);
    expect(reader.state).toBe("open");
    reader.giveUp();
    expect(report.failures).toEqual([]);
  });

  it("when more ciphertext passed than may be kept", () => {
    const { reader, report } = startReading(2000);
    play(reader, upTo(tls13, "request", 1)[0]);
    for (let count = 0; count < 100; count++) play(reader, [["request", record23(100)]]);
    expect(report.failures).toEqual(["too_much_ciphertext"]);
  });

  it("when a record is not what was sent", () => {
    for (const recorded of [tls13, tls12]) {
      const steps = recorded.steps.map(
        ([direction, bytes]): Step => [direction, bytes === "end" ? bytes : Buffer.from(bytes)],
      );
      const last = steps.findLast(([direction, bytes]) => direction === "response" && bytes.length > 60);
      (last![1] as Buffer)[(last![1] as Buffer).length - 3]! ^= 1;
      expect(readWhole(recorded, recorded.secrets, steps).failures).toEqual(["record_does_not_open"]);
    }
  });

  it.each([
    ["HTTP", "GET / HTTP/1.1\r\n\r\n"],
    ["a record that is too long", "\x16\x03\x01\xff\xff"],
    ["data before a hello", "\x17\x03\x03\x00\x01a"],
    ["SSL 2.0", "\x80\x2e\x01\x03\x01"],
  ])("when it is %s", (_, text) => {
    const { reader, report } = startReading();
    play(reader, [["request", Buffer.from(text, "latin1")]]);
    expect(report.failures).toEqual(["malformed_record"]);
    expect(reader.state).toBe("failed");
  });
});

it("an alert in the handshake is told", async () => {
  const steps: Step[] = [
    ["request", tls13.steps[0]![1]],
    ["response", Buffer.from([21, 3, 3, 0, 2, 2, 40])],
    ["response", "end"],
    ["request", "end"],
  ];
  const report = readWhole(tls13, [], steps);
  expect(report).toMatchObject({ alerts: ["response 2 40"], failures: [], established: [] });
  expect(report.ends).toEqual({ request: "truncated", response: "truncated" });
});

it("nothing is told after close", () => {
  const { reader, report } = startReading();
  addSecrets(reader, tls13.secrets);
  const [first, rest] = upTo(tls13, "response", 1);
  play(reader, first);
  reader.close();
  play(reader, rest);
  reader.giveUp();
  expect(reader.state).toBe("closed");
  expect(report).toMatchObject({ turns: ["session"], failures: [], ends: {} });
});

it("secrets are overwritten when they are not needed any more", () => {
  const candidates = new Candidates();
  candidates.add("CLIENT_TRAFFIC_SECRET_0", randomBytes(32));
  candidates.add(undefined, randomBytes(48));
  const kept = candidates.list.map(({ secret }) => secret);
  candidates.wipe();
  expect(kept.map((secret) => secret.equals(Buffer.alloc(secret.length)))).toEqual([true, true]);
});

function record23(length: number): Buffer {
  return Buffer.concat([Buffer.from([23, 3, 3, length >> 8, length & 0xff]), randomBytes(length)]);
}
