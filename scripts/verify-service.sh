#!/bin/sh
# Boots a virtual machine (QEMU, no KVM needed) with Debian's kernel and systemd, installs the service in it, and looks at what
# docs/service.md says: verify-service-guest.sh has the steps. Needs root, a built checkout and the packages qemu-system-x86,
# mmdebstrap and e2fsprogs, some 4 GB in $TMPDIR and, without KVM, a quarter of an hour on an idle machine. Nothing of this machine is changed.
#   sh scripts/verify-service.sh            builds the root file system, boots, prints, and ends with 1 where a step failed
#   OXIMY_VM_ROOT=FILE.tar sh scripts/…     keeps what mmdebstrap made there for the next time
set -eu
cd "$(dirname "$0")/.."
for tool in qemu-system-x86_64 mmdebstrap mke2fs; do
	command -v "$tool" >/dev/null || { echo "verify-service: $tool is not installed" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar=${OXIMY_VM_ROOT:-$work/root.tar}
[ -e "$tar" ] || mmdebstrap --variant=minbase --include=systemd,systemd-sysv,udev,dbus,kmod,nftables,iptables,iproute2,curl,openssl,ca-certificates,procps,util-linux,linux-image-cloud-amd64,initramfs-tools,passwd bookworm "$tar"

root=$work/root
mkdir "$root"
tar -C "$root" -xf "$tar" --exclude='./dev/*'
echo oximy-vm >"$root/etc/hostname"
printf '127.0.0.1 localhost oximy-vm\n' >"$root/etc/hosts"
chroot "$root" useradd --create-home --uid 1000 ana
install -m 755 "$(node -p process.execPath)" "$root/usr/local/bin/node"
lib=$root/usr/local/lib/oximy
mkdir -p "$lib/build" "$lib/node_modules"
cp -a package.json dist scripts data schema native "$lib"
cp -a build/Release "$lib/build"
# The packages that dist/ imports, with theirs.
# shellcheck disable=SC2016 # the text is JavaScript
grep -rhoE '(from|import\() ?"[^."#/][^"]*"' dist --include=*.js | grep -v node: | cut -d'"' -f2 | node -e '
	const { existsSync, readFileSync } = require("node:fs");
	const found = new Set();
	const add = (name) => {
		const file = `node_modules/${name}/package.json`;
		if (found.has(name) || !existsSync(file)) return;
		found.add(name);
		Object.keys(JSON.parse(readFileSync(file, "utf8")).dependencies ?? {}).forEach(add);
	};
	const names = readFileSync(0, "utf8").trim().split("\n");
	for (const name of names) add(name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/"));
	console.log([...found].map((name) => `node_modules/${name}`).join("\n"));' |
	tar -cf - --files-from=- | tar -C "$lib" -xf -
chown -R root:root "$lib" "$root/usr/local/bin/node"
install -m 755 scripts/verify-service-guest.sh "$root/usr/local/sbin/verify-service"
cat >"$root/etc/systemd/system/verify.service" <<-END
	[Unit]
	After=network.target
	[Service]
	ExecStart=/usr/local/sbin/verify-service
	StandardOutput=tty
	StandardError=tty
	TTYPath=/dev/ttyS0
	[Install]
	WantedBy=multi-user.target
END
ln -s ../verify.service "$root/etc/systemd/system/multi-user.target.wants/verify.service"
ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"
mke2fs -q -t ext4 -d "$root" "$work/disk.img" 3G
cp "$root"/boot/vmlinuz-* "$work/kernel"
cp "$root"/boot/initrd.img-* "$work/initrd"
rm -rf "$root"

timeout 3600 nice -n 15 qemu-system-x86_64 -machine q35 -accel kvm -accel tcg -cpu max -smp 1 -m 1024 \
	-nographic -monitor none -serial file:"$work/console" -nic none -kernel "$work/kernel" -initrd "$work/initrd" \
	-append "root=/dev/vda rw console=ttyS0 quiet loglevel=3 systemd.show_status=false" \
	-drive file="$work/disk.img",format=raw,if=virtio </dev/null || true
tr -d '\r' <"$work/console" | grep -E '^(ok|not ok|#|the end)'
! grep -q '^not ok' "$work/console" && grep -q '^the end' "$work/console"
