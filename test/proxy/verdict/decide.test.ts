import { describe, expect, test } from "vitest";
import type { ClientHello } from "../../../src/proxy/verdict/client-hello.js";
import { type Client, decide, type HostKnowledge, type Policy } from "../../../src/proxy/verdict/decide.js";
import type { Opening } from "../../../src/proxy/verdict/opening.js";
import { client as knownClient, program } from "../trust-rig.js";

const TLS_1_0 = 0x0301;
const TLS_1_3 = 0x0304;

function tls(serverName?: string, versions: readonly number[] = [TLS_1_3]): Opening {
  const hello = { alpn: [], versions, ...(serverName === undefined ? {} : { serverName }) };
  return { kind: "tls", hello: hello as unknown as ClientHello };
}
const http = (host?: string, port?: number): Opening => ({
  kind: "http",
  ...(host === undefined ? {} : { host }),
  ...(port === undefined ? {} : { port }),
});

const KNOWN: Record<string, HostKnowledge> = {
  "api.openai.com:443": "readable",
  "api.openai.com:80": "readable",
  "127.0.0.1:11434": "readable",
  "localhost:11434": "readable",
  "granola.so:443": "named",
};

const POLICY: Policy = {
  knowledgeOf: (host, port) => KNOWN[`${host}:${port}`] ?? "unknown",
  selects: () => true,
  interception: "predicted",
  distrusting: "pass_through",
  pins: () => false,
  asksForCertificate: () => false,
  capacity: "free",
  isSeenInContainer: false,
};
const TRUSTS: Client = { ...knownClient(1, program("curl", "trusts")), sites: "off", standing: "untried" };
const DISTRUSTS: Client = { ...TRUSTS, program: program("node", "distrusts") };
const UNKNOWN: Client = { ...TRUSTS, program: program("python", "unknown") };

const pass = (reason: string, host?: string) => ({
  action: "passthrough",
  reason,
  ...(host === undefined ? {} : { host }),
});
const intercept = (host: string, scheme = "https") => ({ action: "intercept", scheme, host, trial: false });

describe("in a container no program is tried", () => {
  const container = { id: "a1".repeat(32), runtime: "docker" } as const;
  const inside = (client: Client): Client => ({
    ...client,
    owner: { kind: "process", process: { pid: 1, container }, ancestors: [] },
  });
  test.each<readonly [string, Client, Partial<Policy>, object]>([
    ["one of which nothing is known", UNKNOWN, {}, pass("trust_unknown", "api.openai.com")],
    ["one that distrusts", DISTRUSTS, {}, pass("runtime_does_not_trust", "api.openai.com")],
    ["nor one that trusts, which is intercepted", TRUSTS, {}, intercept("api.openai.com")],
  ])("%s", (_, client, policy, verdict) => {
    const destination = { address: "192.0.2.1", port: 443 };
    expect(decide(tls("api.openai.com"), destination, inside(client), { ...POLICY, ...policy })).toEqual(
      verdict,
    );
  });
});

describe("by opening and host", () => {
  test.each<readonly [string, Opening, string, number, object]>([
    ["TLS to a host that can be read", tls("api.openai.com"), "192.0.2.1", 443, intercept("api.openai.com")],
    ["TLS to a stranger", tls("bank.example"), "192.0.2.1", 443, pass("host_unknown", "bank.example")],
    [
      "TLS to a host that is only named",
      tls("granola.so"),
      "192.0.2.1",
      443,
      pass("nothing_to_read", "granola.so"),
    ],
    [
      "a known name on another port",
      tls("api.openai.com"),
      "192.0.2.1",
      8443,
      pass("host_unknown", "api.openai.com"),
    ],
    ["TLS without a name", tls(), "192.0.2.1", 443, pass("no_host_name")],
    ["TLS without a name to a known address", tls(), "127.0.0.1", 11434, intercept("127.0.0.1")],
    [
      "TLS without a name through a tunnel to a known one",
      tls(),
      "api.openai.com",
      443,
      intercept("api.openai.com"),
    ],
    [
      "old TLS to a known host",
      tls("api.openai.com", [TLS_1_0]),
      "192.0.2.1",
      443,
      pass("client_tls_too_old", "api.openai.com"),
    ],
    [
      "old TLS to a stranger",
      tls("old.example", [TLS_1_0]),
      "192.0.2.1",
      443,
      pass("host_unknown", "old.example"),
    ],
    [
      "plain HTTP to a known host",
      http("api.openai.com"),
      "192.0.2.1",
      80,
      intercept("api.openai.com", "http"),
    ],
    [
      "plain HTTP to a local model, by the port of its Host",
      http("localhost", 11434),
      "127.0.0.1",
      11434,
      intercept("localhost", "http"),
    ],
    [
      "plain HTTP without Host to a known address",
      http(),
      "127.0.0.1",
      11434,
      intercept("127.0.0.1", "http"),
    ],
    ["plain HTTP to a stranger", http("a.example"), "192.0.2.1", 80, pass("host_unknown", "a.example")],
    ["a client that said too little", { kind: "incomplete" }, "192.0.2.1", 443, pass("client_silent")],
    [
      "what is neither",
      { kind: "other", reason: "neither_tls_nor_http" },
      "192.0.2.1",
      443,
      pass("neither_tls_nor_http"),
    ],
    [
      "a broken hello",
      { kind: "other", reason: "client_hello_malformed" },
      "192.0.2.1",
      443,
      pass("client_hello_malformed"),
    ],
  ])("%s", (_what, opening, address, port, verdict) => {
    expect(decide(opening, { address, port }, TRUSTS, POLICY)).toEqual(verdict);
  });
});

