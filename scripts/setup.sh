#!/bin/sh
# What a fresh clone lacks. `setup.sh [--install] [demo|test|check]` builds the native addon and the TypeScript, and looks for
# the Debian packages that the demo, the tests, or the checks of the native code use: with --install, as root, it installs
# those that are missing, else it says which. Quiet when there is nothing to do.
set -eu
cd "$(dirname "$0")/.."

install=no
if [ "${1:-}" = --install ]; then
	install=yes
	shift
fi
purpose=${1:-test}

# command:package. The redirect needs nft or iptables; the demo needs ip, setpriv and curl.
wanted="nft:nftables iptables:iptables ip:iproute2 setpriv:util-linux curl:curl openssl:openssl c++:g++ make:make cmake:cmake"
case "$purpose" in
demo) ;;
test)
	wanted="$wanted jq:jq git:git python3:python3 certutil:libnss3-tools h2load:nghttp2-client"
	wanted="$wanted wget:wget shellcheck:shellcheck slirp4netns:slirp4netns pasta:passt"
	# Only for rows of the lab's tables, which are skipped without them.
	[ "${OXIMY_REQUIRE_LAB:-}" = 1 ] && wanted="$wanted chromium:chromium firefox-esr:firefox-esr go:golang-go
		podman:podman runc:runc conmon:conmon busybox:busybox-static"
	[ "${OXIMY_REQUIRE_LAB:-}" = 1 ] && [ ! -e /usr/lib/podman/netavark ] && wanted="$wanted no-such-command:netavark"
	for module in requests httpx aiohttp; do
		/usr/bin/python3 -c "import $module" 2>/dev/null || wanted="$wanted no-such-command:python3-$module"
	done
	;;
check)
	wanted="$wanted clang++:clang clang-tidy:clang-tidy valgrind:valgrind"
	# The fuzzer's run-time library is a package of its own, named after clang's version.
	runtime=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p')
	runtime=${runtime:-libclang-rt-14-dev}
	dpkg -s "$runtime" >/dev/null 2>&1 || wanted="$wanted no-such-command:$runtime"
	;;
*)
	echo "usage: setup.sh [--install] [demo|test|check]" >&2
	exit 2
	;;
esac

PATH="$PATH:/usr/sbin:/sbin"
missing=""
if [ "$(uname -s)" = Linux ]; then
	for pair in $wanted; do
		command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
	done
fi
if [ -n "$missing" ]; then
	if [ $install = no ] || ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
		echo "setup: missing$missing; as root on Debian they are installed by: npm run setup $purpose" >&2
		[ $install = no ] || exit 4
	else
		echo "setup: installing$missing"
		log=$(mktemp)
		# shellcheck disable=SC2086 # one word a package
		{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing; } >"$log" 2>&1 || {
			cat "$log" >&2
			echo "setup: apt-get could not install$missing" >&2
			exit 4
		}
		rm -f "$log"
	fi
fi

# Many and large, and only for the lab's table of real clients, which leaves out rows without them.
if [ $install = yes ] && [ "$purpose" = test ] && [ "${OXIMY_REQUIRE_LAB:-}" = 1 ]; then
	sh scripts/install-lab-clients.sh
fi

if [ ! -d node_modules ]; then
	echo "setup: run npm install first" >&2
	exit 2
fi
# As root in somebody's checkout: what is built stays its owner's, who could not build again otherwise.
if [ "$(id -u)" = 0 ]; then trap 'chown -hR "$(ls -ldn . | awk "{ print \$3 \":\" \$4 }")" build dist 2>/dev/null || true' EXIT; fi
npm run --silent build:native
npm run --silent build:ts
npm run --silent build:ui
