import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { keyPair } from "./certificates.js";
import { type OpensslServer, startOpensslServer } from "./openssl-peers.js";
import { readWhole, unnamed } from "./reading.js";
import type { Recorded } from "./recording.js";

const servers: OpensslServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(...args: string[]): Promise<OpensslServer> {
  const server = await startOpensslServer(args);
  servers.push(server);
  return server;
}

/** One question, one answer. */
async function talk(server: OpensslServer, ...clientArgs: string[]): Promise<Recorded> {
  const session = await server.connect(clientArgs);
  await session.say("request", "question");
  await session.say("response", "answer");
  return session.finish();
}

const READ = {
  failures: [],
  earlyDataUnread: 0,
  ends: { request: "close_notify", response: "close_notify" },
};

describe("a session of TLS 1.3 between OpenSSL's tools is read", () => {
  it("across key updates of either side, asked for and not", async () => {
    const session = await (await serve("-tls1_3")).connect([]);
    await session.say("request", "question 1");
    await session.command("request", "K");
    await session.say("request", "question 2");
    await session.command("request", "k");
    await session.say("response", "answer 1");
    await session.command("response", "K");
    await session.command("response", "k");
    await session.say("response", "answer 2");
    await session.say("request", "question 3");
    const recorded = await session.finish();
    expect(readWhole(recorded)).toMatchObject({ ...READ, data: recorded.data });
    expect(readWhole(recorded, unnamed(recorded.secrets))).toMatchObject({ ...READ, data: recorded.data });
  });

  it("when the server asks for a certificate later on", async () => {
    const { certFile, keyFile } = keyPair("ecdsa");
    const server = await serve("-tls1_3", "-verify", "1");
    const session = await server.connect(["-enable_pha", "-cert", certFile, "-key", keyFile]);
    await session.say("request", "question 1");
    await session.command("response", "c");
    await session.say("request", "question 2");
    await session.say("response", "answer");
    const recorded = await session.finish();
    expect(readWhole(recorded)).toMatchObject({ ...READ, data: recorded.data });
    expect(readWhole(recorded, unnamed(recorded.secrets))).toMatchObject({ ...READ, data: recorded.data });
  });

  it("with padded records", async () => {
    const server = await serve("-tls1_3", "-record_padding", "700");
    const recorded = await talk(server, "-record_padding", "16384");
    expect(readWhole(recorded)).toMatchObject({ ...READ, data: recorded.data });
  });

  it("with the hellos and the handshake in small records", async () => {
    const server = await serve("-tls1_3", "-max_send_frag", "512", "-no_middlebox");
    const recorded = await talk(server, "-max_send_frag", "512", "-servername", `${"a".repeat(60)}.example`);
    expect(readWhole(recorded)).toMatchObject({ ...READ, data: recorded.data });
  });
});

