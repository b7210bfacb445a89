/** Variables of the user's sessions, for runtimes that read no trust store. Everything here can be done twice. */

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
  /** Set, but the files that the variables name are not what they should be. */
  | { readonly kind: "out_of_date" }
  | { readonly kind: "not_set" }
  /** A file lies there that is not ours. */
  | { readonly kind: "foreign" }
  | { readonly kind: "unknown"; readonly why: string };

/** All as the user whose sessions they are: root's hands stay out of the files of a user. */
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

  /** @param pem our certificate, where there is one */
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

  /** Sets them, from the next login on. */
  install(pem: string): Outcome {
    const { place } = this;
    if (place === undefined) return skipped("this system has no place for them that is known");
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

  /** Makes files current that are in use: the system's roots change. Throws what the file system says. */
  refresh(pem: string | undefined): void {
    this.asUser(() => {
      if (pem !== undefined && this.find().kind === "ours") this.files.write(pem);
    });
  }

  /**
   * Removes files of variables that were taken back, once no session can be left that has them: after a restart of the
   * machine. Throws what the file system says.
   */
  dropEnded(): void {
    this.asUser(() => this.files.dropEnded(this.bootId()));
  }

  /** Takes them back; sessions that run keep theirs, so that the files stay, with the system's roots alone. */
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

  /** @param tools what is run after a change */
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

  /** The session is the invoking user's, also where root asks for it. */
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
  advice: "Look into it and move it away, then run this again.",
});

function runTool({ file, args }: Tool): void {
  execFileSync(file, args, { stdio: ["ignore", "ignore", "pipe"] });
}

const darwinBootId = (): string =>
  execFileSync("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "utf8" }).trim();
