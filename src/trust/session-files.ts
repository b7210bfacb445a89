/**
 * The files named by the variables of a user's sessions. A running session keeps its variables until it ends, and with
 * a variable that replaces the list a program trusts nobody when the file is missing: after an uninstall the files
 * stay, with the system's roots alone, until the machine is rebooted.
 */

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemRoots } from "../certificates/roots.js";
import { makeFolder } from "../make-folder.js";
import { readSmallFile, replaceFile } from "./user-file.js";

/** Bytes; the roots of a system are some 250 KB. */
const LARGEST = 4 << 20;

export const SESSION_FOLDER = "environment";

/** Identifies the current boot of the machine (random(4)). */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

export class SessionFiles {
  readonly folder: string;
  /** Our certificate: for variables that add one. */
  readonly certificate: string;
  /** The system's roots and ours: for variables that replace the list. */
  readonly roots: string;
  private readonly ended: string;

  /** @param home `~/.oximy` */
  constructor(
    home: string,
    private readonly readRoots: () => readonly string[] = () => systemRoots({}),
  ) {
    this.folder = join(home, SESSION_FOLDER);
    this.certificate = join(this.folder, "oximy-ca-cert.pem");
    this.roots = join(this.folder, "system-roots-and-oximy.pem");
    this.ended = join(this.folder, "removed-in-boot");
  }

  exist(): boolean {
    return existsSync(this.roots);
  }

  /** Whether the files contain this certificate and the current roots of the system. */
  areCurrent(pem: string): boolean {
    return this.read(this.certificate) === text([pem]) && this.read(this.roots) === text(this.with(pem));
  }

  /** Updates them. Throws errors of the file system. */
  write(pem: string): "written" | "unchanged" {
    rmSync(this.ended, { force: true });
    if (this.areCurrent(pem)) return "unchanged";
    makeFolder(this.folder);
    replaceFile(this.certificate, text([pem]));
    replaceFile(this.roots, text(this.with(pem)));
    return "written";
  }

  /** Removes our certificate from them; programs that still use them behave as without us. */
  end(bootId: string): void {
    if (!this.exist()) return;
    const plain = text(this.without(this.read(this.certificate)));
    replaceFile(this.roots, plain);
    replaceFile(this.certificate, plain);
    replaceFile(this.ended, bootId);
  }

  /** Removes them once no session can have the variables any more. */
  dropEnded(bootId: string): void {
    const ended = this.read(this.ended);
    if (ended !== undefined && ended !== bootId) rmSync(this.folder, { recursive: true });
  }

  private with(pem: string): readonly string[] {
    return [...this.without(pem), pem];
  }

  /** The system's store may contain our certificate too, or still. */
  private without(pem: string | undefined): readonly string[] {
    const ours = pem === undefined ? undefined : solid(pem);
    return this.readRoots().filter((root) => solid(root) !== ours);
  }

  private read(path: string): string | undefined {
    try {
      const found = readSmallFile(path, LARGEST);
      return found.kind === "text" ? found.text : undefined;
    } catch {
      return undefined; // missing or unusable
    }
  }
}

const solid = (pem: string) => pem.replace(/\s/g, "");
const text = (pems: readonly string[]) => pems.map((pem) => `${pem.trim()}\n`).join("");
