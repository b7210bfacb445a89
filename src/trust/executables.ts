/** Facts about executables, cached by content. */

import { LruCache } from "../lru-cache.js";
import { readSections, type Section } from "./elf-sections.js";
import type { ProcessFiles, ProcessRef } from "./process-files.js";
import { type Runtime, runtimeOfExecutable } from "./runtime.js";

const LIMIT_MS = 20;
const SEARCH_LIMIT_MS = 200;
const MAX_SEARCHED = 96 << 20;
const MAX_EXECUTABLES = 512;
const MAX_FOLDER = 512;
/** Browsers and the like are far larger; folders of smaller executables are not listed. */
const LARGE = 32 << 20;

export interface Executable {
  /** Undefined when it depends on the process's mapped files. */
  readonly runtime: Runtime | undefined;
  readonly sections: readonly Section[];
}

export class Executables {
  private readonly known = new LruCache<string, Promise<Executable>>(MAX_EXECUTABLES);
  private readonly found = new LruCache<string, Promise<boolean | null>>(MAX_EXECUTABLES);

  constructor(private readonly files: ProcessFiles) {}

  /** @param identity identifies the content */
  of(process: ProcessRef, identity: string, path: string, size: number): Promise<Executable> {
    // The name matters too: one file may have two (`/proc/PID/exe` has no links).
    const key = `${identity}\0${path}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const made = this.inspect(process, path, size);
    this.known.set(key, made);
    return made;
  }

  private async inspect(process: ProcessRef, path: string, size: number): Promise<Executable> {
    const sections = await readSections((offset, length) =>
      this.files.readExecutablePart(process, offset, length, LIMIT_MS),
    );
    const names = new Set(sections.map(({ name }) => name));
    const folder = path.slice(0, path.lastIndexOf("/")) || "/";
    const beside =
      size < LARGE ? [] : ((await this.files.listFolderAs(process, folder, MAX_FOLDER, LIMIT_MS)) ?? []);
    return { runtime: runtimeOfExecutable({ path, sections: names, beside: new Set(beside) }), sections };
  }

  /** Whether a text is among the constants of an executable; null when unknown. */
  async has(
    process: ProcessRef,
    identity: string,
    { sections }: Executable,
    text: string,
  ): Promise<boolean | null> {
    const constants = sections.find(({ name }) => name === ".rodata");
    if (constants === undefined) return null;
    const key = `${identity}\0${text}`;
    const known = this.found.get(key);
    if (known !== undefined) return known;
    const { offset, size } = constants;
    const found = this.files.findInExecutable(
      process,
      offset,
      Math.min(size, MAX_SEARCHED),
      text,
      SEARCH_LIMIT_MS,
    );
    this.found.set(key, found);
    if ((await found) === null) this.found.delete(key);
    return found;
  }
}
