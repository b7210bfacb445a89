/** Variables of the user's sessions, for runtimes that read no trust store. All operations are idempotent. */

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../make-folder.js";
import { asInvokingUser, type InvokingUser } from "../user/invoking-user.js";
import { readBootId, SessionFiles } from "./session-files.js";
import { inSessionOf, MARK, type SessionPlace, sessionPlace, type Variables } from "./session-place.js";
import type { Outcome } from "./trust.js";
import { trustEnvironment } from "./trust-environment.js";
import type { Tool } from "./trust-store.js";
import { readSmallFile, replaceFile } from "./user-file.js";

export interface SessionOptions {
  /** `~/.oximy` */
  readonly home: string;
  readonly invokingUser: InvokingUser;
  readonly platform?: NodeJS.Platform;
  readonly files?: SessionFiles;
  readonly bootId?: () => string;
  readonly run?: (tool: Tool) => void;
}

export type SessionState =
  | { readonly kind: "set" }
  /** Set, but the files named by the variables are outdated. */
  | { readonly kind: "out_of_date" }
  | { readonly kind: "not_set" }
  /** There is a file that is not ours. */
  | { readonly kind: "foreign" }
  | { readonly kind: "unknown"; readonly why: string };

/** Everything runs as the user of the sessions: root does not touch a user's files. */
export class SessionEnvironment {
  private readonly files: SessionFiles;
  private readonly place: SessionPlace | undefined;
  private readonly bootId: () => string;

  constructor(private readonly options: SessionOptions) {
    const { home, invokingUser, platform = process.platform } = options;
    this.files = options.files ?? new SessionFiles(home);
    this.place = sessionPlace(invokingUser.home, platform);
    this.bootId = options.bootId ?? (platform === "darwin" ? darwinBootId : readBootId);
  }

  /** The file that sets the variables. */
  get location(): string {
    return this.place?.path ?? "";
  }

  get variables(): Variables {
    return trustEnvironment(this.files.certificate, this.files.roots);
  }

  /** @param pem our certificate, if there is one */
  status(pem: string | undefined): SessionState {
    try {
      return this.asUser(() => {
        const found = this.find();
        if (found.kind !== "ours") return { kind: found.kind === "absent" ? "not_set" : "foreign" };
        const isCurrent = found.text === this.place?.text(this.variables) && this.files.areCurrent(pem ?? "");
        return { kind: isCurrent ? "set" : "out_of_date" };
      });
    } catch (error) {
      return { kind: "unknown", why: (error as Error).message };
    }
  }

  /** Sets them, effective from the next login. */
  install(pem: string): Outcome {
    const { place } = this;
    if (place === undefined) return skipped("this system has no known place for them");
    return this.change(() => {
      const found = this.find();
      if (found.kind === "foreign") return foreign(place.path);
      const files = this.files.write(pem);
      const text = place.text(this.variables);
      if (found.kind === "ours" && found.text === text && files === "unchanged") return { kind: "unchanged" };
      makeFolder(dirname(place.path), 0o777);
      replaceFile(place.path, text);
      return { kind: "done" };
    }, place.set(this.variables));
  }

  /** Updates the files in use, since the system's roots change. Throws errors of the file system. */
  refresh(pem: string | undefined): void {
    this.asUser(() => {
      if (pem !== undefined && this.find().kind === "ours") this.files.write(pem);
    });
  }

  /**
   * Removes the files of removed variables, once no session can have them any more: after a reboot. Throws errors of
   * the file system.
   */
  dropEnded(): void {
    this.asUser(() => this.files.dropEnded(this.bootId()));
  }

  /** Removes them; running sessions keep theirs, so the files stay, with the system's roots alone. */
  uninstall(): Outcome {
    const { place } = this;
    if (place === undefined) return { kind: "unchanged" };
    return this.change(() => {
      if (this.find().kind !== "ours") return { kind: "unchanged" };
      this.files.end(this.bootId());
      rmSync(place.path, { force: true });
      return { kind: "done" };
    }, place.unset(this.variables));
  }

  /** @param tools run after a change */
  private change(work: () => Outcome, tools: readonly Tool[]): Outcome {
    try {
      const outcome = this.asUser(work);
      if (outcome.kind === "done") for (const tool of tools) this.run(tool);
      return outcome;
    } catch (error) {
      const why = (error as Error).message;
      return { kind: "failed", why, advice: "Correct that, and run it again." };
    }
  }

  private asUser<T>(work: () => T): T {
    return asInvokingUser(this.options.invokingUser, work);
  }

  /** Runs in the invoking user's session, even when root calls it. */
  private run(tool: Tool): void {
    const { invokingUser, run = runTool } = this.options;
    run(process.getuid?.() === invokingUser.uid ? tool : inSessionOf(invokingUser.uid, tool));
  }

  private find(): { readonly kind: "ours"; readonly text: string } | { readonly kind: "absent" | "foreign" } {
    if (this.place === undefined) return { kind: "absent" };
    const found = readSmallFile(this.place.path);
    if (found.kind === "absent") return { kind: "absent" };
    return found.kind === "text" && found.text.includes(MARK)
      ? { kind: "ours", text: found.text }
      : { kind: "foreign" };
  }
}

const skipped = (why: string): Outcome => ({
  kind: "skipped",
  why,
  advice: 'Set them in a shell: eval "$(oximy env)"',
});

const foreign = (path: string): Outcome => ({
  kind: "failed",
  why: `${path} was not made by Oximy`,
  advice: "Inspect it and move it away, then run this again.",
});

function runTool({ file, args }: Tool): void {
  execFileSync(file, args, { stdio: ["ignore", "ignore", "pipe"] });
}

const darwinBootId = (): string =>
  execFileSync("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "utf8" }).trim();
