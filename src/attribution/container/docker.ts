/** Docker's file on a container: `<data root>/containers/ID/config.v2.json`, readable by root only. */

import type { ContainerNames } from "../../connection/container.js";
import { fieldsOf, namesOf, parsedJson, textOf } from "./container.js";

/** https://docs.docker.com/compose and https://containers.dev/implementors/spec: labels of their containers. */
const PROJECT = "com.docker.compose.project";
const SERVICE = "com.docker.compose.service";
const FOLDER = "devcontainer.local_folder";

export function namesInDockerConfig(text: string): ContainerNames {
  const { Name, Config } = fieldsOf(parsedJson(text));
  const { Image, Labels } = fieldsOf(Config);
  const labels = fieldsOf(Labels);
  const project = textOf(labels[PROJECT]);
  const service = textOf(labels[SERVICE]);
  return namesOf({
    name: textOf(Name)?.replace(/^\//, ""),
    image: textOf(Image),
    compose: project === undefined ? undefined : { project, ...(service !== undefined && { service }) },
    devcontainer: textOf(labels[FOLDER]),
  });
}
