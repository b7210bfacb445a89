#!/bin/sh
# Looks over every script that is run, and what it sources, with shellcheck. Part of `npm run lint`.
set -eu
cd "$(dirname "$0")/.."

if ! command -v shellcheck >/dev/null 2>&1; then
	echo "lint: shellcheck is not installed: scripts were not checked (Debian: apt-get install shellcheck)" >&2
	exit 0
fi
for script in scripts/*.sh; do
	# A sourced file says for which shell it is written in place of a first line that runs it.
	head -n 1 "$script" | grep -q '^#!' || continue
	shellcheck --external-sources "$script"
done
