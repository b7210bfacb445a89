import { isObject, stringOf } from "../json.js";
import { addTo, assign, type Growing } from "./assembly.js";

/** One step of a delta-encoded answer: `p` is a path with slashes, `o` the operation, `v` its value. */
export interface Delta {
  readonly p: string;
  readonly o: string;
  readonly v: unknown;
}

/** Limit of nested batches. */
const MAX_DEPTH = 4;

/**
 * The delta encoding that ChatGPT and DeepSeek stream to their websites: a document, and changes to it. A step without
 * path or operation reuses those of the previous step.
 */
export class DeltaDocument {
  private root: unknown = {};
  private path = "";
  private operation = "";

  get value(): unknown {
    return this.root;
  }

  /** Applies one chunk of the stream; anything that is not a step is ignored. */
  push(chunk: unknown): void {
    if (!isObject(chunk) || !("v" in chunk)) return;
    const path = stringOf(chunk.p);
    const named = stringOf(chunk.o)?.toLowerCase();
    if (path !== undefined) this.path = path;
    // A path without operation: DeepSeek appends text, and sets other values.
    if (named !== undefined) this.operation = named;
    else if (path !== undefined)
      this.operation = typeof this.at(path) === "string" && !isStatus(path) ? "append" : "replace";
    this.apply({ p: this.path, o: this.operation, v: chunk.v }, 0);
  }

  private apply({ p, o, v }: Delta, depth: number): void {
    if (o === "patch" || o === "batch") {
      if (!Array.isArray(v) || depth >= MAX_DEPTH) return;
      for (const step of v) {
        if (!isObject(step)) continue;
        const path = `${p}/${stringOf(step.p) ?? ""}`;
        this.apply({ p: path, o: stringOf(step.o)?.toLowerCase() ?? "replace", v: step.v }, depth + 1);
      }
      return;
    }
    const segments = segmentsOf(p);
    const last = segments.pop();
    if (last === undefined) {
      if (o === "" && isObject(v)) {
        if (!isObject(this.root)) this.root = {};
        assign(this.root as Growing, structuredClone(v));
      } else this.root = structuredClone(v);
      return;
    }
    const parent = walk(this.root, segments);
    if (typeof parent !== "object" || parent === null) return;
    const target = parent as Growing;
    const key = keyOf(parent, last);
    if (key === undefined) return;
    if (o === "append") join(target, key, v);
    else if (o === "truncate" && typeof v === "number") target[key] = stringOf(target[key])?.slice(0, v);
    else if (o === "remove") delete target[key];
    else target[key] = structuredClone(v);
  }

  private at(path: string): unknown {
    return walk(this.root, segmentsOf(path));
  }
}

function isStatus(path: string): boolean {
  return /status$/i.test(path);
}

function segmentsOf(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "");
}

function walk(from: unknown, segments: readonly string[]): unknown {
  let value = from;
  for (const segment of segments) {
    if (typeof value !== "object" || value === null) return undefined;
    const key = keyOf(value, segment);
    value = key !== undefined && Object.hasOwn(value, key) ? (value as Growing)[key] : undefined;
  }
  return value;
}

/** `-1` is the last element of a list, `-` the one after it; indexes that would leave a gap are ignored. */
function keyOf(parent: object, segment: string): string | undefined {
  if (!Array.isArray(parent)) return segment === "__proto__" ? undefined : segment;
  const index = segment === "-" ? parent.length : segment === "-1" ? parent.length - 1 : Number(segment);
  return Number.isInteger(index) && index >= 0 && index <= parent.length ? String(index) : undefined;
}

function join(target: Growing, key: string, added: unknown): void {
  const current = target[key];
  if (typeof added === "string") target[key] = (stringOf(current) ?? "") + added;
  else if (Array.isArray(added)) addTo(target, key, structuredClone(added));
  else if (isObject(added) && isObject(current)) assign(current as Growing, structuredClone(added));
  else target[key] = structuredClone(added);
}
