/** The container a process runs in, according to the runtime's own files. No daemon is queried. */

export type ContainerRuntime = "docker" | "podman" | "containerd" | "cri-o" | "buildkit" | "lxc" | "nspawn";

/** What the kernel shows of a process: the runtime's id for the container, or its name. */
export interface ContainerRef {
  readonly runtime: ContainerRuntime;
  readonly id: string;
}

export interface ContainerNames {
  readonly name?: string;
  /** As requested by the user: `node:20`, `docker.io/library/alpine:latest`. */
  readonly image?: string;
  readonly compose?: { readonly project: string; readonly service?: string };
  /** The folder on this machine that the dev container was opened for. */
  readonly devcontainer?: string;
}

export interface ClientContainer extends ContainerRef, ContainerNames {}
