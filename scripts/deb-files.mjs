/** The texts of the Debian package (Debian Policy 5, 6 and 12.5). Values in, text out. */

export const LIBRARY = "usr/lib/oximy";

/** The first version of libstdc++6 with these symbols (GCC's libstdc++ manual, "ABI Policy and Guidelines"). */
const LIBSTDCXX = {
  "GLIBCXX_3.4.21": "5.1",
  "GLIBCXX_3.4.22": "6.1",
  "GLIBCXX_3.4.23": "7.1",
  "GLIBCXX_3.4.24": "7.2",
  "GLIBCXX_3.4.25": "8.1",
  "GLIBCXX_3.4.26": "9.1",
  "GLIBCXX_3.4.27": "9.2",
  "GLIBCXX_3.4.28": "9.3",
  "GLIBCXX_3.4.29": "11.1",
  "GLIBCXX_3.4.30": "12.1",
  "GLIBCXX_3.4.31": "13.1",
  "GLIBCXX_3.4.32": "13.2",
  "GLIBCXX_3.4.33": "14.1",
};

function newest(versions, prefix) {
  const found = versions.filter((version) => new RegExp(`^${prefix}_[\\d.]+$`).test(version));
  return found.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
}

/** What Node, which brings no C library, needs; the addon needs no more. `versions` are those of elfNeeds. */
function libraries(versions) {
  const glibc = newest(versions, "GLIBC").slice("GLIBC_".length);
  const symbols = newest(versions, "GLIBCXX");
  const libstdcxx = LIBSTDCXX[symbols];
  if (libstdcxx === undefined) throw new Error(`which libstdc++ has ${symbols}?`);
  return `libc6 (>= ${glibc}), libstdc++6 (>= ${libstdcxx}), libgcc-s1`;
}

/** `size` in KiB. */
export function controlFile({ version, architecture, size, versions }) {
  return `Package: oximy
Version: ${version}
Architecture: ${architecture}
Maintainer: The Oximy authors <oximy@localhost>
Installed-Size: ${size}
Depends: ${libraries(versions)}
Recommends: nftables | iptables
Section: net
Priority: optional
Description: capture every AI call that this computer makes
 Oximy records which AI APIs are called, by which program, and what was said.
 Programs need no configuration: connections to known hosts are read as they
 pass, everything else is left alone. It starts nothing when it is installed.
`;
}

export function copyrightFile() {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Oximy

Files: *
Copyright: The Oximy authors
License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.

Files: ${LIBRARY}/bin/node
Copyright: Node.js contributors, and those whom LICENSE.node.gz names
License: Node
 Its text, and those of what is linked into it: /usr/share/doc/oximy/LICENSE.node.gz

Files: ${LIBRARY}/dist/vendor/* ${LIBRARY}/dist/ui/page/* ${LIBRARY}/prebuilds/*
Copyright: those whom THIRD-PARTY-NOTICES.gz names
License: Others
 Their texts: /usr/share/doc/oximy/THIRD-PARTY-NOTICES.gz
`;
}

export const DEFAULTS = `# Whose AI calls the service keeps, and in whose home: a user's number, as \`id -u NAME\` says.
# Read by oximy.service, which does not start while this is unset. Then: systemctl enable --now oximy
#SUDO_UID=1000
`;

/** The unit that \`oximy service install\` would write, for the user that /etc/default/oximy names. */
export function unitOf(systemdUnit) {
  const text = systemdUnit({
    node: `/${LIBRARY}/bin/node`,
    main: `/${LIBRARY}/dist/cli/main.js`,
    args: ["--json"],
    invokingUser: { uid: 0, gid: 0 },
    variables: {},
  });
  const [, ...lines] = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith("ExecStart="));
  if (start < 0) throw new Error("the unit has no ExecStart");
  lines.splice(
    start,
    0,
    "EnvironmentFile=-/etc/default/oximy",
    `ExecStartPre=/bin/sh -c 'test -n "$$SUDO_UID" || { echo "whose calls? set SUDO_UID in /etc/default/oximy" >&2; exit 78; }'`,
    "RestartPreventExitStatus=78",
  );
  return `# Of the package oximy. One that \`oximy service install\` writes into /etc goes before it.\n${lines.join("\n")}`;
}

const STOP = `#!/bin/sh
# Ends captures that run, as Ctrl-C would, and takes out what they may have left.
set -e

# Those of this very file: other systems below this one (containers) may have a program of the same name.
captures() {
	for exe in /proc/[0-9]*/exe; do
		[ "$exe" -ef /${LIBRARY}/bin/node ] || continue
		pid=\${exe#/proc/}
		echo "\${pid%/exe}"
	done
}

case "$1" in
remove | deconfigure)
	if [ -d /run/systemd/system ]; then
		systemctl --no-reload disable --now oximy.service >/dev/null 2>&1 || true
	fi
	for pid in $(captures); do kill "$pid" 2>/dev/null || true; done
	for second in 1 2 3 4 5 6 7 8 9 10; do
		[ -n "$(captures)" ] || break
		sleep 1
	done
	for pid in $(captures); do kill -KILL "$pid" 2>/dev/null || true; done
	# The rules go, and so does the certificate out of the trust stores; events stay.
	/usr/bin/oximy uninstall >/dev/null 2>&1 || /usr/bin/oximy cleanup --all ||
		echo "oximy: what is left, an installed oximy removes: oximy uninstall" >&2
	;;
esac
exit 0
`;

const AFTER = `#!/bin/sh
# Starts nothing; a service that runs is started anew, for its files were replaced.
set -e

if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	[ -z "$2" ] || systemctl try-restart oximy.service || true
fi
exit 0
`;

const REMOVED = `#!/bin/sh
set -e

if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
exit 0
`;

export const maintainerScripts = () => ({ prerm: STOP, postinst: AFTER, postrm: REMOVED });
