/** Markdown of others as HTML that says the same and loads nothing. What comes out is cleaned again (clean.ts). */

import MarkdownIt from "markdown-it";

const reader = new MarkdownIt({ html: false, linkify: false, breaks: false });

// A picture would be loaded: where it stood, and from where, is told.
reader.renderer.rules.image = (tokens, index) => {
  const token = tokens[index]!;
  const { escapeHtml } = reader.utils;
  const address = String(token.attrGet("src") ?? "");
  return `<code>[picture: ${escapeHtml(token.content || "no name")}, ${escapeHtml(address)}]</code>`;
};

/** More is shown as plain text: nobody reads it as a page, and it would take seconds. */
const MOST = 60_000;

export const isMarkdown = (text: string): boolean => text.length <= MOST;

export function htmlOf(markdown: string): string {
  return reader.render(markdown);
}
