/** The last filter before the document: allows only these elements, and links to the web. */

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
    // Shows the target even if the link text differs.
    if (link.textContent !== link.href) link.append(` (${link.host})`);
    link.title = link.href;
  }
  // Headings in content must not mix with the page's own heading structure.
  for (const heading of fragment.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const strong = document.createElement("p");
    strong.className = `heading ${heading.tagName.toLowerCase()}`;
    strong.append(...heading.childNodes);
    heading.replaceWith(strong);
  }
  return fragment;
}
