import { beforeEach, expect, test } from "vitest";
import { KeyLogSecrets } from "../../src/engine/key-log-secrets.js";
import type { KnownClient } from "../../src/proxy/verdict/client.js";
import { type SecretFrame, SecretFrameReader } from "../../src/secrets/secret-frame.js";
import type { Trust } from "../../src/trust/predict.js";

const random = (number: number) => Buffer.alloc(32, number);
const SECRET = Buffer.alloc(48, 0xb2);
const line = (number: number, label = "CLIENT_RANDOM") =>
  Buffer.from(`${label} ${random(number).toString("hex")} ${SECRET.toString("hex")}\n`);

const client = (path: string, key = path, kind: Trust["kind"] = "trusts"): KnownClient => ({
  owner: { kind: "process", process: { pid: 1, uid: 1000, path }, ancestors: [] },
  program: {
    key,
    name: path,
    trust: { kind, evidence: "" },
    isWhole: true,
    trustInputs: "",
    advice: "",
  },
});
const NODE = client("/usr/bin/node");
const AGENT = client("/opt/agent");

let now: number;
let secrets: KeyLogSecrets;
let delivered: SecretFrame[];

beforeEach(() => {
  now = 1_000_000;
  delivered = [];
  secrets = new KeyLogSecrets(() => now);
  secrets.useMeans(new Set(["OXIMY_RUN_KEY_LOG", "SSLKEYLOGFILE"]));
  secrets.deliverTo((frames) =>
    new SecretFrameReader().push(Buffer.from(frames.buffer), (frame) => delivered.push(frame)),
  );
});

const watch = async (id: number, from: KnownClient) => (await secrets.watch(id, from, random(id))).state;

test.each([
  ["/usr/bin/node", "known"],
  ["/usr/bin/curl", "known"],
  ["/usr/bin/python3.11", "known"],
  ["/root/.bun/bin/bun", "none"],
  ["/usr/bin/java", "none"],
  ["/opt/agent", "none"],
])("the secrets of %s are %s", async (path, state) => {
  expect(await watch(1, client(path))).toBe(state);
});

test("a program that is not known has none, and neither has one whose user keeps its key log", async () => {
  expect(await watch(1, { owner: { kind: "unknown", reason: "timeout" } })).toBe("none");
  secrets.useMeans(new Set(["OXIMY_RUN_KEY_LOG"]));
  expect(await watch(2, client("/usr/bin/curl"))).toBe("none");
  expect(await watch(3, NODE)).toBe("known");
});

test.each<Trust["kind"]>(["distrusts", "unknown"])(
  "a program that %s is taken to log, until it once did not",
  async (kind) => {
    const careful = client("/opt/careful", "careful", kind);
    expect(await watch(1, careful)).toBe("known");
    secrets.onOutcome(1, "opened");
    expect(await watch(2, careful)).toBe("known");
    secrets.onOutcome(2, "missing");
    expect(await watch(3, careful)).toBe("failed");
    secrets.useMeans(new Set(["OXIMY_RUN_KEY_LOG"]));
    expect(await watch(4, client("/opt/other", "other", kind))).toBe("none");
  },
);

test("secrets go to the connection that has their random; all others are dropped", async () => {
  await watch(1, NODE);
  await watch(2, NODE);
  secrets.push(Buffer.concat([line(2), line(9), line(1, "SERVER_TRAFFIC_SECRET_0")]));
  expect(delivered).toEqual([
    { watchId: 2, label: "CLIENT_RANDOM", candidate: false, secret: SECRET },
    { watchId: 1, label: "SERVER_TRAFFIC_SECRET_0", candidate: false, secret: SECRET },
  ]);
});

test("secrets that come late are of use for two seconds after the end", async () => {
  await watch(1, NODE);
  secrets.unwatch(1);
  now += 2_000;
  secrets.push(line(1));
  now += 1;
  secrets.push(line(1));
  expect(delivered).toHaveLength(1);
});

test("of one handshake sixteen secrets are taken, however many are written", async () => {
  await watch(1, NODE);
  for (let count = 0; count < 100; count++) secrets.push(line(1));
  expect(delivered).toHaveLength(16);
});

test.each([["missing"], ["failed"]] as const)(
  "a program whose secrets were %s twice is not read from then on, and others are as they were",
  async (outcome) => {
    for (const id of [1, 2]) {
      expect(await watch(id, NODE)).toBe("known");
      secrets.unwatch(id);
      secrets.onOutcome(id, outcome);
    }
    expect(await watch(3, NODE)).toBe("failed");
    expect(await watch(4, client("/usr/bin/node", "another script"))).toBe("known");
  },
);

test("a failure is forgotten by a success", async () => {
  for (const [id, outcome] of (["missing", "opened", "missing"] as const).entries()) {
    await watch(id, NODE);
    secrets.onOutcome(id, outcome);
  }
  expect(await watch(9, NODE)).toBe("known");
});

test("a program that nobody knew is read once it was seen to log", async () => {
  expect(await watch(1, AGENT)).toBe("none");
  secrets.push(line(1));
  expect(delivered).toEqual([]);
  expect(await watch(2, AGENT)).toBe("known");
  secrets.push(line(2));
  expect(delivered.map(({ watchId }) => watchId)).toEqual([2]);
});