describe("early data", () => {
  async function ticketOf(server: OpensslServer, ...clientArgs: string[]): Promise<string> {
    const ticket = join(temporaryFolder(), "ticket");
    const session = await server.connect([...clientArgs, "-sess_out", ticket]);
    await session.say("request", "first");
    await session.say("response", "answer");
    await session.finish();
    return ticket;
  }

  async function talkEarly(server: OpensslServer, ...clientArgs: string[]): Promise<Recorded> {
    const file = join(temporaryFolder(), "early");
    writeFileSync(file, "early question\n");
    const session = await server.connect([...clientArgs, "-early_data", file]);
    await session.sees("client", /Early data was (accepted|rejected)/);
    await session.say("request", "question");
    await session.say("response", "answer");
    return session.finish();
  }

  const LATER = { request: "question\n", response: "answer\n" };

  it("is read when the server accepts it", async () => {
    const server = await serve("-tls1_3", "-early_data");
    const recorded = await talkEarly(server, "-sess_in", await ticketOf(server));
    const data = { request: "early question\nquestion\n", response: "answer\n" };
    expect(readWhole(recorded)).toMatchObject({ ...READ, data, established: [{ resumed: true }] });
    expect(readWhole(recorded, unnamed(recorded.secrets))).toMatchObject({ ...READ, data });
  });

  it("is said to be unread when its secret is missing, and the rest is read", async () => {
    const server = await serve("-tls1_3", "-early_data");
    const recorded = await talkEarly(server, "-sess_in", await ticketOf(server));
    const others = recorded.secrets.filter(([label]) => label !== "CLIENT_EARLY_TRAFFIC_SECRET");
    const { earlyDataUnread, ...report } = readWhole(recorded, others);
    expect(report).toMatchObject({ failures: [], data: LATER });
    expect(earlyDataUnread).toBeGreaterThan("early question\n".length);
  });

  it("is said to be unread when the server's answer to it is", async () => {
    const server = await serve("-tls1_3", "-early_data");
    const recorded = await talkEarly(server, "-sess_in", await ticketOf(server));
    const others = recorded.secrets.filter(([label]) => !label.endsWith("HANDSHAKE_TRAFFIC_SECRET"));
    const { earlyDataUnread, ...report } = readWhole(recorded, others);
    expect(report).toMatchObject({ failures: [], data: LATER });
    expect(earlyDataUnread).toBeGreaterThan("early question\n".length);
  });

  it("is passed over when the server takes the ticket, but not the data", async () => {
    const server = await serve("-tls1_3", "-early_data", "-alpn", "two,one");
    const ticket = await ticketOf(server, "-alpn", "one");
    const recorded = await talkEarly(server, "-sess_in", ticket, "-alpn", "one,two");
    const expected = { ...READ, data: LATER, established: [{ resumed: true, protocol: "two" }] };
    expect(readWhole(recorded)).toMatchObject(expected);
    expect(readWhole(recorded, unnamed(recorded.secrets))).toMatchObject(expected);
  });

  it("is passed over when the server does not take the ticket", async () => {
    const server = await serve("-tls1_3", "-early_data");
    const ticket = await ticketOf(server);
    await talkEarly(server, "-sess_in", ticket);
    const recorded = await talkEarly(server, "-sess_in", ticket);
    const expected = { ...READ, data: LATER, established: [{ resumed: false }] };
    expect(readWhole(recorded)).toMatchObject(expected);
    expect(readWhole(recorded, unnamed(recorded.secrets))).toMatchObject(expected);
  });

  it("is passed over when the server asks for another hello", async () => {
    const server = await serve("-tls1_3", "-early_data", "-groups", "P-384");
    const ticket = await ticketOf(server, "-groups", "P-384");
    const recorded = await talkEarly(server, "-sess_in", ticket, "-groups", "P-256:P-384");
    expect(readWhole(recorded)).toMatchObject({ ...READ, data: LATER });
    expect(readWhole(recorded, unnamed(recorded.secrets))).toMatchObject({ ...READ, data: LATER });
  });
});

describe("a session of TLS 1.2 between OpenSSL's tools is read", () => {
  it.each([
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "DHE-RSA-AES256-SHA256",
  ])("with the MAC inside the encryption, for %s", async (suite) => {
    const server = await serve("-tls1_2", "-cipher", suite);
    const recorded = await talk(server, "-no_etm");
    expect(readWhole(recorded)).toMatchObject({ ...READ, data: recorded.data });
    expect(readWhole(recorded, unnamed(recorded.secrets))).toMatchObject({ ...READ, data: recorded.data });
  });

  it.each([
    "PSK-AES128-GCM-SHA256",
    "DHE-PSK-AES256-CBC-SHA384",
    "ECDHE-PSK-CHACHA20-POLY1305",
    "PSK-AES256-CCM8",
  ])("with a key that was shared before, for %s", async (suite) => {
    const psk = ["-psk", "00112233445566778899aabbccddeeff", "-cipher", `${suite}:@SECLEVEL=0`];
    const recorded = await talk(await serve("-tls1_2", "-nocert", ...psk), ...psk);
    expect(readWhole(recorded)).toMatchObject({ ...READ, data: recorded.data });
  });

  it.each([
    ["a session id", ["-no_ticket"]],
    ["a ticket", []],
  ])("that goes on from %s", async (_, args) => {
    const server = await serve("-tls1_2", ...args);
    const file = join(temporaryFolder(), "session");
    await talk(server, "-sess_out", file);
    const recorded = await talk(server, "-sess_in", file);
    expect(readWhole(recorded)).toMatchObject({
      ...READ,
      data: recorded.data,
      established: [{ resumed: true }],
    });
  });

  it("up to a second handshake", async () => {
    const session = await (await serve("-tls1_2", "-client_renegotiation")).connect([]);
    await session.say("request", "question 1");
    await session.command("request", "R");
    await session.say("request", "question 2");
    const report = readWhole(await session.finish());
    expect(report).toMatchObject({ failures: ["renegotiation"], data: { request: "question 1\n" } });
  });
});

it("a session of TLS 1.1 is not read", async () => {
  const server = await serve("-tls1_1", "-cipher", "ALL:@SECLEVEL=0");
  const recorded = await talk(server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0");
  expect(readWhole(recorded)).toMatchObject({ failures: ["unsupported_version"], established: [] });
});

it("a session with a cipher suite that is not known is not read", async () => {
  const server = await serve("-tls1_2", "-cipher", "ECDHE-RSA-CAMELLIA128-SHA256:@SECLEVEL=0");
  const recorded = await talk(server, "-cipher", "ALL:@SECLEVEL=0");
  expect(readWhole(recorded)).toMatchObject({ failures: ["unsupported_cipher_suite"], established: [] });
});
