import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { cleaned } from "./clean.js";
import { bytes } from "./format.js";
import { htmlOf, isMarkdown } from "./markdown.js";

/** Characters of a long text shown before the user asks for all. */
const FIRST = 8_000;

/** Text rendered as Markdown, as far as that is safe. */
export function Markdown({ text }: { readonly text: string }) {
  const place = useRef<HTMLDivElement>(null);
  const isFormatted = isMarkdown(text);
  useLayoutEffect(() => {
    if (isFormatted) place.current?.replaceChildren(cleaned(htmlOf(text)));
  }, [text, isFormatted]);
  return isFormatted ? <div ref={place} class="markdown" dir="auto" /> : <Plain text={text} />;
}

/** Plain text. */
export function Plain({ text }: { readonly text: string }) {
  const [isWhole, setWhole] = useState(text.length <= FIRST);
  return (
    <>
      <pre class="text" dir="auto">
        {isWhole ? text : text.slice(0, FIRST)}
      </pre>
      {!isWhole && (
        <button type="button" onClick={() => setWhole(true)}>
          Show all {bytes(text.length)}
        </button>
      )}
    </>
  );
}
