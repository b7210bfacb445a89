/**
 * Tests the redirect: a connection to an address that nobody has (RFC 5737 TEST-NET-1, RFC 3849) must arrive at our
 * listener, which answers with a nonce. Nothing of it leaves the machine when the redirect works.
 */

import { isIPv6, Socket } from "node:net";

export const SELF_TEST_ADDRESSES: readonly string[] = ["192.0.2.1", "2001:db8::1"];
/** First bytes of the test, so that the listener can peek at something. */
export const SELF_TEST_HELLO = "oximy self-test\n";

const TIMEOUT_MS = 3_000;
/** The machine has no route for this family: nothing to redirect, nothing to test. */
const NO_ROUTE = new Set(["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EACCES"]);

export type SelfTestResult =
  | { readonly kind: "arrived" }
  | { readonly kind: "no_route" }
  | { readonly kind: "failed"; readonly reason: string };

/** Connects to `address:port` and expects `nonce` from our own listener. Never rejects. */
export function selfTest(address: string, port: number, nonce: string): Promise<SelfTestResult> {
  return selfTestOn(new Socket(), address, port, nonce);
}

/** The same with an existing socket, such as one of another network. */
export function selfTestOn(
  socket: Socket,
  address: string,
  port: number,
  nonce: string,
  timeoutMs = TIMEOUT_MS,
): Promise<SelfTestResult> {
  return new Promise((resolve) => {
    const family = isIPv6(address) ? "IPv6" : "IPv4";
    socket.connect({ host: address, port });
    let answer = "";
    const settle = (result: SelfTestResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () =>
      settle({ kind: "failed", reason: `${family}: no answer within ${timeoutMs / 1_000} s` }),
    );
    socket.on("connect", () => socket.write(SELF_TEST_HELLO));
    const stranger = () => settle({ kind: "failed", reason: `${family}: somebody else answered` });
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (answer === nonce) settle({ kind: "arrived" });
      else if (!nonce.startsWith(answer)) stranger();
    });
    socket.on("end", stranger);
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (NO_ROUTE.has(error.code ?? "")) settle({ kind: "no_route" });
      else settle({ kind: "failed", reason: `${family}: ${error.code ?? error.message}` });
    });
  });
}
