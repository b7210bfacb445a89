/** Requests to the page's server. All responses pass through `parseVisible`. */

import { parseVisible } from "./visible.js";

/** The values of a response with one JSON value per line, as they arrive. Rejects with the server's error. */
export async function* linesOf<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const response = await fetch(path, { signal });
  if (!response.ok || response.body === null) throw new Error(await whyNot(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let begun = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (begun + value).split("\n");
    begun = lines.pop()!;
    for (const line of lines) {
      const parsed = parseVisible(line);
      const { error, ...values } = parsed as { error?: string };
      if (error !== undefined && Object.keys(values).length === 0) throw new Error(error);
      yield parsed as Awaited<T>;
    }
  }
}

export async function textOf(path: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(path, { signal });
  if (!response.ok) throw new Error(await whyNot(response));
  return response.text();
}

async function whyNot(response: Response): Promise<string> {
  const text = await response.text();
  try {
    return String((JSON.parse(text) as { error?: unknown }).error ?? text);
  } catch {
    return text || `The server answered ${response.status}.`;
  }
}
