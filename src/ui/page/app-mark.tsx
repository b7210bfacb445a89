/** An app has the same colour everywhere; all are legible on light and dark backgrounds (style.css). */
const COLOURS = 8;

export function colourOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at += 1) hash = (hash * 31 + name.charCodeAt(at)) >>> 0;
  return hash % COLOURS;
}

export function AppMark({ app }: { readonly app: string }) {
  return <span class={`app colour-${colourOf(app)}`}>{app}</span>;
}
