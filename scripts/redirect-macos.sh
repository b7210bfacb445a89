#!/bin/sh
# Sends the outgoing connections of this Mac to a port on loopback, for exactly as long as standard input
# stays open. The same verbs, output and exit codes as redirect-linux.sh:
#
#   redirect-macos.sh hold --port P --gid G --ports 443,80 [--local-ports 11434] [--allow-quic]
#   redirect-macos.sh cleanup [--all]      redirect-macos.sh status      redirect-macos.sh rules …
#
# While it holds, each line on standard input is an order with an answer of one line: see `take_orders`.
#
# The rules live in the pf anchor com.apple/oximy, because the stock /etc/pf.conf evaluates com.apple/* only.
# pf itself is switched on by reference (pfctl -E). What has to be given back stands in a file for cleanup: the
# reference, and the setting that keeps TCP from building segments that lo0 would drop. Other people's rules,
# /etc/pf.conf and the main switch (pfctl -d) are never touched. docs/macos.md has the sources of all this.

set -u
PATH="$PATH:/usr/sbin:/sbin"
export LC_ALL=C
anchor=com.apple/oximy
kept=/var/run/oximy-pf.token

# Not sent through the proxy: macOS 15 and newer ask for leave before a program may talk to the local network, and
# what is asked there would be the proxy. 198.18.0.0/15 is not among them: VPN clients name public hosts by it.
near="0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3"
near="$near ::1 fc00::/7 fe80::/10 ff00::/8"

# Addresses of nobody (RFC 5737, RFC 3849): the self-test's. They leave by the same way as most of the internet, also
# where a VPN has put two halves in front of the default route.
nobody4=192.0.2.1
nobody6=2001:db8::1

# rdr acts on what comes in, and cannot tell who sent it. So a filter rule bends outgoing packets to lo0, where rdr
# takes them, and marks them: what is not marked is never taken, so that nothing can go round in a circle.
# `user >= 0` leaves out what no socket of this machine sent (guests of virtual machines, Internet Sharing); the
# interface leaves out the transport of a VPN; without `quick`, the block rules of others win as they did before.
# The answers of our listener go back by lo0 whatever the routes say: to a tunnel's own address they would leave by it.
rules() {
	to="port { $ports }"
	echo "table <oximy_near> { $near }"
	rdr_rules
	pass_in_rule inet 127.0.0.1
	pass_in_rule inet6 ::1
	[ "$interface4" = - ] || bend_rules "$interface4" inet 127.0.0.1
	[ "$interface6" = - ] || bend_rules "$interface6" inet6 ::1
	[ -n "$local_ports" ] || return 0
	mark="port { $local_ports } user >= 0 group != $gid tag oximy flags S/SA keep state"
	echo "pass out on lo0 inet proto tcp from any to 127.0.0.0/8 $mark"
	echo "pass out on lo0 inet6 proto tcp from any to ::1 $mark"
}

rdr_rules() {
	all_ports="port { $ports${local_ports:+,$local_ports} }"
	echo "rdr on lo0 inet proto tcp from any to any $all_ports tagged oximy -> 127.0.0.1 port $port"
	echo "rdr on lo0 inet6 proto tcp from any to any $all_ports tagged oximy -> ::1 port $port"
}

pass_in_rule() { # FAMILY LOOPBACK
	echo "pass in quick on lo0 reply-to (lo0 $2) $1 proto tcp from any to $2 port $port tagged oximy flags S/SA keep state"
}

bend_rules() { # INTERFACE FAMILY LOOPBACK
	from="from any to ! <oximy_near>"
	echo "pass out on $1 route-to (lo0 $3) $2 proto tcp $from $to user >= 0 group != $gid tag oximy flags S/SA keep state"
	# Only people's programs use QUIC for AI; tunnels over UDP 443 are the system's, which ends below 500.
	[ "$quic" = allow ] || echo "block return out on $1 $2 proto udp $from port 443 user >= 500 group != $gid"
}

