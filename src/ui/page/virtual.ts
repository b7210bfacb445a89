/** Keeps only the visible part of a long list in the document, with TanStack Virtual. */

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

/** @param version a new value makes the list measure its sizes again */
export function useVirtual(
  list: RefObject<HTMLDivElement | null>,
  count: number,
  size: (index: number) => number,
  version: unknown,
): Virtualizer<HTMLDivElement, Element> {
  const [, redraw] = useReducer((turn: number) => turn + 1, 0);
  const options = {
    count,
    getScrollElement: () => list.current,
    estimateSize: size,
    overscan: 8,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw(undefined as never),
  };
  const [virtual] = useState(() => new Virtualizer<HTMLDivElement, Element>(options));
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  // Runs when `version` changes.
  useLayoutEffect(() => virtual.measure(), [version]);
  useLayoutEffect(() => virtual._willUpdate());
  return virtual;
}
