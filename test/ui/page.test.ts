import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { withoutChromium } from "../lab/chromium.js";
import { SAMPLE_INTERACTION, SAMPLE_METADATA, sampleEvent } from "../sinks/sample-event.js";
import { Chromium, type Told } from "./chromium.js";
import { injectionsFor, nested } from "./injections.js";
import { folderOf, startUi } from "./ui-rig.js";

const idOf = (number: number) => `019ba454-e7b4-7600-9e5e-${String(number).padStart(12, "0")}`;

/** A call in whose every text there is something hostile. */
function hostile(number: number, text: string, trap: string): OximyEvent {
  const media = { type: "image", media_type: text, size: 9, url: `${trap}/media` };
  return sampleEvent({
    event_id: idOf(number),
    timestamp: new Date(Date.UTC(2026, 0, 9, 12, 0, number)).toISOString(),
    app: { id: text, name: text, matched_by: "executable" },
    client: { name: text, user: text, cwd: `/${text}`, repo: { root: `/work/${text}` }, uid: 1, port: 1 },
    conversation: {
      id: "hostile",
      turn: number,
      ...(number > 1 && { parent_event_id: idOf(number - 1) }),
      ...(number % 5 === 0 && { agent: text }),
    },
    interaction: {
      ...SAMPLE_INTERACTION,
      model: text,
      request: {
        system: `${number} ${text}`,
        tools: [{ name: text }, { name: `tool ${number}`, description: text }],
        messages: [
          { role: "user", content: text },
          { role: text, content: [{ type: text }, media, { type: "tool_use", name: text, input: { text } }] },
          { role: "tool", content: text },
        ],
        [text]: number,
        nested: nested(400),
      },
      response: {
        content: text,
        reasoning: text,
        finish_reason: text,
        tool_calls: [{ name: text, arguments: text }],
        error: { message: text },
      },
    },
    metadata: { ...SAMPLE_METADATA, request_path: text, error: text },
  });
}

/** Everything that can be unfolded, until nothing is left. */
const UNFOLD = `new Promise((resolve) => {
  const unfold = (left) => {
    const closed = [...document.querySelectorAll("details:not([open])")];
    for (const fold of closed) fold.open = true;
    if (closed.length === 0 || left === 0) resolve();
    else setTimeout(() => unfold(left - 1), 50);
  };
  unfold(25);
})`;

