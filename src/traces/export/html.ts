/**
 * A conversation as a single page for sharing. It needs no script and no network, and its policy forbids both. All its
 * content is untrusted: it is escaped, and never becomes markup, a URL or a style.
 */

import { createHash } from "node:crypto";
import type { OximyEvent } from "../../event/event.js";
import { appNameOf } from "../../event/facts.js";
import { isObject, listOf } from "../../interaction/json.js";
import { money } from "../../sinks/feed.js";
import { localClock, localDate } from "../../sinks/traces-folder.js";
import { answerOf, inputOf, isInstruction, type Part, textOf } from "../turn.js";

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 22%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 0.85rem; font-weight: 600; margin: 2rem 0 0.5rem;
  border-top: 1px solid var(--line); padding-top: 0.5rem; }
.said { margin: 0.75rem 0; } .role { font-size: 0.8rem; font-weight: 600; opacity: 0.75; }
.user { border-left: 3px solid #3b82f6; padding-left: 0.75rem; }
.assistant, .model { border-left: 3px solid #10b981; padding-left: 0.75rem; }
.error { border-left: 3px solid #dc2626; padding-left: 0.75rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: 0; unicode-bidi: plaintext; }
details { margin: 0.5rem 0; } summary { cursor: pointer; font-size: 0.9rem; overflow-wrap: anywhere; }
details pre { font: 13px/1.45 ui-monospace, monospace; border: 1px solid var(--line); padding: 0.5rem;
  border-radius: 4px; }
footer { margin-top: 3rem; font-size: 0.8rem; opacity: 0.7; }
`;

/** CSP 3: nothing is loaded, run or sent; only the page's own style applies. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'`;

/** The page up to its calls. `title` is the conversation's. */
export function htmlHead(title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
`;
}

export function htmlFoot(version: string): string {
  return `<footer>Made by Oximy ${escaped(version)} from events captured on this machine; credentials are removed.</footer>\n</body>\n</html>\n`;
}

/** One call: the messages since the previous response, and the response. */
export function htmlCall(event: OximyEvent): string {
  const { error } = event.metadata;
  return [
    `<h2>${escaped(headline(event))}</h2>`,
    ...(event.conversation?.parent_event_id === undefined ? instructions(event) : []),
    ...[...inputOf(event), ...answerOf(event)].map(block),
    ...(error === undefined ? [] : [block({ kind: "error", text: error })]),
    "",
  ].join("\n");
}

/** System prompt and instructions, folded. */
function instructions({ interaction }: OximyEvent): string[] {
  const { system, messages } = interaction?.request ?? {};
  const instructing = listOf(messages)
    .filter(isObject)
    .filter((message) => isInstruction(message as never));
  return [
    ...(system === undefined ? [] : [textOf(system)]),
    ...instructing.map(({ content }) => textOf(content)),
  ]
    .filter((text) => text !== "")
    .map((text) => folded("Instructions", text));
}

function block(part: Part): string {
  switch (part.kind) {
    case "text":
      return `<div class="said ${roleClass(part.role)}"><div class="role">${escaped(part.role)}</div><pre>${escaped(part.text)}</pre></div>`;
    case "thinking":
      return folded("Thought", part.text);
    case "call":
      return folded(`Calls ${part.name}`, indentedJson(part.given));
    case "result":
      return folded(`Result, ${part.text.length} characters`, part.text);
    case "error":
      return `<div class="said error"><pre>${escaped(part.text)}</pre></div>`;
    case "media":
    case "other":
      return `<div class="said">[${escaped(part.type)}]</div>`;
  }
}

/** From a fixed list, since a role is untrusted text. */
function roleClass(role: string): string {
  return ["user", "assistant", "model"].find((known) => known === role) ?? "other";
}

function folded(heading: string, text: string): string {
  return `<details><summary>${escaped(heading)}</summary><pre>${escaped(text)}</pre></details>`;
}

function indentedJson(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // a model can produce invalid JSON
  }
}

function headline(event: OximyEvent): string {
  const { timestamp, interaction, metadata } = event;
  const begun = new Date(timestamp);
  const usage = interaction?.response?.usage;
  const status = metadata.response_status;
  return [
    `${localDate(begun)} ${localClock(begun)}`,
    appNameOf(event),
    interaction?.model ?? "unknown model",
    ...(usage === undefined
      ? []
      : [`${usage.input_tokens ?? "?"} tokens in, ${usage.output_tokens ?? "?"} out`]),
    ...(interaction?.cost_usd === undefined ? [] : [`~$${money(interaction.cost_usd)}`]),
    ...(status !== undefined && status >= 400 ? [String(status)] : []),
  ].join(" · ");
}

const NAMES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** Invisible characters (formats), and those that HTML forbids (controls except tab and line feed, lone surrogates). */
const UNSEEN = /[\p{Cf}\p{Zl}\p{Zp}]/gu;
const FORBIDDEN = /(?![\t\n])[\p{Cc}\p{Cs}\ufffe\uffff]/gu;

/** A text as text, between tags and within quoted attributes (HTML, "Parsing": 13.2.5.1, 13.2.5.36). */
export function escaped(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(FORBIDDEN, "\ufffd")
    .replace(/[&<>"']/g, (character) => NAMES[character]!)
    .replace(UNSEEN, (character) => `&#x${character.codePointAt(0)!.toString(16)};`);
}
