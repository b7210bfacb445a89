#!/bin/sh
# Installs the Debian packages of the clients that the lab's table names (test/lab/real-clients), where they are missing.
# What is of npm the lab installs itself. Quiet when there is nothing to do.
set -eu
wanted="libnss3-tools chromium curl firefox-esr git gnutls-bin golang-go libwww-perl openjdk-17-jdk-headless
	openssl php-cli php-curl python3 python3-aiohttp python3-h2 python3-httpx python3-requests python3-websockets ruby sslscan wget
	liblwp-protocol-https-perl"
missing=""
for package in $wanted; do
	dpkg-query --status "$package" 2>/dev/null | grep -q '^Status: .* installed$' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "setup: installing$missing"
log=$(mktemp)
# shellcheck disable=SC2086 # one word a package
{ apt-get -qq -o DPkg::Lock::Timeout=300 update &&
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing; } >"$log" 2>&1 || {
	cat "$log" >&2
	echo "setup: apt-get could not install$missing" >&2
	exit 4
}
rm -f "$log"
