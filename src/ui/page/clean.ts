/** The last gate before a document: only these elements, and links that lead to the web when they are clicked. */

import DOMPurify from "dompurify";

const TAGS = [
  "p br hr h1 h2 h3 h4 h5 h6 strong em s code pre blockquote",
  "ul ol li a table thead tbody tr th td",
].flatMap((names) => names.split(" "));

export function cleaned(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "start"],
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    ALLOWED_URI_REGEXP: /^https?:\/\//i,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of fragment.querySelectorAll("a")) {
    if (!link.hasAttribute("href")) continue;
    link.rel = "noopener noreferrer";
    link.target = "_blank";
    // Where it leads is seen, whatever it says.
    if (link.textContent !== link.href) link.append(` (${link.host})`);
    link.title = link.href;
  }
  // The page's own headings are above those of what it shows.
  for (const heading of fragment.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const strong = document.createElement("p");
    strong.className = `heading ${heading.tagName.toLowerCase()}`;
    strong.append(...heading.childNodes);
    heading.replaceWith(strong);
  }
  return fragment;
}
