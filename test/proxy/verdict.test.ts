import { describe, expect, test } from "vitest";
import type { ClientHello } from "../../src/proxy/client-hello.js";
import {
  decide,
  type HostKnowledge,
  type Opening,
  readOpening,
  type Verdict,
} from "../../src/proxy/verdict.js";
import { clientHello, records } from "./front-rig.js";

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
const knowledgeOf = (host: string, port: number) => KNOWN[`${host}:${port}`] ?? "unknown";
const pass = (reason: string, known: boolean, host?: string): Partial<Verdict> =>
  ({ action: "passthrough", reason, known, ...(host === undefined ? {} : { host }) }) as Partial<Verdict>;

const VERDICTS: Record<string, readonly [Opening, string, number, Partial<Verdict>]> = {
  "TLS to a host that can be read": [
    tls("api.openai.com"),
    "192.0.2.1",
    443,
    { action: "intercept", transport: "tls", host: "api.openai.com" },
  ],
  "TLS to a stranger": [tls("bank.example"), "192.0.2.1", 443, pass("host_unknown", false, "bank.example")],
  "TLS to a host that is only named": [
    tls("granola.so"),
    "192.0.2.1",
    443,
    pass("nothing_to_read", true, "granola.so"),
  ],
  "a known name on another port": [
    tls("api.openai.com"),
    "192.0.2.1",
    8443,
    pass("host_unknown", false, "api.openai.com"),
  ],
  "TLS without a name": [tls(), "192.0.2.1", 443, pass("no_host_name", false)],
  "TLS without a name to a known address": [
    tls(),
    "127.0.0.1",
    11434,
    { action: "intercept", transport: "tls", host: "127.0.0.1" },
  ],
  "TLS without a name through a tunnel to a known one": [
    tls(),
    "api.openai.com",
    443,
    { action: "intercept", transport: "tls", host: "api.openai.com" },
  ],
  "TLS that is too old for us, to a known host": [
    tls("api.openai.com", [TLS_1_0]),
    "192.0.2.1",
    443,
    pass("client_tls_too_old", true, "api.openai.com"),
  ],
  "TLS that is too old for us, to a stranger": [
    tls("old.example", [TLS_1_0]),
    "192.0.2.1",
    443,
    pass("host_unknown", false, "old.example"),
  ],
  "plain HTTP to a known host": [
    http("api.openai.com"),
    "192.0.2.1",
    80,
    { action: "intercept", transport: "plain", host: "api.openai.com" },
  ],
  "plain HTTP to a local model, by the port of its Host": [
    http("localhost", 11434),
    "127.0.0.1",
    11434,
    { action: "intercept", transport: "plain", host: "localhost" },
  ],
  "plain HTTP without Host to a known address": [
    http(),
    "127.0.0.1",
    11434,
    { action: "intercept", transport: "plain", host: "127.0.0.1" },
  ],
  "plain HTTP to a stranger": [http("a.example"), "192.0.2.1", 80, pass("host_unknown", false, "a.example")],
  "a client that said too little": [{ kind: "incomplete" }, "192.0.2.1", 443, pass("client_silent", false)],
  "what is neither": [
    { kind: "other", reason: "neither_tls_nor_http" },
    "192.0.2.1",
    443,
    pass("neither_tls_nor_http", false),
  ],
  "a hello that is broken": [
    { kind: "other", reason: "client_hello_malformed" },
    "192.0.2.1",
    443,
    pass("client_hello_malformed", false),
  ],
};

test.each(Object.entries(VERDICTS))("%s", (_what, [opening, address, port, verdict]) => {
  expect(decide(opening, { address, port }, knowledgeOf)).toEqual(verdict);
});

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
