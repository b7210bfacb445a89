/** The redirect as the supervisor uses it, on any system. */

import { Redirect, type RedirectOptions } from "./redirect.js";
import { MacRedirect } from "./redirect-macos.js";

export type AddressFamily = "IPv4" | "IPv6";

export interface HeldRedirect {
  /** New connections are no longer redirected; open ones continue. */
  withdraw(): Promise<void>;
  /** Undoes `withdraw`. Throws as `install` does. */
  restore(): Promise<void>;
  /** Stops redirecting connections of this family. False where the system does not support that. */
  leaveOut(family: AddressFamily): Promise<boolean>;
  /** Removes all of it, after waiting for open connections where they need it. Idempotent. */
  remove(): Promise<void>;
}

/**
 * Installs the rules. Throws OXIMY_E_PRIVILEGE, OXIMY_E_TOOL_MISSING or OXIMY_E_REDIRECT.
 * @param onLost called when the rules are removed without our request
 * @param onNote called with later messages of the script that holds them
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
 * Linux itself keeps what open connections need, so the rules are installed and removed as a whole. One operation at a
 * time: a removal during a restore waits for it.
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
    this.turn = done.catch(() => {}); // the caller gets the error
    return done;
  }
}