describe.skipIf(withoutChromium())("the page in Chromium", () => {
  let chromium: Chromium;
  beforeAll(async () => {
    chromium = await Chromium.start();
  });
  afterAll(() => chromium.close());

  const failures = () =>
    chromium.told.filter(({ method }) => /exceptionThrown|javascriptDialog|Log\.entryAdded/.test(method));

  it("runs, loads and opens nothing that stands in events", async () => {
    let asked = 0;
    const trap = createServer((_request, response) => {
      asked += 1;
      response.end();
    }).listen(0, "127.0.0.1");
    await once(trap, "listening");
    onTestFinished(() => void trap.close());
    const address = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
    const texts = injectionsFor(address);
    const events = texts.map((text, index) => hostile(index + 1, text, address));
    const huge = hostile(texts.length + 1, `${"<b>huge</b> ".repeat(200_000)}`, address);
    const { interaction: _, ...unread } = hostile(99, texts[0]!, address);
    const seen = {
      ...unread,
      trace_level: "identifiable",
      metadata: { ...SAMPLE_METADATA, request_host: texts[1]!, reason: texts[2]! },
    } as unknown as OximyEvent;
    const { server } = await startUi(folderOf({ "traces_2026-01-09.jsonl": [...events, huge, seen] }));
    chromium.told.length = 0;
    await chromium.ask("Page.addScriptToEvaluateOnNewDocument", {
      source: `addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        (window.violations ??= []).push([violatedDirective, blockedURI]), true)`,
    });
    await chromium.open(server.address);
    await chromium.until(`document.querySelector(".item")`);
    await chromium.evaluate(`document.querySelector(".item").click()`);
    await chromium.until(
      `document.querySelectorAll(".turn").length > ${texts.length} && !/Reading/.test(document.querySelector(".detail").textContent)`,
    );
    // What is out of view is laid out and drawn as well.
    await chromium.evaluate(`for (const turn of document.querySelectorAll(".turn"))
      turn.style.contentVisibility = "visible"`);
    await chromium.evaluate(UNFOLD);
    const state = await chromium.evaluate<Record<string, unknown>>(`(() => {
      const all = [...document.querySelectorAll("#page *")];
      const links = [...document.querySelectorAll(".detail a[href]")];
      return {
        ran: window.ran,
        violations: window.violations,
        path: location.pathname.split("/").length,
        foreign: all.map(({ localName }) => localName).filter((name) =>
          /^(script|img|image|svg|math|iframe|object|embed|video|audio|link|style|base|meta|form|template)$/.test(name)),
        handlers: all.flatMap((element) => element.getAttributeNames()).filter((name) => /^on|^ping$|^srcdoc$/.test(name)),
        links: links.map(({ href, rel, target }) => [href.startsWith("${address}/"), rel, target].join()),
        steering: /[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.documentElement.outerHTML),
        told: document.querySelector(".detail").textContent.includes("[picture: picture, ${address}/t.png]"),
        turned: document.querySelector(".detail").textContent.includes("⟨U+202E⟩txt.exe"),
      };
    })()`);
    expect(state).toEqual({
      path: 3,
      foreign: [],
      handlers: [],
      links: expect.arrayContaining(["true,noopener noreferrer,_blank"]),
      steering: false,
      told: true,
      turned: true,
    });
    expect(new Set(state.links as string[]).size).toBe(1);
    for (const view of ["usage", "unread"]) {
      await chromium.evaluate(`location.hash = "#/${view}"`);
      await chromium.until(`document.querySelector(".${view}")`);
    }
    expect(await chromium.evaluate(`document.querySelector(".unread").textContent`)).toContain("<img src=");
    await chromium.evaluate(`location.hash = "#/timeline"`);
    expect(await chromium.evaluate("window.ran ?? window.violations")).toBeUndefined();
    expect(foreignRequests(chromium.told, server.port)).toEqual([]);
    expect(failures()).toEqual([]);
    expect(asked).toBe(0);
  }, 120_000);

  it("is used by keys alone", async () => {
    const events = [1, 2, 3].map((number) =>
      sampleEvent({ event_id: idOf(number), timestamp: `2026-01-0${number}T12:00:00.000Z` }),
    );
    const { server } = await startUi(folderOf({ "traces_2026-01-09.jsonl": events }));
    await chromium.open(server.address);
    await chromium.until(`document.querySelectorAll(".item").length === 3`);
    const selected = () =>
      chromium.evaluate<number>(
        `[...document.querySelectorAll(".item")].findIndex((item) => item.ariaSelected === "true")`,
      );
    for (const key of ["j", "j", "j", "j", "k"]) await chromium.press(key);
    await chromium.until(`document.querySelectorAll(".item")[1].ariaSelected === "true"`);
    expect(await selected()).toBe(1);
    await chromium.press("Enter");
    await chromium.until(`location.hash === "#/timeline/${idOf(2)}" && document.querySelector(".turn")`);
    await chromium.press("Escape");
    await chromium.until(`document.querySelector(".detail") === null`);
    await chromium.press("/");
    await chromium.until(`document.activeElement.id === "search"`);
    for (const key of "nope") await chromium.press(key);
    await chromium.until(`document.querySelectorAll(".item").length === 0`);
    await chromium.press("Escape");
    await chromium.until(`document.activeElement === document.body`);
    await chromium.press("?");
    await chromium.until(`document.querySelector("dialog[open]")`);
    await chromium.press("Escape");
    await chromium.until(`document.querySelector("dialog") === null`);
    await chromium.press("3");
    await chromium.until(`location.hash === "#/unread"`);
  }, 60_000);

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 400],
  ] as const)(
    "has no serious fault for those who see, hear or move otherwise: %s, %i wide",
    async (scheme, width) => {
      const { interaction: _, ...unread } = sampleEvent({ event_id: idOf(9), trace_level: "identifiable" });
      const metadata = { ...SAMPLE_METADATA, reason: "trust_unknown" as const };
      const turns = [1, 2].map((turn) =>
        sampleEvent({
          event_id: idOf(turn),
          conversation: { id: "a", turn, ...(turn === 2 && { parent_event_id: idOf(1) }) },
          app: { id: "cursor", name: "Cursor", matched_by: "executable" },
          interaction: {
            ...SAMPLE_INTERACTION,
            request: {
              system: `Be ${turn}.`,
              messages: [
                { role: "user", content: "# A\n\n[b](https://example.com) `c`\n\n> d\n\n|e|\n|-|\n|f|" },
              ],
            },
            response: { content: "Yes.", reasoning: "Hm.", tool_calls: [{ name: "bash", arguments: {} }] },
            cost_usd: 1,
          },
          metadata: { ...SAMPLE_METADATA, response_status: turn === 2 ? 529 : 200 },
        }),
      );
      const folder = folderOf({ "traces_2026-01-09.jsonl": [...turns, { ...unread, metadata }] });
      const { server } = await startUi(folder);
      await chromium.show({ width, scheme });
      await chromium.open(server.address);
      const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
      await chromium.until(`document.querySelectorAll(".item").length === 2`);
      await chromium.evaluate(`${axe};0`);
      const places = ["timeline", `timeline/${idOf(1)}`, "usage", "unread"];
      const shown = [".item", ".turn", "canvas", ".unread article"];
      for (const [index, place] of places.entries()) {
        await chromium.evaluate(`location.hash = "#/${place}"`);
        await chromium.until(`document.querySelector("${shown[index]}")`);
        await chromium.evaluate(UNFOLD);
        const violations = await chromium.evaluate<unknown[]>(`axe.run().then(({ violations }) =>
        violations.filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))]))`);
        expect(violations, place).toEqual([]);
        const overflow = await chromium.evaluate("document.documentElement.scrollWidth - innerWidth");
        expect(overflow, place).toBe(0);
      }
    },
    120_000,
  );
});

function foreignRequests(told: readonly Told[], port: number): string[] {
  return told
    .filter(({ method }) => method === "Network.requestWillBeSent")
    .map(({ params }) => (params.request as { url: string }).url)
    .filter((url) => !url.startsWith(`http://127.0.0.1:${port}/`) && !url.startsWith("about:"));
}