describe("by client and policy, for TLS to a known host", () => {
  const HOST = "api.openai.com";
  const trial = { ...intercept(HOST), trial: true };
  const read = { action: "read", host: HOST };
  test.each<readonly [string, Partial<Client>, Partial<Policy>, object]>([
    ["a program that trusts is intercepted", TRUSTS, {}, intercept(HOST)],
    ["one that distrusts passes", DISTRUSTS, {}, pass("runtime_does_not_trust", HOST)],
    ["one of which nothing is known is tried", UNKNOWN, {}, trial],
    [
      "but only one connection at a time",
      { ...UNKNOWN, standing: "trying" },
      {},
      pass("trial_under_way", HOST),
    ],
    ["and once", { ...UNKNOWN, standing: "tried" }, {}, pass("trust_unknown", HOST)],
    ["when it accepted, it is intercepted", { ...UNKNOWN, standing: "accepted" }, {}, intercept(HOST)],
    [
      "when it refused, it passes",
      { ...UNKNOWN, standing: "refused" },
      {},
      pass("client_refused_before", HOST),
    ],
    [
      "a refusal overrides what was predicted",
      { ...TRUSTS, standing: "refused" },
      {},
      pass("client_refused_before", HOST),
    ],
    ["so does a suspicion", { ...TRUSTS, standing: "trying" }, {}, pass("trial_under_way", HOST)],
    ["an acceptance does too", { ...DISTRUSTS, standing: "accepted" }, {}, intercept(HOST)],
    ["a trial that told nothing does not", { ...TRUSTS, standing: "tried" }, {}, intercept(HOST)],
    [
      "a client that is not known is never tried",
      { program: undefined as never },
      {},
      pass("client_unknown", HOST),
    ],
    ["behind an explicit proxy one that distrusts is tried", DISTRUSTS, { distrusting: "try_once" }, trial],
    [
      "and once",
      { ...DISTRUSTS, standing: "tried" },
      { distrusting: "try_once" },
      pass("trust_unknown", HOST),
    ],
    ["an app that pins is never tried", UNKNOWN, { pins: () => true }, pass("app_pins_certificates", HOST)],
    ["--trust always", DISTRUSTS, { interception: "always" }, intercept(HOST)],
    [
      "--trust always after a refusal",
      { ...DISTRUSTS, standing: "refused" },
      { interception: "always" },
      pass("client_refused_before", HOST),
    ],
    ["without a certificate", UNKNOWN, { interception: "no_certificate" }, pass("no_certificate", HOST)],
    ["--no-intercept", TRUSTS, { interception: "none" }, pass("interception_off", HOST)],
    [
      "--no-intercept, and no sites",
      { ...TRUSTS, sites: "none" },
      { interception: "none" },
      pass("tls_secrets_unavailable", HOST),
    ],
    [
      "--no-intercept, and reading was of no use",
      { ...TRUSTS, sites: "failed" },
      { interception: "none" },
      pass("reading_failed_before", HOST),
    ],
    [
      "without a certificate, and reading was of no use",
      { ...UNKNOWN, sites: "failed" },
      { interception: "no_certificate" },
      pass("reading_failed_before", HOST),
    ],
    ["reading was of no use: as without", { ...TRUSTS, sites: "failed" }, {}, intercept(HOST)],
    ["sites that are known come before trust", { ...TRUSTS, sites: "known" }, {}, read],
    ["so do sites that are searched for", { ...DISTRUSTS, sites: "searching" }, {}, read],
    ["no sites: as without", { ...TRUSTS, sites: "none" }, {}, intercept(HOST)],
    [
      "a server that asks for a certificate can be read",
      { ...TRUSTS, sites: "known" },
      { asksForCertificate: () => true },
      read,
    ],
    [
      "and not intercepted",
      TRUSTS,
      { asksForCertificate: () => true },
      pass("upstream_client_certificate", HOST),
    ],
    [
      "a filtered-out app is none of our business",
      { ...TRUSTS, sites: "known" },
      { selects: () => false },
      pass("app_not_selected", HOST),
    ],
    [
      "what was seen in its container is told once",
      { ...TRUSTS, sites: "known" },
      { isSeenInContainer: true },
      pass("seen_in_container", HOST),
    ],
    [
      "at the limit of connections",
      { ...TRUSTS, sites: "known" },
      { capacity: "full" },
      pass("too_many_connections", HOST),
    ],
  ])("%s", (_what, client, policy, verdict) => {
    const whole = { ...TRUSTS, ...client };
    expect(decide(tls(HOST), { address: "192.0.2.1", port: 443 }, whole, { ...POLICY, ...policy })).toEqual(
      verdict,
    );
  });

  test("plain HTTP needs no trust", () => {
    const verdict = decide(http(HOST), { address: "192.0.2.1", port: 80 }, DISTRUSTS, POLICY);
    expect(verdict).toEqual(intercept(HOST, "http"));
  });
});