# Sets `interface4` and `interface6` to where connections to the internet leave by, `-` where there is no way.
find_interfaces() {
	interface4=- interface6=-
	[ "$only" = 6 ] || interface4=$(interface_to "$nobody4")
	[ "$only" = 4 ] || interface6=$(interface_to -inet6 "$nobody6")
}

interface_to() { # ROUTE'S ARGUMENTS
	found=$(route -n get "$@" 2>/dev/null | sed -n 's/^ *interface: *\([A-Za-z0-9_.-]*\) *$/\1/p')
	case $found in "" | lo[0-9]*) echo - ;; *) echo "$found" ;; esac
}

only='' # the family that is captured; both without one

# --- installing and watching --------------------------------------------------------------------

hold() {
	command -v pfctl >/dev/null || fail 4 "cannot install the rules" "pfctl is not there"
	wait_for_others
	[ "$(state)" = "not installed" ] || remove # an older run was killed together with its stand-in
	# pfctl warns on standard error even when all is well, so its exit code alone decides.
	find_interfaces
	why=$(rules | pfctl -n -a "$anchor" -f - 2>&1) || fail 4 "pf cannot hold the rules" "$why"
	evaluated || fail 4 "pf would not evaluate the rules" "$not_evaluated"
	start_stand_in
	install
	echo ready
	withdrawn=no
	take_orders
	exec >/dev/null
	remove
	kill -9 $! 2>/dev/null # the stand-in, or it would remove what the next one installs
}

# All is noted before it is done: a kill in between leaves nothing that cleanup does not know of.
install() {
	(umask 077 && printf 'port %s\n' "$port" >"$kept")
	keep_segments_small || give_up "TCP segments would be too large for lo0" "neither net.inet.tcp.tso nor its MTU can be set"
	pfctl -E >>"$kept" 2>&1 || give_up "cannot switch pf on" "$(cat "$kept")"
	why=$(load) || give_up "pf cannot hold the rules" "$why"
}

give_up() { # WHAT WHY
	remove
	fail 4 "$1" "$2"
}

# Replaces what the anchor had, in one step; prints why when it fails.
load() { rules | pfctl -a "$anchor" -f - 2>&1; }

# check     Puts back what others took away, follows the way out when it has changed: `ok IF4 IF6`, `renewed IF4 IF6`
#           when something was done, or `lost WHY`.
# withdraw  Takes the rules out; what connections that are open need stays. `withdrawn`.
# restore   Undoes that, and checks.
# only 4, only 6, both   Captures connections of these families from now on, and checks.
take_orders() {
	while read -r order; do
		case $order in
		check) check ;;
		withdraw)
			withdrawn=yes
			unload
			echo withdrawn
			;;
		restore)
			withdrawn=no
			check
			;;
		"only 4" | "only 6")
			only=${order#only }
			check
			;;
		both)
			only=''
			check
			;;
		*) echo "unknown" ;;
		esac
	done
}

check() {
	[ "$withdrawn" = no ] || { echo withdrawn && return; }
	before="$interface4 $interface6" did=ok
	find_interfaces
	if ! segments_are_small; then
		keep_segments_small || { echo "lost TCP segments are too large for lo0" && return; }
		did=renewed
	fi
	if ! pfctl -s info 2>/dev/null | grep -q '^Status: Enabled'; then
		pfctl -E >>"$kept" 2>&1 || { echo "lost pf was switched off, and cannot be switched on" && return; }
		did=renewed
	fi
	evaluated || { echo "lost $not_evaluated" && return; }
	if [ "$before" != "$interface4 $interface6" ] || ! loaded; then
		why=$(load) || { echo "lost pf cannot hold the rules: $(printf '%s' "$why" | tr '\n' ' ')" && return; }
		did=renewed
	fi
	echo "$did $interface4 $interface6"
}

not_evaluated="com.apple/* is not in the main rules of pf (sudo pfctl -f /etc/pf.conf loads them)"
evaluated() {
	pfctl -s nat 2>/dev/null | grep -q '^rdr-anchor "com.apple/\*"' &&
		pfctl -s rules 2>/dev/null | grep -q '^anchor "com.apple/\*"'
}

