import { describe, expect, it } from "vitest";
import { NotSigned } from "../../src/certificates/leaf.js";
import { RemoteIssuer } from "../../src/supervisor/remote-signer.js";

/** An issuer whose signer refuses everything, and a clock that a test sets. */
function refused() {
  let now = Date.UTC(2026, 0, 9);
  let asked = 0;
  const issuer = new RemoteIssuer(
    async () => {
      asked++;
      return { kind: "refused", why: "no such name" };
    },
    () => now,
  );
  return {
    ask: () => expect(issuer.leafFor("api.example.com", 443)).rejects.toBeInstanceOf(NotSigned),
    setClock: (by: number) => {
      now += by;
    },
    asked: () => asked,
  };
}

describe("a name that was refused", () => {
  it("is not asked for again at once, and is after a while", async () => {
    const { ask, setClock, asked } = refused();
    await ask();
    await ask();
    expect(asked()).toBe(1);
    setClock(10_000);
    await ask();
    expect(asked()).toBe(2);
  });

  it("is asked for again when the clock was set back", async () => {
    const { ask, setClock, asked } = refused();
    await ask();
    setClock(-3_600_000);
    await ask();
    expect(asked()).toBe(2);
  });
});
