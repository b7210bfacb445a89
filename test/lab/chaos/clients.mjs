/**
 * Clients of one user: `node clients.mjs SEED COUNT KNOWN OTHER` makes calls to two hosts (the echo server under a name
 * that is captured, and under one that is not) until its input ends. Each byte of an answer is compared as it comes.
 * Prints a Tally as JSON for each line of its input.
 */
import { createCipheriv } from "node:crypto";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { Agent, request as requestHttps } from "node:https";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const [seed, count, known, other] = process.argv.slice(2);
/** A call may take this long: one that waits for a process that is stopped ends by itself later. */
const CALL_MS = 12_000;
const LARGEST = 300_000;
const keyStream = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(
  Buffer.alloc(LARGEST),
);
const tally = { whole: 0, cut: {}, late: 0, corrupt: [] };

/** Mulberry32, as in test/fuzz. */
let state = Number(seed) >>> 0;
function below(limit) {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
}

class Corrupt extends Error {}

/** What the echo server answers: see its head. */
function chat(content, n) {
  const choice = { index: 0, finish_reason: "stop" };
  if (n === 0) {
    const body = {
      object: "chat.completion",
      choices: [{ ...choice, message: { role: "assistant", content } }],
    };
    return JSON.stringify(body);
  }
  const chunk = (delta) => ({ object: "chat.completion.chunk", choices: [{ index: 0, delta }] });
  const chunks = Array.from(
    { length: n },
    (_, i) => `data: ${JSON.stringify(chunk({ content: `${content} ${i}\n` }))}\n\n`,
  );
  const last = { ...chunk({}), choices: [{ ...choice, delta: {} }] };
  return `${chunks.join("")}data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`;
}

function nextCall(name) {
  if (below(3) === 0) {
    const length = 1 + below(LARGEST);
    return { method: "GET", path: `/download/${length}`, body: "", expected: keyStream.subarray(0, length) };
  }
  const n = below(2) * (1 + below(50));
  const content = `${name} ${"word ".repeat(below(400))}`;
  const body = JSON.stringify({
    model: "gpt-4",
    messages: [{ role: "user", content }],
    ...(n && { stream: true, n }),
  });
  return { method: "POST", path: "/v1/chat/completions", body, expected: Buffer.from(chat(content, n)) };
}

/** Compares what comes with what must come; `end` is called when the protocol says that this was all. */
function comparing({ path, expected }) {
  let at = 0;
  return {
    chunk(bytes) {
      if (bytes.equals(expected.subarray(at, at + bytes.length))) at += bytes.length;
      else throw new Corrupt(`${path}: other bytes between ${at} and ${at + bytes.length}`);
    },
    end() {
      if (at !== expected.length)
        throw new Corrupt(`${path}: ended as if whole after ${at} of ${expected.length}`);
    },
  };
}

async function overHttp1(host, call, agent, signal) {
  const headers = call.body ? { "content-type": "application/json" } : {};
  const request = requestHttps({ host, method: call.method, path: call.path, headers, agent, signal });
  request.end(call.body);
  const [response] = await once(request, "response");
  if (response.statusCode !== 200) throw new Corrupt(`${call.path}: status ${response.statusCode}`);
  const answer = comparing(call);
  for await (const bytes of response) answer.chunk(bytes);
  if (!response.complete) throw new Error("cut");
  answer.end();
}

async function overHttp2(host, calls, signal) {
  const session = connectHttp2(`https://${host}`, { signal });
  const failed = once(session, "error").then(([error]) => Promise.reject(error));
  failed.catch(() => {}); // who waits for it is told
  const stop = () => session.destroy(new Error("late"));
  signal.addEventListener("abort", stop);
  try {
    await Promise.race([failed, Promise.all(calls.map((call) => onStream(session, call)))]);
  } finally {
    signal.removeEventListener("abort", stop);
    session.destroy();
  }
}

async function onStream(session, call) {
  const stream = session.request({
    ":method": call.method,
    ":path": call.path,
    ...(call.body && { "content-type": "application/json" }),
  });
  if (call.body) stream.end(call.body); // one of a GET has ended
  const answer = comparing(call);
  let isCut = false;
  stream.on("aborted", () => {
    isCut = true;
  });
  const closed = new Promise((resolve, reject) => stream.once("close", resolve).once("error", reject));
  closed.catch(() => {});
  for await (const bytes of stream) answer.chunk(bytes);
  await closed;
  if (isCut || stream.rstCode !== 0) throw new Error("cut");
  answer.end();
}

async function make(name, agent) {
  const host = below(4) === 0 ? other : known;
  const signal = AbortSignal.timeout(CALL_MS);
  try {
    if (below(3) === 0) {
      const calls = Array.from({ length: 1 + below(3) }, () => nextCall(name));
      await overHttp2(host, calls, signal);
    } else {
      await overHttp1(host, nextCall(name), below(2) === 0 ? agent : undefined, signal);
    }
    tally.whole++;
  } catch (error) {
    if (error instanceof Corrupt) tally.corrupt.push(`${host}: ${error.message}`);
    else if (signal.aborted) tally.late++;
    else tally.cut[error.code ?? error.message] = (tally.cut[error.code ?? error.message] ?? 0) + 1;
  }
}

let ends = false;
async function client(name) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await pause(below(1_500));
  while (!ends) {
    await make(name, agent);
    await pause(300 + below(1_500));
  }
  agent.destroy();
}

createInterface(process.stdin)
  .on("line", () => console.log(JSON.stringify(tally)))
  .on("close", () => {
    ends = true;
    setTimeout(() => process.exit(), 500);
  });
process.on("uncaughtException", (error) => {
  tally.corrupt.push(`client: ${error.stack}`);
});
await Promise.all(Array.from({ length: Number(count) }, (_, index) => client(`${seed}-${index}`)));
