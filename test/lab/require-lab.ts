import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const REDIRECT = fileURLToPath(new URL("../../scripts/redirect-linux.sh", import.meta.url));

/** What the lab is made of, tried in a namespace of its own that goes when the command ends. */
const PROBE = `
for tool in ip openssl setpriv curl; do command -v $tool >/dev/null || { echo "$tool is not installed"; exit 1; }; done
[ -d /etc/ssl ] || { echo "/etc/ssl is missing"; exit 1; }
ip link set lo up && ip link add try0 type veth peer name try1 && ip addr add 2001:db8::1/64 dev try0 || exit 1
${REDIRECT} hold --port 1 --gid 1 --ports 443 </dev/null`;

/**
 * For `describe.skipIf(requireLab())("…", …)`: the reason why the lab cannot run here, which is printed, or false.
 * With OXIMY_REQUIRE_LAB=1 it throws instead, so that nobody takes a skipped lab for a passed one.
 */
export function requireLab(): string | false {
  const reason = missing();
  if (reason === undefined) return false;
  if (process.env.OXIMY_REQUIRE_LAB === "1") throw new Error(`the lab cannot run: ${reason}`);
  console.warn(`skipped, the lab cannot run: ${reason}`);
  return reason;
}

function missing(): string | undefined {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "it needs root";
  const probe = spawnSync("unshare", ["--net", "sh", "-c", PROBE], { encoding: "utf8", timeout: 20_000 });
  if (probe.status === 0) return undefined;
  return (probe.error?.message ?? `${probe.stdout}${probe.stderr}`.trim()) || "no network namespaces";
}
