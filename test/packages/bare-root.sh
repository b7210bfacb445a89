#!/bin/sh
# Runs a command in a root of its own, of copied files: some tools of the system, no compiler, no network, no devices but
# the usual ones. It is on a tmpfs in namespaces of its own, so that all of it goes when the command ends.
#
#   bare-root.sh FOLDER FILES COMMAND…     FOLDER: an empty one; FILES: a folder that is /files in there
set -eu
if [ "${BARE_ROOT_INSIDE:-}" != 1 ]; then
	BARE_ROOT_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --propagation private "$0" "$@"
fi
root=$1
files=$2
shift 2
PATH="$PATH:/usr/sbin:/sbin"

tools="sh cat ls cp mv rm ln mkdir rmdir chmod chown id uname env test true sleep head tail tr sort mktemp readlink
 dirname basename tee stat sed grep awk cut wc kill mount umount dpkg dpkg-deb dpkg-query dpkg-split tar gzip xz find touch ip nft iptables iptables-restore
 ip6tables ip6tables-restore setpriv unshare nsenter curl ldconfig start-stop-daemon getent rm diff sysctl"

mount -t tmpfs -o size=1g,mode=0755 bare "$root"
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib64" "$root/usr/lib" "$root/etc" "$root/root" "$root/proc" "$root/sys" "$root/run" \
	"$root/dev" "$root/files" "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/log"
mkdir -m 1777 "$root/tmp"
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done

# A file at the place that it has here, and the libraries that it is linked to.
put() {
	[ -e "$root$1" ] || cp -L "$1" "$root$1"
}
put_tool() {
	where=$(command -v "$1") || return 0
	case "$where" in /bin/* | /sbin/*) where=/usr$where ;; esac
	case "$where" in /usr/bin/* | /usr/sbin/*) ;; *) return 0 ;; esac
	put "$where"
	libraries "$where"
}
libraries() {
	ldd "$1" 2>/dev/null | sed -n 's/.*\( \|\t\)\(\/[^ ]*\) (0x.*/\2/p' | while read -r library; do
		mkdir -p "$root$(dirname "$library")"
		put "$library"
	done
}
for tool in $tools; do put_tool "$tool"; done
# What Node is linked to; dlopen'ed modules of iptables.
for library in libstdc++.so.6 libgcc_s.so.1 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libnss_files.so.2 libatomic.so.1; do
	found=$(ldconfig -p | sed -n "s/.*$library .*x86-64.*=> //p" | head -n 1)
	[ -z "$found" ] || put "$found"
done
if [ -d /usr/lib/x86_64-linux-gnu/xtables ]; then cp -r /usr/lib/x86_64-linux-gnu/xtables "$root/usr/lib/x86_64-linux-gnu/"; fi
cat >"$root/etc/passwd" <<END
root:x:0:0:root:/root:/bin/sh
ana:x:1000:1000:Ana:/home/ana:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
END
printf 'root:x:0:\nana:x:1000:\nnogroup:x:65534:\n' >"$root/etc/group"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
mkdir -p "$root/home/ana"
chown 1000:1000 "$root/home/ana"
: >"$root/var/lib/dpkg/available"
# The libraries above are here, though dpkg has not put them here.
for package in libc6:2.36 libstdc++6:12.2.0 libgcc-s1:12.2.0; do
	printf 'Package: %s\nStatus: install ok installed\nMaintainer: none\nArchitecture: amd64\nMulti-Arch: same\nVersion: %s\nDescription: there\n\n' "${package%%:*}" "${package##*:}"
done >"$root/var/lib/dpkg/status"
for package in libc6 libstdc++6 libgcc-s1; do : >"$root/var/lib/dpkg/info/$package:amd64.list"; done
echo 1 >"$root/var/lib/dpkg/info/format"
for device in null zero full random urandom tty; do
	: >"$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mount --rbind -o ro "$files" "$root/files"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
ip link set lo up
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb NO_COLOR=1 chroot "$root" "$@"
