import { describe, expect, test } from "vitest";
import { containerInCgroup } from "../../../src/attribution/container/cgroup.js";
import { namesInDockerConfig } from "../../../src/attribution/container/docker.js";
import { namesInBundle } from "../../../src/attribution/container/kubernetes.js";
import { pathsOfPlace, placeOfContainer } from "../../../src/attribution/container/mounts.js";
import { folderOfConmon, namesInContainersJson } from "../../../src/attribution/container/podman.js";
import { uidInside } from "../../../src/attribution/container/user.js";

const A = "a1".repeat(32);
const B = "b2".repeat(32);
const BUILD = "k3m0v9q8x7w6u5t4s3r2p1n0a";

describe("the cgroup names the container", () => {
  test.each<[string, string, string | undefined]>([
    ["of Docker with cgroupfs", `0::/docker/${A}`, `docker ${A}`],
    ["of Docker with systemd", `0::/system.slice/docker-${A}.scope`, `docker ${A}`],
    ["of Docker on cgroups v1", `9:name=systemd:/\n4:memory:/docker/${A}\n0::/`, `docker ${A}`],
    ["of a process deeper in it", `0::/docker/${A}/init.scope`, `docker ${A}`],
    ["of Podman with cgroupfs", `0::/libpod_parent/libpod-${A}`, `podman ${A}`],
    [
      "of Podman without root",
      `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope/container`,
      `podman ${A}`,
    ],
    ["not of conmon, which is outside", `0::/machine.slice/libpod-conmon-${A}.scope`, undefined],
    [
      "of containerd in Kubernetes",
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f3c_1.slice/cri-containerd-${A}.scope`,
      `containerd ${A}`,
    ],
    [
      "of containerd with cgroupfs",
      `4:memory:/kubepods/burstable/pod0f3c6a2e-1111-2222-3333-444455556666/${A}`,
      `containerd ${A}`,
    ],
    ["of CRI-O", `0::/kubepods.slice/kubepods-pod1a.slice/crio-${A}.scope`, `cri-o ${A}`],
    ["of CRI-O, not its conmon", `0::/kubepods.slice/crio-conmon-${A}.scope`, undefined],
    ["the innermost of nested ones", `0::/docker/${A}/docker/${B}`, `docker ${B}`],
    ["a step of a build", `0::/docker/buildkit/${BUILD}`, `buildkit ${BUILD}`],
    ["a step of a build in a container", `0::/docker/${A}/buildkit/${BUILD}`, `buildkit ${BUILD}`],
    ["of LXC", "0::/lxc.payload.web/system.slice/nginx.service", "lxc web"],
    ["of LXC, not its monitor", "0::/lxc.monitor.web", undefined],
    ["of systemd-nspawn", "0::/machine.slice/machine-my\\x2dbox.scope/payload", "nspawn my-box"],
    ["not a virtual machine", "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", undefined],
    ["none for a login session", "0::/user.slice/user-1000.slice/session-2.scope", undefined],
    ["none for a hash of something else", `0::/somewhere/${A}`, undefined],
    ["none for a longer run of digits", `0::/docker/${A}ff`, undefined],
    ["none for what is no cgroup", "nonsense", undefined],
  ])("%s", (_, text, expected) => {
    const found = containerInCgroup(text);
    expect(found && `${found.runtime} ${found.id}`).toBe(expected);
  });
});

describe("mounts tell where a runtime keeps its files", () => {
  const inside = [
    "500 400 0:60 / / rw,relatime - overlay overlay rw",
    `510 500 8:1 /data\\040root/containers/${B}/hosts /etc/hosts rw - ext4 /dev/sda1 rw`,
    `511 500 8:1 /data\\040root/containers/${A}/hostname /etc/hostname rw - ext4 /dev/sda1 rw`,
  ].join("\n");

  test("the one of this container, not of the one whose network it shares", () => {
    expect(placeOfContainer(inside, A)).toEqual({ device: "8:1", folder: "/data root/containers" });
    expect(placeOfContainer(inside, "c3".repeat(32))).toBeUndefined();
  });

  test.each<[string, string, string[]]>([
    ["the whole file system", "30 1 8:1 / /mnt/big rw - ext4 d rw", ["/mnt/big/data root/containers"]],
    ["the root", "30 1 8:1 / / rw - ext4 d rw", ["/data root/containers"]],
    [
      "a part of it",
      "30 1 8:1 /data\\040root /var/lib/docker rw - ext4 d rw",
      ["/var/lib/docker/containers"],
    ],
    ["another part", "30 1 8:1 /data /srv rw - ext4 d rw", []],
    ["another file system", "30 1 8:2 / / rw - ext4 d rw", []],
  ])("on a machine that mounts %s", (_, machine, expected) => {
    expect(pathsOfPlace({ device: "8:1", folder: "/data root/containers" }, machine)).toEqual(expected);
  });
});

describe("Docker's file", () => {
  test("has name, image and labels", () => {
    const config = {
      Name: "/shop-web-1",
      Config: {
        Image: "node:20",
        Labels: {
          "com.docker.compose.project": "shop",
          "com.docker.compose.service": "web",
          "devcontainer.local_folder": "/home/ana/shop",
        },
      },
    };
    expect(namesInDockerConfig(JSON.stringify(config))).toEqual({
      name: "shop-web-1",
      image: "node:20",
      compose: { project: "shop", service: "web" },
      devcontainer: "/home/ana/shop",
    });
  });

  test.each([
    ["cut off", '{"Name":"/web","Conf'],
    ["of another shape", '{"Name":7,"Config":[]}'],
    ["with control characters in the name", '{"Name":"/a\\u001b[2Jb"}'],
    ["with a name that nobody can read", JSON.stringify({ Name: "x".repeat(10_000) })],
    ["that is no object", "null"],
  ])("tells nothing when it is %s", (_, text) => expect(namesInDockerConfig(text)).toEqual({}));
});

describe("Podman's file", () => {
  const all = JSON.stringify([
    { id: B, names: ["other"], metadata: '{"image-name":"docker.io/library/busybox:latest"}' },
    { id: A, names: ["web"], metadata: '{"image-name":"docker.io/library/node:20","name":"web"}' },
  ]);
  test("has all containers", () => {
    expect(namesInContainersJson(all, A)).toEqual({ name: "web", image: "docker.io/library/node:20" });
    expect(namesInContainersJson(all, "c3".repeat(32))).toEqual({});
    expect(namesInContainersJson('[{"id":', A)).toEqual({});
  });

  test.each<[string, string[], string | undefined]>([
    [
      "its bundle",
      ["conmon", "-c", A, "-b", `/srv/overlay-containers/${A}/userdata`, "-p", "x"],
      "/srv/overlay-containers",
    ],
    ["another container's", ["conmon", "-b", `/srv/overlay-containers/${B}/userdata`], undefined],
    ["none", ["conmon", "-c", A], undefined],
    ["a relative one", ["conmon", "-b", `srv/${A}/userdata`], undefined],
  ])("is found by conmon's arguments: %s", (_, commandLine, folder) => {
    expect(folderOfConmon(commandLine, A)).toBe(folder);
  });
});

describe("a bundle of Kubernetes", () => {
  const bundle = (annotations: object) => namesInBundle(JSON.stringify({ annotations }));
  test.each([
    [
      "containerd's",
      {
        "io.kubernetes.cri.container-name": "agent",
        "io.kubernetes.cri.sandbox-name": "agent-7f",
        "io.kubernetes.cri.sandbox-namespace": "dev",
        "io.kubernetes.cri.image-name": "ghcr.io/acme/agent:1",
      },
    ],
    [
      "CRI-O's",
      {
        "io.kubernetes.container.name": "agent",
        "io.kubernetes.pod.name": "agent-7f",
        "io.kubernetes.pod.namespace": "dev",
        "io.kubernetes.cri-o.ImageName": "ghcr.io/acme/agent:1",
      },
    ],
  ])("%s has its container, pod, namespace and image", (_, annotations) => {
    expect(bundle(annotations)).toEqual({ name: "dev/agent-7f/agent", image: "ghcr.io/acme/agent:1" });
  });
  test("of something else tells nothing", () => expect(bundle({ owner: "me" })).toEqual({}));
});

describe("the user inside", () => {
  test.each<[string, string, number, number | undefined]>([
    ["is the same without a user namespace", "         0          0 4294967295", 1000, 1000],
    ["is root for whoever started it without root", "0 1000 1\n1 100000 65536", 1000, 0],
    ["is another by its subordinate ids", "0 1000 1\n1 100000 65536", 100999, 1000],
    ["is nobody beyond them", "0 1000 1\n1 100000 65536", 65534, undefined],
    ["is unknown without a map", "", 0, undefined],
  ])("%s", (_, map, uid, expected) => expect(uidInside(map, uid)).toBe(expected));
});
