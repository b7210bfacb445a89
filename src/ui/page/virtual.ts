/** Of a long list only what is in view is in the document, by TanStack Virtual. */

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

/** @param version another one: sizes are asked for anew */
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
  // `version` is when.
  useLayoutEffect(() => virtual.measure(), [version]);
  useLayoutEffect(() => virtual._willUpdate());
  return virtual;
}
