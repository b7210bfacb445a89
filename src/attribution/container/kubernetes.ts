/** The data of a Kubernetes runtime on a container: the annotations in its bundle's config.json. */

import type { ContainerNames } from "../../connection/container.js";
import { fieldsOf, namesOf, parsedJson, textOf } from "./container.js";

/** containerd pkg/cri/annotations, CRI-O pkg/annotations: container, pod, namespace, image. */
const KEYS = [
  [
    "io.kubernetes.cri.container-name",
    "io.kubernetes.cri.sandbox-name",
    "io.kubernetes.cri.sandbox-namespace",
    "io.kubernetes.cri.image-name",
  ],
  [
    "io.kubernetes.container.name",
    "io.kubernetes.pod.name",
    "io.kubernetes.pod.namespace",
    "io.kubernetes.cri-o.ImageName",
  ],
] as const;

/** The name is `namespace/pod/container`. */
export function namesInBundle(text: string): ContainerNames {
  const annotations = fieldsOf(fieldsOf(parsedJson(text)).annotations);
  for (const [container, pod, namespace, image] of KEYS) {
    const parts = [namespace, pod, container].flatMap((key) => textOf(annotations[key]) ?? []);
    if (parts.length === 0) continue;
    const name = parts.join("/");
    return namesOf({ name, image: textOf(annotations[image]), compose: undefined, devcontainer: undefined });
  }
  return {};
}
