import { useEffect, useRef } from "preact/hooks";
import { KEYS } from "./keys.js";

export function Help({ close }: { readonly close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="keys" onClose={close}>
      <h2 id="keys">Keys</h2>
      <dl>
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p>
        None of this data leaves this machine. <a href="licences.txt">Licences</a>
      </p>
      <button type="button" onClick={close}>
        Close
      </button>
    </dialog>
  );
}