loaded() {
	pfctl -a "$anchor" -s nat 2>/dev/null | grep -q '^rdr' || return 1
	[ "$interface4 $interface6" = "- -" ] || pfctl -a "$anchor" -s rules 2>/dev/null | grep -q 'route-to'
}

# --- segments -----------------------------------------------------------------------------------

# For an interface that cuts segments itself TCP builds them of up to 64 KiB, and pf's route-to drops what exceeds
# lo0's MTU of 16384. So either TCP is told not to, or lo0 takes them.
keep_segments_small() {
	case $(sysctl -n net.inet.tcp.tso 2>/dev/null) in
	0) return 0 ;;
	?*)
		note "tso 1"
		sysctl -w net.inet.tcp.tso=0 >/dev/null 2>&1 && return 0
		;;
	esac
	mtu=$(mtu_of_lo0)
	[ -n "$mtu" ] && note "mtu $mtu" && ifconfig lo0 mtu 65535 2>/dev/null
}

segments_are_small() {
	[ "$(sysctl -n net.inet.tcp.tso 2>/dev/null)" = 0 ] || [ "$(mtu_of_lo0)" = 65535 ]
}

mtu_of_lo0() { ifconfig lo0 2>/dev/null | sed -n '1s/.* mtu \([0-9][0-9]*\).*/\1/p'; }

# The first note of a kind has what was there before us.
note() { # KIND-AND-VALUE
	grep -q "^${1%% *} " "$kept" 2>/dev/null || printf '%s\n' "$1" >>"$kept"
}

# --- removing -----------------------------------------------------------------------------------

# First no connection comes any more, then those that came end; what they need goes last. The last reference to pf
# switches it off, and with it the translation of every connection that is still open.
remove() {
	unload
	wait_for_flows
	give_back
} >/dev/null 2>&1

# Not -F all: states stay, and packets must not be bent once nothing takes them on lo0.
unload() {
	pfctl -a "$anchor" -F rules
	pfctl -a "$anchor" -F nat
	pfctl -a "$anchor" -F Tables
} >/dev/null 2>&1

# Until no connection to our listener is established, 10 s at most.
wait_for_flows() {
	to_port=$(sed -n 's/^port \([0-9][0-9]*\)$/\1/p' "$kept")
	tries=100
	while [ -n "$to_port" ] && flows_to "$to_port" && [ $tries -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
}

flows_to() { # PORT
	pfctl -s states | grep -e "127\.0\.0\.1:$1 " -e "::1\[$1\] " | grep -q 'ESTABLISHED:ESTABLISHED'
}

give_back() {
	# shellcheck disable=SC2013 # numbers
	for token in $(sed -n 's/^Token : \([0-9][0-9]*\)$/\1/p' "$kept"); do pfctl -X "$token"; done
	! grep -q '^tso 1$' "$kept" || sysctl -w net.inet.tcp.tso=1
	mtu=$(sed -n 's/^mtu \([0-9][0-9]*\)$/\1/p' "$kept")
	[ -z "$mtu" ] || ifconfig lo0 mtu "$mtu"
	rm -f "$kept"
}

state() {
	if pfctl -a "$anchor" -s nat 2>/dev/null | grep -q '^rdr'; then
		echo "installed pf"
	elif [ -e "$kept" ]; then
		echo "installed pf, for open connections only"
	else
		echo "not installed"
	fi
}

remove_kept() { :; } # nothing is

# Sets `holders` to the processes, but for this one and what it has just forked, that run `hold`. A path may have spaces.
find_holders() {
	holders=$(ps -axo pid=,ppid=,command= | awk -v me=$$ \
		'$1 != me && $2 != me && $3 ~ /sh$/ && $4 !~ /^-/ && / .*\/redirect-macos\.sh hold --/ { print $1 }')
}

check_options() {
	[ "$backend" = auto ] || usage "unknown backend $backend"
	[ "$verb" = hold ] || find_interfaces
}

# shellcheck source=scripts/redirect-command.sh
. "$(dirname "$0")/redirect-command.sh"
