import type { Bundle } from "./bundle.js";
import { LOOPBACK_HOSTS, splitHostPort } from "./host-name.js";

/** Ports of model servers on this machine that the bundle names, in order (11434 of Ollama, 1234 of LM Studio). */
export function localPorts(bundle: Bundle): number[] {
  const ports = new Set<number>();
  for (const key of bundle.hosts.keys()) {
    const { host, port } = splitHostPort(key) ?? {};
    if (host !== undefined && port !== undefined && LOOPBACK_HOSTS.has(host)) ports.add(port);
  }
  for (const { regex, port } of bundle.patterns) {
    if (port !== undefined && [...LOOPBACK_HOSTS].some((name) => regex.test(name))) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}
