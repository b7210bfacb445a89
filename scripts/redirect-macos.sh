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

fail() { # CODE WHAT WHY
	printf 'oximy-redirect: %s: %s\n' "$2" "$(printf '%s' "$3" | tr '\n' ' ')" >&2
	exit "$1"
}

need_root() {
	[ "$(id -u)" = 0 ] || fail 3 "$verb" "this needs root"
}

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
	need_root
	command -v pfctl >/dev/null || fail 4 "cannot install the rules" "pfctl is not there"
	# From a terminal, Ctrl-C goes to the whole group; the end of standard input is what counts.
	trap '' INT QUIT TERM HUP PIPE
	[ "$(state)" = "not installed" ] || fail 1 "cannot install the rules" "they are installed pf already"
	# pfctl warns on standard error even when all is well, so its exit code alone decides.
	why=$(rules | pfctl -n -a "$anchor" -f - 2>&1) || fail 4 "pf cannot hold the rules" "$why"
	pfctl -s nat 2>/dev/null | grep -q 'rdr-anchor "com.apple/\*"' ||
		fail 4 "pf would not evaluate the rules" "com.apple/* is not in its main rules (pfctl -f /etc/pf.conf loads them)"
	dir=$(mktemp -d /tmp/oximy-redirect.XXXXXX) || fail 1 "cannot make a pipe" "/tmp is not writable"
	mkfifo "$dir/alive"
	stand_in "$dir" &
	exec 3>"$dir/alive"
	rm -rf "$dir"
	install
	echo ready
	exec >/dev/null
	wait_for_end
	remove
	kill -9 $! 2>/dev/null
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

# Removes when the holder is gone without having done so.
stand_in() { # DIR
	exec <"$1/alive" >/dev/null 2>&1
	wait_for_end
	remove
}

# Reads until end-of-file, in this very process: a child such as cat would outlive a kill of it.
wait_for_end() {
	while read -r _; do :; done
}

state() {
	if pfctl -a "$anchor" -s nat 2>/dev/null | grep -q '^rdr'; then echo "installed pf"; else echo "not installed"; fi
}

status() {
	need_root
	now=$(state)
	echo "$now"
	[ "$now" != "not installed" ]
}

cleanup() {
	need_root
	for holder in $(ps -axo pid=,command= | awk '$3 ~ /redirect-macos\.sh$/ && $4 == "hold" { print $1 }'); do
		kill -9 "$holder"
	done
	remove
	[ "$(state)" = "not installed" ] || fail 1 "cannot remove the rules" "they are still installed pf"
}

# --- command line -------------------------------------------------------------------------------

usage() { fail 2 "wrong usage" "$1"; }

number() { # NAME VALUE MAX
	case $2 in
	"" | *[!0-9]*) usage "$1 must be a number, not '$2'" ;;
	esac
	# The length comes first: a shell's arithmetic overflows.
	if [ ${#2} -gt 10 ] || [ "$2" -lt 1 ] || [ "$2" -gt "$3" ]; then
		usage "$1 must be from 1 to $3, not $2"
	fi
}

verb=${1-}
[ $# -gt 0 ] && shift
port='' gid='' ports='' quic=reject
while [ $# -gt 0 ]; do
	case $1 in
	--allow-quic) quic=allow ;;
	--all) ;; # nothing is kept on purpose here
	--local-ports) fail 4 "cannot redirect local ports" "on lo0, pf does not tell our own connections from others" ;;
	--port | --gid | --ports)
		[ $# -ge 2 ] || usage "$1 needs a value"
		case $1 in
		--port) port=$2 ;;
		--gid) gid=$2 ;;
		--ports) ports=$2 ;;
		esac
		shift
		;;
	*) usage "unknown option $1" ;;
	esac
	shift
done

case $verb in
hold | rules)
	number --port "$port" 65535
	number --gid "$gid" 2147483647
	case $ports in
	"") usage "--ports is missing" ;;
	*[!0-9,]* | ,* | *, | *,,*) usage "--ports must be ports with commas between, not '$ports'" ;;
	esac
	for p in $(printf '%s' "$ports" | tr ',' ' '); do number --ports "$p" 65535; done
	"$verb"
	;;
cleanup | status) "$verb" ;;
*) usage "hold, cleanup, status or rules, not '$verb'" ;;
esac
