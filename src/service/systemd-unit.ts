/** The systemd unit (systemd.service(5), systemd.exec(5)). */

import { environmentOf, SERVICE_MARK, SERVICE_NAME, type Service } from "./service.js";

export const UNIT_FILE = `/etc/systemd/system/${SERVICE_NAME}.service`;

/** The root privileges that the supervisor needs, and no others. The proxy and the signer give up all of them. */
export const CAPABILITIES: ReadonlyArray<readonly [capability: string, why: string]> = [
  ["CAP_NET_ADMIN", "the redirect; programs on the connect hook"],
  ["CAP_NET_RAW", "iptables, where nft is too old"],
  ["CAP_BPF", "programs that copy TLS secrets and record who connects"],
  ["CAP_PERFMON", "the probes that call them (perf_event_open)"],
  ["CAP_SYS_ADMIN", "both, on kernels before 5.8; uprobes"],
  ["CAP_SYS_PTRACE", "the owner of a socket (/proc/PID)"],
  ["CAP_DAC_READ_SEARCH", "executables and trust stores of other users' programs"],
  ["CAP_DAC_OVERRIDE", "cgroup and lock files of others"],
  ["CAP_SETUID", "proxy, search and signer become other users"],
  ["CAP_SETGID", "likewise, and the redirect's group"],
  ["CAP_CHOWN", "event files belong to the user"],
  ["CAP_FOWNER", "likewise, their modes"],
  ["CAP_KILL", "killing a proxy that hangs"],
  ["CAP_IPC_LOCK", "memory with secrets is not swapped"],
  ["CAP_SYS_NICE", "priority for lookups on a busy machine"],
  ["CAP_SYS_RESOURCE", "open files beyond the usual limit"],
];

/** System calls that no part of Oximy makes. Node maps executable memory, so that cannot be forbidden. */
const REFUSED_CALLS = "@clock @cpu-emulation @keyring @module @mount @obsolete @raw-io @reboot @swap";
/** Seconds without a watchdog message; the redirect is withdrawn long before. */
const WATCHDOG_S = 60;

export function systemdUnit(service: Service): string {
  const { node, main, args } = service;
  const command = [node, main, "local", ...args].map(quoted).join(" ");
  return `# ${SERVICE_MARK}
[Unit]
Description=Oximy: captures the AI calls of this machine
After=network.target nss-user-lookup.target
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=all
ExecStart=${command}
${environmentOf(service)
  .map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`)
  .join("\n")}
# Nothing is redirected before it is ready, so it may take its time on a machine that is just booting.
TimeoutStartSec=180
WatchdogSec=${WATCHDOG_S}
# However it ends, the rules are removed; a core dump could contain secrets.
WatchdogSignal=SIGKILL
LimitCORE=0
Restart=on-failure
RestartSec=10
# Like Ctrl-C: first the redirect is removed, then open connections may end.
KillSignal=SIGTERM
KillMode=mixed
TimeoutStopSec=30
LimitNOFILE=1048576
LimitMEMLOCK=infinity
UMask=0077
StandardOutput=null
StandardError=journal
SyslogIdentifier=${SERVICE_NAME}

CapabilityBoundingSet=${CAPABILITIES.map(([capability]) => capability).join(" ")}
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# A thread enters the networks of containers (setns(2)); no other kind of namespace is entered, and none is created.
RestrictNamespaces=net
ProtectClock=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=~${REFUSED_CALLS}
SystemCallErrorNumber=EPERM
DevicePolicy=closed
# No ProtectSystem, ProtectHome, Private… or anything else that creates a mount namespace: Oximy compares its own with
# that of a program to find out whether both see the same files. Proxy and signer have no privileges to begin with.

[Install]
WantedBy=multi-user.target
`;
}

/** One word of a command line; $ and % are special to systemd, and a quote ends it (systemd.syntax(7)). */
function quoted(word: string): string {
  const text = word.replaceAll("%", "%%").replaceAll("$", "$$$$").replace(/["\\]/g, "\\$&");
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `"${text}"`;
}
