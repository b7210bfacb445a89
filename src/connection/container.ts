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
