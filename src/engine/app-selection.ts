/** The app filter of a run: parsed once, evaluated for each connection to a known host. */

import { type AppFilter, parseAppFilter, selects } from "../attribution/filter.js";
import { unknownTermWarnings } from "../attribution/filter-warnings.js";
import { runningProcesses } from "../attribution/running.js";
import { createUserNames } from "../attribution/user-names.js";
import type { ProcessIdentity } from "../connection/client.js";
import type { NativeAddon } from "../native/native.js";
import type { App } from "../oisp/bundle.js";
import type { KnownClient } from "../proxy/verdict/client.js";
import type { CaptureSettings } from "../user/settings.js";

export class AppSelection {
  private readonly filter: AppFilter;

  /** @throws OximyError OXIMY_E_USAGE for a term or user that cannot be read */
  constructor(
    settings: Pick<CaptureSettings, "apps" | "users">,
    private readonly native: NativeAddon,
  ) {
    const users = createUserNames();
    this.filter = parseAppFilter(settings.apps, settings.users, {
      uidOf: (user) => users.uidOf(user),
      startTimeOf: (pid) => native.processInfo(pid)?.startTime,
    });
  }

  /** Whether the user named apps to capture. */
  get namesApps(): boolean {
    return this.filter.terms.some(({ sign }) => sign === "include");
  }

  /** Whether every client is captured. */
  get isOpen(): boolean {
    return this.filter.terms.length === 0 && this.filter.users.length === 0;
  }

  /** Whether anything of this user is captured. */
  selectsUser(uid: number): boolean {
    return this.filter.users.length === 0 || this.filter.users.some((user) => user.uid === uid);
  }

  selects({ owner, app }: KnownClient): boolean {
    return selects(this.filter, owner, app);
  }

  /** One sentence for each term that matches no known app or process; it may still match one that starts later. */
  async warnings(apps: readonly App[]): Promise<string[]> {
    if (this.filter.terms.length === 0) return [];
    const owners = await runningProcesses(this.native);
    const running: ProcessIdentity[] = owners.map((owner) => owner.process);
    return unknownTermWarnings(this.filter, apps, running);
  }
}
