/** What the supervisor needs of a redirect, whichever system holds it. */

import { Redirect, type RedirectOptions } from "./redirect.js";
import { MacRedirect } from "./redirect-macos.js";

export type AddressFamily = "IPv4" | "IPv6";

export interface HeldRedirect {
  /** No connection comes any more; those that came go on. */
  withdraw(): Promise<void>;
  /** Undoes `withdraw`. Throws as `install` does. */
  restore(): Promise<void>;
  /** Leaves connections of this family alone. False where the system cannot do that. */
  leaveOut(family: AddressFamily): Promise<boolean>;
  /** Takes all of it out, and waits for open connections where they need it. Can be called twice. */
  remove(): Promise<void>;
}

/**
 * Installs the rules. Throws OXIMY_E_PRIVILEGE, OXIMY_E_TOOL_MISSING or OXIMY_E_REDIRECT.
 * @param onLost called when the rules go although nobody asked for it
 * @param onNote called with what the script that holds them says meanwhile
 */
export async function holdRedirect(
  options: RedirectOptions,
  onLost: (reason: string) => void,
  onNote: (line: string) => void,
): Promise<HeldRedirect> {
  if (process.platform === "darwin") return MacRedirect.install(options, onLost);
  const install = () => Redirect.install(options, onLost, onNote);
  return new LinuxRedirect(install, await install());
}

/**
 * Linux keeps what open connections need by itself, so that the rules come and go as a whole. One thing at a time: who
 * takes them out while they are being put back waits for that.
 */
class LinuxRedirect implements HeldRedirect {
  private turn: Promise<void> = Promise.resolve();
  private ending = false;

  constructor(
    private readonly install: () => Promise<Redirect>,
    private current: Redirect,
  ) {}

  withdraw(): Promise<void> {
    return this.next(() => this.current.remove());
  }

  restore(): Promise<void> {
    return this.next(async () => {
      await this.current.remove();
      if (!this.ending) this.current = await this.install();
    });
  }

  async leaveOut(): Promise<boolean> {
    return false;
  }

  remove(): Promise<void> {
    this.ending = true;
    return this.withdraw();
  }

  private next(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => {}); // whoever asked for it is told
    return done;
  }
}
