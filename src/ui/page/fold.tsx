import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

interface Props {
  readonly class?: string;
  readonly title: ComponentChildren;
  /** Rendered when it is opened. */
  readonly children: () => ComponentChildren;
}

export function Fold({ title, children, class: name = "" }: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class={`fold ${name}`} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen && <div class="folded">{children()}</div>}
    </details>
  );
}
