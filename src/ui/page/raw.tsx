import { useEffect, useState } from "preact/hooks";
import { textOf } from "./answers.js";
import { JsonTree } from "./json-tree.js";
import { parseVisible } from "./visible.js";

/** An event as it was written. */
export function Raw({ event }: { readonly event: string }) {
  const [value, setValue] = useState<unknown>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    const gone = new AbortController();
    textOf(`api/event?event=${encodeURIComponent(event)}`, gone.signal)
      .then((text) => setValue(parseVisible(text)))
      .catch((cause: Error) => {
        if (!gone.signal.aborted) setError(cause.message);
      });
    return () => gone.abort();
  }, [event]);
  if (error !== undefined) return <p class="bad">{error}</p>;
  return value === undefined ? <p>Reading …</p> : <JsonTree value={value} />;
}
