import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { holdArguments, redirectScript } from "../../src/supervisor/redirect.js";
import { OXIMY_GID } from "../../src/user/settings.js";

const BASE = { listenerPort: 4711, ports: [443, 80], localPorts: [], allowQuic: false };
const GID = String(OXIMY_GID);

test.each([
  ["the least", BASE, ["hold", "--port", "4711", "--gid", GID, "--ports", "443,80"]],
  [
    "local models",
    { ...BASE, localPorts: [11434, 1234] },
    ["hold", "--port", "4711", "--gid", GID, "--ports", "443,80", "--local-ports", "11434,1234"],
  ],
  [
    "QUIC left alone, and a backend",
    { ...BASE, allowQuic: true, backend: "iptables" as const },
    ["hold", "--port", "4711", "--gid", GID, "--ports", "443,80", "--allow-quic", "--backend", "iptables"],
  ],
])("the script is asked for %s", (_what, options, args) => {
  expect(holdArguments(options)).toEqual(args);
});

test.each(["linux", "darwin"] as const)("there is a script for %s", (platform) => {
  expect(existsSync(redirectScript(platform))).toBe(true);
});
