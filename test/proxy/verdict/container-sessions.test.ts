import { describe, expect, test } from "vitest";
import { ContainerSessions } from "../../../src/proxy/verdict/container-sessions.js";
import { type Opening, readOpening } from "../../../src/proxy/verdict/opening.js";
import { helloMessage, sni } from "../client-hello-bytes.js";

/** Behind the record's header, type, length and version (RFC 8446 §4.1.2). */
const RANDOM = 11;
/** One that begins with this random. */
const hello = (random: number): Opening =>
  readOpening(helloMessage({ extensions: [sni("api.openai.com")] }).fill(random, RANDOM, RANDOM + 32));
const http = readOpening(Buffer.from("GET / HTTP/1.1\r\nHost: api.openai.com\r\n\r\n"));

describe("a connection of a container", () => {
  test("is known once more on its way out of the machine, and not a third time", async () => {
    const sessions = new ContainerSessions();
    const end = sessions.during(new Promise(() => {}), hello(1));
    expect(sessions.isSecondLook(hello(2))).toBe(false);
    expect(sessions.isSecondLook(http)).toBe(false);
    expect(sessions.isSecondLook(hello(1))).toBe(true);
    expect(sessions.isSecondLook(hello(1))).toBe(false);
    void end;
  });

  test("is known no more when it has ended, whatever its end", async () => {
    const sessions = new ContainerSessions();
    await sessions.during(Promise.resolve(), hello(1));
    await expect(sessions.during(Promise.reject(new Error("reset")), hello(2))).rejects.toThrow("reset");
    expect(sessions.isSecondLook(hello(1))).toBe(false);
    expect(sessions.isSecondLook(hello(2))).toBe(false);
  });
});
