/** Untrusted Markdown as HTML that loads nothing. The result is sanitized again (clean.ts). */

import MarkdownIt from "markdown-it";

const reader = new MarkdownIt({ html: false, linkify: false, breaks: false });

// Pictures would be loaded from the network, so only their name and address are shown.
reader.renderer.rules.image = (tokens, index) => {
  const token = tokens[index]!;
  const { escapeHtml } = reader.utils;
  const address = String(token.attrGet("src") ?? "");
  return `<code>[picture: ${escapeHtml(token.content || "no name")}, ${escapeHtml(address)}]</code>`;
};

/** Longer text is shown as plain text: rendering it would take seconds. */
const MOST = 60_000;

export const isMarkdown = (text: string): boolean => text.length <= MOST;

export function htmlOf(markdown: string): string {
  return reader.render(markdown);
}
