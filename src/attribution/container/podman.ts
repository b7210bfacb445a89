/** Podman's and CRI-O's file on containers: `<graph root>/<driver>-containers/containers.json` (containers/storage). */

import type { ContainerNames } from "../../connection/container.js";
import { fieldsOf, namesOf, parsedJson, textOf } from "./container.js";

export function namesInContainersJson(text: string, id: string): ContainerNames {
  const all = parsedJson(text);
  const entry = (Array.isArray(all) ? all : []).map(fieldsOf).find((one) => one.id === id);
  if (entry === undefined) return {};
  const { names, metadata } = entry;
  const about = fieldsOf(typeof metadata === "string" ? parsedJson(metadata) : undefined);
  return namesOf({
    name: textOf(Array.isArray(names) ? names[0] : undefined) ?? textOf(about.name),
    image: textOf(about["image-name"]),
    compose: undefined,
    devcontainer: undefined,
  });
}

/** The folder with containers.json, from conmon's arguments: `-b <folder>/ID/userdata`. */
export function folderOfConmon(commandLine: readonly string[], id: string): string | undefined {
  const flag = commandLine.findIndex((argument) => argument === "-b" || argument === "--bundle");
  const bundle = flag === -1 ? undefined : commandLine[flag + 1];
  const end = `/${id}/userdata`;
  return bundle?.startsWith("/") && bundle.endsWith(end) ? bundle.slice(0, -end.length) : undefined;
}
