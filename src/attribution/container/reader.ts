/** Determines the name of a process's container, from files alone. */

import { constants, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import type { ClientContainer, ContainerNames, ContainerRef } from "../../connection/container.js";
import { LruCache } from "../../lru-cache.js";
import { type FileReader, systemFiles } from "../identity/file-reader.js";
import type { ProcessInfo } from "../native.js";
import { parsePasswd } from "../user-names.js";
import { containerInCgroup } from "./cgroup.js";
import { namesInDockerConfig } from "./docker.js";
import { namesInBundle } from "./kubernetes.js";
import { pathsOfPlace, placeOfContainer } from "./mounts.js";
import { folderOfConmon, namesInContainersJson } from "./podman.js";
import { uidInside } from "./user.js";

/** A container, and the user of the process inside it. */
export interface Inside {
  readonly container: ClientContainer;
  /** According to the container's own passwd. */
  readonly user?: string;
}

/** Reads a file of a runtime, only if root or this user owns it. Undefined instead of errors. */
export type ReadOwned = (path: string, owner: number, limit: number) => Promise<string | undefined>;

export interface ContainerReaderOptions {
  readonly processInfo: (pid: number) => ProcessInfo | null;
  readonly readOwned?: ReadOwned;
  /** For the files of this process itself. */
  readonly ownFiles?: FileReader;
  readonly now?: () => number;
}

const MAX_CONTAINERS = 1_024;
const MAX_CGROUP = 64 << 10;
const MAX_MOUNTINFO = 1 << 20;
const MAX_PASSWD = 256 << 10;
const MAX_FILE = 8 << 20;
/** How long a container without a name is not read again. */
const NAMELESS_MS = 1_000;
/** conmon starts the first process of a container, and those executed in it. */
const MAX_LEVELS = 32;

const DOCKER = "/var/lib/docker/containers";
const PODMAN = "/var/lib/containers/storage/overlay-containers";
const CONTAINERD = "/run/containerd/io.containerd.runtime.v2.task/k8s.io";
const CRIO = "/run/containers/storage/overlay-containers";

export class ContainerReader {
  private readonly known = new LruCache<string, { names: Promise<ContainerNames>; nameless?: number }>(
    MAX_CONTAINERS,
  );
  private readonly readOwned: ReadOwned;
  private readonly now: () => number;
  private own: Promise<string | undefined> | undefined;

  constructor(private readonly options: ContainerReaderOptions) {
    this.readOwned = options.readOwned ?? readOwned;
    this.now = options.now ?? (() => performance.now());
  }

  /** Undefined for a process in no container, or in the same one as ours. Never rejects. */
  async of(info: ProcessInfo, files: FileReader): Promise<Inside | undefined> {
    const text = await files.read(`/proc/${info.pid}/cgroup`, MAX_CGROUP);
    // For one that has ended meanwhile: as read when it connected.
    const ref = containerInCgroup(text?.toString("utf8") ?? `0::${info.cgroup ?? ""}`);
    if (ref === undefined || ref.id === (await this.ownId())) return undefined;
    const [names, user] = await Promise.all([this.namesOf(ref, info, files), userInside(info, files)]);
    return { container: { ...ref, ...names }, ...(user !== undefined && { user }) };
  }

  private ownId(): Promise<string | undefined> {
    const { ownFiles = systemFiles } = this.options;
    this.own ??= ownFiles
      .read("/proc/self/cgroup", MAX_CGROUP)
      .then((text) => text && containerInCgroup(text.toString("utf8"))?.id);
    return this.own;
  }

  private namesOf(ref: ContainerRef, info: ProcessInfo, files: FileReader): Promise<ContainerNames> {
    const known = this.known.get(ref.id);
    if (known && (known.nameless === undefined || this.now() - known.nameless < NAMELESS_MS))
      return known.names;
    const made: { names: Promise<ContainerNames>; nameless?: number } = {
      names: this.readNames(ref, info, files)
        .catch((): ContainerNames => ({}))
        .then((names) => {
          if (names.name === undefined) made.nameless = this.now();
          return names;
        }),
    };
    this.known.set(ref.id, made);
    return made.names;
  }

  private async readNames(
    { runtime, id }: ContainerRef,
    info: ProcessInfo,
    files: FileReader,
  ): Promise<ContainerNames> {
    switch (runtime) {
      case "docker": {
        const folders = [DOCKER, ...(await placesOf(info, id, files))];
        return this.firstOf(folders, 0, `${id}/config.v2.json`, namesInDockerConfig);
      }
      case "podman": {
        const conmon = this.conmonOf(info, id);
        const folders = conmon ? [conmon.folder] : [PODMAN];
        const namesIn = (text: string) => namesInContainersJson(text, id);
        return this.firstOf(folders, conmon?.uid ?? 0, "containers.json", namesIn);
      }
      case "containerd":
        return this.firstOf([CONTAINERD], 0, `${id}/config.json`, namesInBundle);
      case "cri-o":
        return this.firstOf([CRIO], 0, `${id}/userdata/config.json`, namesInBundle);
      case "buildkit":
        return { name: "docker build" };
      case "lxc":
      case "nspawn":
        return { name: id };
    }
  }

  private async firstOf(
    folders: readonly string[],
    owner: number,
    file: string,
    namesIn: (text: string) => ContainerNames,
  ): Promise<ContainerNames> {
    for (const folder of folders) {
      const text = await this.readOwned(`${folder}/${file}`, owner, MAX_FILE);
      const names = text === undefined ? {} : namesIn(text);
      if (names.name !== undefined) return names;
    }
    return {};
  }

  /** The user who runs conmon may name their own containers as they like, but nobody else's. */
  private conmonOf(info: ProcessInfo, id: string): { folder: string; uid: number } | undefined {
    let above: ProcessInfo | null = info;
    for (let level = 0; level < MAX_LEVELS && above !== null && above.ppid > 1; level++) {
      above = this.options.processInfo(above.ppid);
      const folder = above?.name === "conmon" ? folderOfConmon(above.commandLine, id) : undefined;
      if (above && folder !== undefined) return { folder, uid: above.uid };
    }
    return undefined;
  }
}

let ownContainer: string | null | undefined;

/** What the path in the cgroup v2 hierarchy alone reveals, synchronously; undefined for our own container, too. */
export function outlineOfContainer(cgroup: string): ContainerRef | undefined {
  const ref = containerInCgroup(`0::${cgroup}`);
  if (ref === undefined) return undefined;
  if (ownContainer === undefined) ownContainer = containerOfSelf();
  return ref.id === ownContainer ? undefined : ref;
}

function containerOfSelf(): string | null {
  try {
    return containerInCgroup(readFileSync("/proc/self/cgroup", "utf8"))?.id ?? null;
  } catch {
    return null; // not Linux
  }
}

async function placesOf(info: ProcessInfo, id: string, files: FileReader): Promise<string[]> {
  const [inside, ours] = await Promise.all(
    [`/proc/${info.pid}/mountinfo`, "/proc/self/mountinfo"].map((path) => files.read(path, MAX_MOUNTINFO)),
  );
  const place = inside && placeOfContainer(inside.toString("utf8"), id);
  return place && ours ? pathsOfPlace(place, ours.toString("utf8")) : [];
}

async function userInside(info: ProcessInfo, files: FileReader): Promise<string | undefined> {
  const [map, passwd] = await Promise.all([
    files.read(`/proc/${info.pid}/uid_map`, MAX_PASSWD),
    files.read(`/proc/${info.pid}/root/etc/passwd`, MAX_PASSWD),
  ]);
  const uid = map && uidInside(map.toString("utf8"), info.uid);
  return uid === undefined || passwd === undefined
    ? undefined
    : parsePasswd(passwd.toString("utf8")).get(Number(uid));
}

const ONLY_FILES = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;

/** Does not block on a pipe or device in its place. */
export const readOwned: ReadOwned = async (path, owner, limit) => {
  const file = await open(path, ONLY_FILES).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { uid, size, isFile } = await file.stat().then((found) => ({ ...found, isFile: found.isFile() }));
    if (!isFile || size > limit || (uid !== 0 && uid !== owner)) return undefined;
    return await file.readFile("utf8");
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
};
