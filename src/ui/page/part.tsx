import type { Part } from "../../traces/turn.js";
import { Fold } from "./fold.js";
import { bytes } from "./format.js";
import { Markdown, Plain } from "./text.js";

const START = 160;
const startOf = (text: string) =>
  text
    .slice(0, 4 * START)
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, START);

export function PartView({ part }: { readonly part: Part }) {
  switch (part.kind) {
    case "text":
      return (
        <div class={`said ${part.role === "user" ? "by-user" : "by-model"}`}>
          <h4>{part.role}</h4>
          <Markdown text={part.text} />
        </div>
      );
    case "thinking":
      return (
        <Fold
          class="thinking"
          title={
            <>
              thinking <span class="dim">{startOf(part.text)}</span>
            </>
          }
        >
          {() => <Markdown text={part.text} />}
        </Fold>
      );
    case "call":
      return (
        <Fold
          class="call"
          title={
            <>
              <b>{part.name}</b> <code>{startOf(part.given)}</code>
            </>
          }
        >
          {() => <Plain text={indented(part.given)} />}
        </Fold>
      );
    case "result":
      return (
        <Fold
          class="result"
          title={
            <>
              result {bytes(part.text.length)} <code>{startOf(part.text)}</code>
            </>
          }
        >
          {() => <Plain text={part.text} />}
        </Fold>
      );
    case "media":
      return (
        <p class="media">
          [
          {[part.type, part.media_type, part.size === undefined ? undefined : bytes(part.size), part.url]
            .filter(Boolean)
            .join(", ")}
          ]
        </p>
      );
    case "error":
      return <p class="bad">{part.text}</p>;
    case "other":
      return <p class="media">[{part.type}]</p>;
  }
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // not JSON: shown unchanged
  }
}
