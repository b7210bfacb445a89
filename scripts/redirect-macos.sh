#!/bin/sh
# Sends the outgoing connections of this Mac to a port on loopback, for exactly as long as standard input
# stays open. The same verbs, output and exit codes as redirect-linux.sh:
#
#   redirect-macos.sh hold --port P --gid G --ports 443,80 [--allow-quic]
#   redirect-macos.sh cleanup [--all]      redirect-macos.sh status      redirect-macos.sh rules …
#
# The rules live in the pf anchor com.apple/oximy, because the stock /etc/pf.conf evaluates com.apple/* only.
# pf itself is switched on by reference (pfctl -E), and the token that gives the reference back is kept in a
# file for cleanup. Other people's rules, /etc/pf.conf and the main switch (pfctl -d) are never touched.

set -u
PATH="$PATH:/usr/sbin:/sbin"
export LC_ALL=C
anchor=com.apple/oximy
token_file=/var/run/oximy-pf.token

# rdr acts on what comes in, and cannot tell who sent it. So a filter rule bends outgoing packets, but for those
# of our own group, to lo0, where rdr takes them. Connections to the machine's own addresses come by lo0 anyway
# and are exempt, or our own would be redirected for ever. No rule names an interface of the outside: it changes.
rules() {
	to="port { $ports }"
	echo "no rdr on lo0 inet proto tcp from any to self $to"
	echo "no rdr on lo0 inet6 proto tcp from any to self $to"
	echo "rdr pass on lo0 inet proto tcp from ! 127.0.0.0/8 to any $to -> 127.0.0.1 port $port"
	echo "rdr pass on lo0 inet6 proto tcp from ! ::1 to any $to -> ::1 port $port"
	echo "pass out quick proto tcp from any to any $to group $gid keep state"
	echo "pass out quick on ! lo0 route-to (lo0 127.0.0.1) inet proto tcp from any to any $to keep state"
	echo "pass out quick on ! lo0 route-to (lo0 ::1) inet6 proto tcp from any to any $to keep state"
	[ "$quic" = allow ] && return
	echo "block return out quick on ! lo0 proto udp from any to any port 443 group != $gid"
}

hold() {
	command -v pfctl >/dev/null || fail 4 "cannot install the rules" "pfctl is not there"
	wait_for_others
	[ "$(state)" = "not installed" ] || remove # an older run was killed together with its stand-in
	# pfctl warns on standard error even when all is well, so its exit code alone decides.
	why=$(rules | pfctl -n -a "$anchor" -f - 2>&1) || fail 4 "pf cannot hold the rules" "$why"
	pfctl -s nat 2>/dev/null | grep -q 'rdr-anchor "com.apple/\*"' ||
		fail 4 "pf would not evaluate the rules" "com.apple/* is not in its main rules (pfctl -f /etc/pf.conf loads them)"
	start_stand_in
	install
	hold_until_end
}

install() {
	why=$(pfctl -E 2>&1) || fail 4 "cannot switch pf on" "$why"
	token=$(printf '%s\n' "$why" | sed -n 's/^Token : //p')
	(umask 077 && printf '%s\n' "$token" >"$token_file")
	why=$(rules | pfctl -a "$anchor" -f - 2>&1) || {
		remove
		fail 4 "pf cannot hold the rules" "$why"
	}
}

remove() {
	pfctl -a "$anchor" -F all
	[ -s "$token_file" ] && pfctl -X "$(cat "$token_file")"
	rm -f "$token_file"
} >/dev/null 2>&1

state() {
	if pfctl -a "$anchor" -s nat 2>/dev/null | grep -q '^rdr'; then echo "installed pf"; else echo "not installed"; fi
}

remove_kept() { :; } # nothing is

# Sets `holders` to the processes, but for this one and what it has just forked, that run `hold`.
find_holders() {
	holders=$(ps -axo pid=,ppid=,command= | awk -v me=$$ \
		'$1 != me && $2 != me && $4 ~ /redirect-macos\.sh$/ && $5 == "hold" { print $1 }')
}

check_options() {
	[ -z "$local_ports" ] ||
		fail 4 "cannot redirect local ports" "on lo0, pf does not tell our own connections from others"
	[ "$backend" = auto ] || usage "unknown backend $backend"
}

# shellcheck source=scripts/redirect-command.sh
. "$(dirname "$0")/redirect-command.sh"
