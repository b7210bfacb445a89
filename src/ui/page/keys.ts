/** Keyboard shortcuts. */

import { useEffect, useRef } from "preact/hooks";

export interface Keys {
  readonly move: (step: number) => void;
  readonly enter: () => void;
  readonly escape: () => void;
  readonly help: () => void;
  readonly view: (index: number) => void;
  readonly isListShown: boolean;
}

export const KEYS: readonly (readonly [string, string])[] = [
  ["j, ↓", "next"],
  ["k, ↑", "previous"],
  ["Enter", "open"],
  ["Esc", "close; leave the search"],
  ["/", "search"],
  ["1, 2, 3", "timeline, usage, not read"],
  ["?", "show this list"],
];

export const SEARCH_ID = "search";

export function useKeys(keys: Keys): void {
  const now = useRef(keys);
  now.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (act(event, now.current)) event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function act({ key, target }: KeyboardEvent, keys: Keys): boolean {
  const element = target as HTMLElement;
  const isField = element.matches?.("input, select, textarea");
  if (key === "Escape") {
    if (isField) element.blur();
    else keys.escape();
    return true;
  }
  if (isField) return false;
  // A focused control handles the key itself.
  const isControl = element.matches?.("a, button, summary");
  const isScrolled = element.closest?.(".detail") !== null && element.closest !== undefined;
  switch (key) {
    case "j":
    case "k":
    case "ArrowDown":
    case "ArrowUp":
      if (!keys.isListShown || (isScrolled && key.startsWith("Arrow"))) return false;
      keys.move(key === "j" || key === "ArrowDown" ? 1 : -1);
      return true;
    case "Enter":
      if (isControl || !keys.isListShown) return false;
      keys.enter();
      return true;
    case "/":
      document.getElementById(SEARCH_ID)?.focus();
      return true;
    case "?":
      keys.help();
      return true;
    case "1":
    case "2":
    case "3":
      keys.view(Number(key) - 1);
      return true;
  }
  return false;
}
