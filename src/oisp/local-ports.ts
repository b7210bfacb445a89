import type { Bundle } from "./bundle.js";
import { LOOPBACK_HOSTS, splitHostPort } from "./host-name.js";

/** Ports of local model servers listed in the bundle, sorted (11434 for Ollama, 1234 for LM Studio). */
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
