import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab, type Lab } from "../../lab/lab.js";
import { loadPage, withoutChromium } from "./chromium.js";
import { ECHO_SERVER } from "./echo-server.js";
import { requireLab } from "./require-lab.js";

describe.skipIf(requireLab() || withoutChromium())("chromium in the lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab();
  });
  afterAll(() => lab.close());
  let servers = 0;

  it.each([
    ["of its own", "refused", ["h2", "http/1.1"]],
    ["within h2", undefined, ["h2"]],
  ] as const)(
    "loads a page with an event stream and a WebSocket %s",
    async (_, webSocketOverH2, protocols) => {
      const settings = webSocketOverH2 === undefined ? {} : { webSocketOverH2 };
      // Another one when it is tried again.
      const name = `page${++servers}.example`;
      const server = await lab.addServerOf(ECHO_SERVER, { names: [name], ...settings });
      const { stdout } = await loadPage(lab, `https://${name}/page`, [lab.authority.cert]);
      expect(stdout).toContain('<pre>{"http":"2.0","message":"hello","events":5}</pre>');
      const used = (await server.received(protocols.length)).filter(({ bytes }) => bytes > 0);
      expect([...new Set(used.map(({ alpn }) => alpn))].sort()).toEqual(protocols);
    },
    40_000,
  );

  it("refuses a server whose root it was not given", async () => {
    const server = await lab.addServerOf(ECHO_SERVER, { names: ["untrusted.example"] });
    const { stdout } = await loadPage(lab, "https://untrusted.example/page", []);
    expect(server.requests.every(({ bytes }) => bytes === 0)).toBe(true);
    expect(stdout).not.toContain("<pre>");
  }, 40_000);
});
