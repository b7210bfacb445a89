import { useState } from "preact/hooks";
import { Fold } from "./fold.js";
import { Plain } from "./text.js";
import { visible } from "./visible.js";

/** Members shown before the user asks for more. */
const STEP = 100;
const SHORT = 120;

/** JSON as a tree whose branches are rendered when opened, for any depth and width. */
export function JsonTree({ value }: { readonly value: unknown }) {
  const [shown, setShown] = useState(STEP);
  if (typeof value !== "object" || value === null) return <Leaf value={value} />;
  const keys = Object.keys(value);
  return (
    <div class="tree">
      {keys.slice(0, shown).map((key) => {
        const member = (value as Record<string, unknown>)[key];
        const name = visible(key.slice(0, 200));
        if (isSmall(member)) {
          return (
            <div key={key} class="member">
              <span class="key">{name}</span> <Leaf value={member} />
            </div>
          );
        }
        return (
          <Fold
            key={key}
            title={
              <>
                <span class="key">{name}</span> <span class="dim">{sizeOf(member)}</span>
              </>
            }
          >
            {() => <JsonTree value={member} />}
          </Fold>
        );
      })}
      {keys.length > shown && (
        <button type="button" onClick={() => setShown(shown + 10 * STEP)}>
          {keys.length - shown} more
        </button>
      )}
    </div>
  );
}

function isSmall(value: unknown): boolean {
  if (typeof value === "string") return value.length <= SHORT && !value.includes("\n");
  return typeof value !== "object" || value === null || Object.keys(value).length === 0;
}

function sizeOf(value: unknown): string {
  if (typeof value === "string") return `${value.length} characters`;
  const many = Object.keys(value as object).length;
  return Array.isArray(value) ? `[ ${many} ]` : `{ ${many} }`;
}

function Leaf({ value }: { readonly value: unknown }) {
  if (typeof value === "string" && !isSmall(value)) return <Plain text={value} />;
  return <code class={`leaf ${value === null ? "null" : typeof value}`}>{JSON.stringify(value)}</code>;
}
