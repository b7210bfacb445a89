import { describe, expect, test } from "vitest";
import {
  appImageName,
  flatpakName,
  identifyLinuxProcess,
  xdgApplicationId,
} from "../../../src/attribution/identity/linux.js";
import { filesWith, processInfo } from "../fake-processes.js";

const identify = (
  values: Partial<Parameters<typeof processInfo>[0]>,
  files: Parameters<typeof filesWith>[0] = {},
) => identifyLinuxProcess(processInfo({ pid: 42, ...values }), filesWith(files));

const slice = "/user.slice/user-1000.slice/user@1000.service/app.slice";

describe("the application id of a systemd unit", () => {
  test.each([
    // GNOME Shell, KDE Plasma, and what starts without a launcher's name
    ["app-gnome-com.anysphere.cursor-48213.scope", "com.anysphere.cursor"],
    ["app-org.kde.konsole-8f2a6c0e4f0b4c0d9a.scope", "org.kde.konsole"],
    ["app-gnome-google\\x2dchrome-3311.scope", "google-chrome"],
    ["app-cursor@9b2f7c.service", "cursor"],
    ["app-org.kde.kmix@autostart.service", "org.kde.kmix"],
    [
      "app-gnome-org.gnome.Evolution\\x2dalarm\\x2dnotify@autostart.service",
      "org.gnome.Evolution-alarm-notify",
    ],
    ["app-flatpak-com.visualstudio.code-2201.scope", "com.visualstudio.code"],
    ["app-gnome-caf\\xc3\\xa9-1.scope", "café"],
  ])("%s is %s", (unit, id) => {
    expect(xdgApplicationId(unit)).toBe(id);
  });

  test.each([
    "vte-spawn-0c7ef7f4-55a4-4c32-b2a8-ce5b5bd4b8a2.scope",
    "session-2.scope",
    "nginx.service",
    "app-.scope",
    "app-gnome-visual-studio-code-12.scope", // unescaped: may be read in several ways
  ])("%s has none", (unit) => {
    expect(xdgApplicationId(unit)).toBeUndefined();
  });
});

describe("on linux", () => {
  test("a desktop app is known by the scope it was started in", async () => {
    const identity = await identify({
      path: "/usr/share/cursor/cursor",
      cgroup: `${slice}/app-gnome-cursor-4711.scope`,
    });
    expect(identity).toEqual({ applicationId: "cursor", applicationIdFrom: "xdg" });
  });

  test("a cgroup that an app made inside its own scope is the app's", async () => {
    const identity = await identify({ cgroup: `${slice}/app-gnome-cursor-4711.scope/workers` });
    expect(identity.applicationId).toBe("cursor");
  });

  test("a shell in a terminal is not the terminal, whose slice it is in", async () => {
    const cgroup = `${slice}/app-org.gnome.Terminal.slice/vte-spawn-0c7ef7f4.scope`;
    expect(await identify({ path: "/usr/bin/bash", cgroup })).toEqual({});
  });

  test("a Flatpak is known by the file at its sandbox's root", async () => {
    const info =
      "[Application]\nname=io.github.ungoogled_software\nruntime=runtime/org.x/x86_64/1\n\n[Instance]\nname=no\n";
    const identity = await identify(
      { path: "/app/bin/chrome", cgroup: `${slice}/app-flatpak-other-1.scope` },
      { "/proc/42/root/.flatpak-info": info },
    );
    expect(identity).toMatchObject({
      applicationId: "io.github.ungoogled_software",
      applicationIdFrom: "flatpak",
    });
    expect(flatpakName("[Runtime]\nname=org.freedesktop.Platform\n")).toBeUndefined();
  });

  test.each([
    ["/snap/firefox/4793/usr/lib/firefox/firefox", ""],
    ["/var/lib/snapd/snap/firefox/4793/usr/lib/firefox/firefox", ""],
    ["/usr/bin/python3", `${slice}/snap.firefox.firefox-8b1b6a7f.scope`],
    ["/usr/bin/python3", "/system.slice/snap.firefox.daemon.service"],
  ])("a Snap is known by place or scope: %s %s", async (path, cgroup) => {
    expect(await identify({ path, cgroup })).toMatchObject({
      applicationId: "firefox",
      applicationIdFrom: "snap",
    });
  });

  test("an AppImage is known by its file, as long as the executable is inside it", async () => {
    const environment =
      "HOME=/home/ana\0NOAPPIMAGE=x\0APPIMAGE=/home/ana/Apps/Cursor-0.45.14-x86_64.AppImage\0";
    const files = { "/proc/42/environ": environment };
    const inside = await identify({ path: "/tmp/.mount_Cursor8xQ1/usr/share/cursor/cursor" }, files);
    expect(inside).toEqual({ applicationId: "Cursor", applicationIdFrom: "appimage" });
    expect(await identify({ path: "/usr/bin/curl" }, files)).toEqual({});
  });

  test.each([
    ["/opt/Cursor.AppImage", "Cursor"],
    ["/opt/LM-Studio-0.3.5-1-x64.AppImage", "LM-Studio"],
    ["/opt/Jan_x86_64.appimage", "Jan"],
    ["/opt/0ad", "0ad"],
  ])("the name of the AppImage %s is %s", (path, name) => {
    expect(appImageName(path)).toBe(name);
  });

  test("an agent on an interpreter is known by its command and its package", async () => {
    const identity = await identify(
      { path: "/usr/bin/node", commandLine: ["node", "/usr/local/bin/claude", "-p", "hello"] },
      {
        "/proc/42/root/usr/local/bin/claude": {
          link: "../lib/node_modules/@anthropic-ai/claude-code/cli.js",
        },
      },
    );
    expect(identity).toEqual({ script: "claude", packageName: "@anthropic-ai/claude-code" });
  });

  test("a relative script is found from the process's own folder", async () => {
    const identity = await identify(
      { path: "/usr/bin/node", commandLine: ["node", "src/server.js"] },
      {
        "/proc/42/cwd": { link: "/home/ana/bot" },
        "/proc/42/root/home/ana/bot/package.json": '{"name":"my-bot"}',
      },
    );
    expect(identity).toEqual({ script: "server.js", packageName: "my-bot", cwd: "/home/ana/bot" });
  });

  test.each([
    ["of a process like us", "/", "mnt:[1]", "/home/ana", { cwd: "/home/ana", seesOurFiles: true }],
    ["of a container", "/", "mnt:[2]", "/home/ana", { cwd: "/home/ana" }],
    ["of a process with another root", "/srv/jail", "mnt:[1]", "/home/ana", { cwd: "/home/ana" }],
    ["that was removed", "/", "mnt:[1]", "/home/ana (deleted)", {}],
    ["outside of what it can see", "/", "mnt:[1]", "(unreachable)/home", {}],
  ])("the folder %s", async (_, root, mounts, cwd, expected) => {
    const links = {
      "/proc/42/cwd": { link: cwd },
      "/proc/42/root": { link: root },
      "/proc/42/ns/mnt": { link: mounts },
      "/proc/self/ns/mnt": { link: "mnt:[1]" },
    };
    expect(await identify({ path: "/usr/bin/agent" }, links)).toEqual(expected);
  });
});
