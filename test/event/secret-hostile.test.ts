import { expect, test } from "vitest";
import { redactText } from "../../src/event/redact.js";
import { jsonMayHoldSecret } from "../../src/event/secret-screen.js";

const SHORT = 256 << 10;
const LONG = 1 << 20;
/** Four times as long takes four times as long, and sixteen times where it is not linear. */
const LINEAR = 8;

const HOSTILE = [
  "</",
  "</password>",
  "<password>",
  "machine ",
  "machine a login b password ",
  "-u ",
  " -u a",
  "curl -u ",
  "--password ",
  "a:b@tcp(",
  "@tcp(",
  "://a",
  "://a:b",
  "://:",
  "@",
  "YWFh",
  "eyJ",
  "eyJhbGci.",
  "sk-",
  "sk-a",
  "a-",
  "-----BEGIN ",
  "-----BEGIN RSA PRIVATE KEY-----\n",
  "-----BEGIN PRIVATE KEY-----\\n",
  "PuTTY-User-Key-File-2:",
  "Private-Lines: 1",
  '"',
  "'",
  "`",
  "\\",
  "\\n",
  '\\"',
  "=",
  "key=",
  "password=",
  "password:",
  '"password":"',
  '"d":"',
  "value: ",
  "key ",
  "Bearer ",
  "Authorization: ",
  "Authorization: a=b,",
  "Cookie: a=b;",
  "name: a value: ",
  "tid=",
  "1:",
  "12345678:AA",
  "sk-proj-aB3dE5fG7hJ9kL1mN3pQ\n",
  "aB3dE5fG7hJ9kL1m\n",
  "/",
  "~$",
  " ",
  "\n",
  "0",
  "\u2192",
  "services/T",
  "webhooks/1",
] as const;

function cpu(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, user + system);
  }
  return best;
}

/** Below this the clock of the processor and what else the process does outweigh the work. */
const MEASURABLE_US = 4000;

test.each(HOSTILE)("a megabyte of %j takes time in proportion to its length", (piece) => {
  const filled = (length: number) => Buffer.from(piece.repeat(Math.ceil(length / piece.length))).toString();
  const [short, long] = [filled(SHORT), filled(LONG)];
  for (const look of [redactText, jsonMayHoldSecret] as const) {
    look(short);
    const ratio =
      cpu(() => look(long)) /
      Math.max(
        MEASURABLE_US,
        cpu(() => look(short)),
      );
    expect(ratio).toBeLessThan(LINEAR);
  }
});
