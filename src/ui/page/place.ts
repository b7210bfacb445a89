/** The current place in the page: kept in the URL fragment, so that the browser's back button works. */

import { useEffect, useState } from "preact/hooks";

export type View = "timeline" | "usage" | "unread";
export const VIEWS: readonly View[] = ["timeline", "usage", "unread"];

export interface Place {
  readonly view: View;
  /** The event whose conversation is open. */
  readonly event?: string;
}

const ID = /^[\w-]{1,200}$/;

export function placeOf(hash: string): Place {
  const [view, event] = hash.replace(/^#\/?/, "").split("/");
  const known = VIEWS.find((name) => name === view) ?? "timeline";
  return known === "timeline" && event !== undefined && ID.test(event)
    ? { view: known, event }
    : { view: known };
}

export function goTo({ view, event }: Place): void {
  location.hash = event === undefined ? `#/${view}` : `#/${view}/${event}`;
}

export function usePlace(): Place {
  const [place, setPlace] = useState(placeOf(location.hash));
  useEffect(() => {
    const onChange = () => setPlace(placeOf(location.hash));
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return place;
}
