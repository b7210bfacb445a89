/**
 * A running capture's states of containers, for other commands: `containers.json` in root's folder. The file of a capture
 * that was killed stays behind and is ignored, since it names the process that wrote it.
 */

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "../../make-folder.js";
import type { ContainerState } from "./held-container.js";
import type { States } from "./standing.js";

const NAME = "containers.json";

/** Which process wrote it, so that another one with its number is not taken for it. */
export interface Writer {
  readonly pid: number;
  readonly startTime: number;
}

interface Document {
  readonly writer: Writer;
  readonly containers: readonly ContainerState[];
}

export class StatesFile {
  private readonly path: string;

  constructor(
    folder: string,
    private readonly writer: Writer,
  ) {
    this.path = join(folder, NAME);
  }

  /** Atomic. Throws the file system's errors. */
  write(containers: readonly ContainerState[]): void {
    makeFolder(dirname(this.path));
    const temporary = `${this.path}.${this.writer.pid}`;
    rmSync(temporary, { force: true });
    const document: Document = { writer: this.writer, containers };
    writeFileSync(temporary, JSON.stringify(document), { mode: 0o600, flag: "wx" });
    renameSync(temporary, this.path);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}

/**
 * The states of the running capture; undefined if none is running that captures containers. Throws the file system's
 * errors, except that the file does not exist.
 * @param startTimeOf of a process; undefined when there is none
 */
export function readStates(
  folder: string,
  startTimeOf: (pid: number) => number | undefined,
): readonly ContainerState[] | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, NAME), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { writer, containers } = JSON.parse(text) as Document;
  return startTimeOf(writer.pid) === writer.startTime ? containers : undefined;
}

/** The same with the words of a question: whoever is not root may not read it. */
export function statesNow(folder: string, startTimeOf: (pid: number) => number | undefined): States {
  try {
    return readStates(folder, startTimeOf) ?? "none";
  } catch {
    return "secret";
  }
}
