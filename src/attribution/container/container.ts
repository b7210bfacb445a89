/** The container that a process runs in, as the runtime's own files have it. No daemon is asked. */

export type ContainerRuntime = "docker" | "podman" | "containerd" | "cri-o" | "buildkit" | "lxc" | "nspawn";

/** What the kernel tells of a process: the runtime's id for the container, or the name that it is known by. */
export interface ContainerRef {
  readonly runtime: ContainerRuntime;
  readonly id: string;
}

export interface ContainerNames {
  readonly name?: string;
  /** As it was asked for: `node:20`, `docker.io/library/alpine:latest`. */
  readonly image?: string;
  readonly compose?: { readonly project: string; readonly service?: string };
  /** The folder of this machine that the development container was opened for. */
  readonly devcontainer?: string;
}

export interface ClientContainer extends ContainerRef, ContainerNames {}

const MAX_TEXT = 512;

/** A value of a runtime's file, where it is a text that can be shown. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= MAX_TEXT && !/\p{Cc}/u.test(value)
    ? value
    : undefined;
}

export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Of a file that was being written when it was read, nothing is known. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Without what is not known. */
export function namesOf(
  names: { [Key in keyof ContainerNames]: ContainerNames[Key] | undefined },
): ContainerNames {
  return Object.fromEntries(Object.entries(names).filter(([, value]) => value !== undefined));
}
