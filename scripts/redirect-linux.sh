#!/bin/sh
# Sends the outgoing connections of this machine (of this network namespace) to a port on loopback,
# for exactly as long as standard input stays open.
#
#   redirect-linux.sh hold --port P --gid G --ports 443,80
#                          [--local-ports 11434,1234] [--allow-quic] [--backend auto|nft|iptables]
#       Installs the rules, prints `ready`, and removes them at the end of standard input.
#       Connections of processes with the primary group G are left alone.
#   redirect-linux.sh cleanup [--all]   Removes what an older run left; --all also what is kept on purpose.
#   redirect-linux.sh status            Prints `installed nft`, `installed iptables` or `not installed` (exit 1).
#   redirect-linux.sh rules …           Prints the rules that hold would install (backend nft, iptables, ip6tables).
#
# Exit codes: 1 failed, 2 wrong usage, 3 no privilege, 4 a tool or kernel feature is missing.
#
# nft: the table has the owner flag (Linux 5.12), so it belongs to the `nft -i` that this process becomes;
# the kernel itself removes it when that process ends, however it ends.
# iptables: this process waits and removes; a second one stands in when it is killed.

set -u
bound=yes # as long as the kernel takes the rules for it
PATH="$PATH:/usr/sbin:/sbin"
export LC_ALL=C

# The exit code that the message of a failed tool stands for.
code_of() {
	case $1 in
	*"Operation not permitted"* | *"Permission denied"* | *"must be root"*) echo 3 ;;
	*) echo 4 ;;
	esac
}

have() { command -v "$1" >/dev/null 2>&1; }

scripts=$(dirname "$0")
# shellcheck source=scripts/redirect-linux-rules.sh
. "$scripts/redirect-linux-rules.sh"

# --- nft ----------------------------------------------------------------------------------------

# Returns with a reason on standard output when nft cannot hold the rules here.
nft_check() {
	have nft || { echo "nft is not installed"; return 1; }
	nft_rules 2>/dev/null | nft -c -f - 2>&1 # a tool that fails early does not read its input
}

hold_nft() {
	if ! nft list table inet oximy_keep >/dev/null 2>&1; then
		why=$(nft_keep_rules | nft -f - 2>&1) || fail "$(code_of "$why")" "cannot add the table oximy_keep" "$why"
	fi
	make_pipes in out
	exec 6<&0
	feed_nft "$dir" <&6 &
	exec nft -i <"$dir/in" >"$dir/out" 2>&1 6<&-
}

# Gives nft the rules as one line, which is one transaction, and then keeps its input open.
feed_nft() { # DIR
	exec 6<&- 3>"$1/in" 4<"$1/out"
	rm -rf "$1"
	{
		nft_rules | tr '\n' ';'
		echo
		echo "list table inet oximy"
	} >&3
	while IFS= read -r line <&4; do
		case $line in
		"}") break ;;
		*Error:*) fail 1 "cannot install the rules" "$line" ;;
		esac
	done
	[ "$line" = "}" ] || fail 1 "cannot install the rules" "nft ended"
	echo ready
	exec >/dev/null 2>&1
	wait_for_end
}

# --- iptables -----------------------------------------------------------------------------------

hold_iptables() {
	start_stand_in
	for family in 4 6; do
		why=$(install_iptables "$family") && continue
		[ "$family" = 6 ] || fail "$(code_of "$why")" "iptables cannot hold the rules" "$why"
		echo "oximy-redirect: IPv6 is not redirected: $(printf '%s' "$why" | tr '\n' ' ')" >&2
	done
	hold_until_end
}

install_iptables() { # FAMILY
	case $1 in 4) tool=iptables-restore ;; 6) tool=ip6tables-restore ;; esac
	have "$tool" || { echo "$tool is not installed"; return 1; }
	iptables_rules "$1" 2>/dev/null | $tool --noflush -w 5 >/dev/null 2>&1 && return
	bound=no
	iptables_rules "$1" 2>/dev/null | $tool --noflush -w 5 2>&1
}

# Takes the rules out of force. The chain OXIMY_OUT stays as it is, because live flows need its redirect
# (see nft_keep_rules); nothing leads into it any more.
remove() {
	for tool in iptables ip6tables; do
		have $tool || continue
		while $tool -w 5 -t nat -D OUTPUT -p tcp -j OXIMY_OUT; do :; done
		while $tool -w 5 -D OUTPUT -p udp --dport 443 -j OXIMY_QUIC; do :; done
		$tool -w 5 -F OXIMY_QUIC && $tool -w 5 -X OXIMY_QUIC
	done >/dev/null 2>&1
}

# What `remove` and the end of nft leave for live flows.
remove_kept() {
	have nft && nft delete table inet oximy_keep 2>/dev/null
	for tool in iptables ip6tables; do
		have $tool || continue
		$tool -w 5 -t nat -F OXIMY_OUT && $tool -w 5 -t nat -X OXIMY_OUT
	done >/dev/null 2>&1
}

# --- verbs --------------------------------------------------------------------------------------

hold() {
	wait_for_others
	[ "$(state)" = "not installed" ] || remove # an older run was killed together with its stand-in
	if [ "$backend" != iptables ] && ! nft_check >/dev/null; then bound=no; fi
	case $backend in
	nft)
		why=$(nft_check) || fail "$(code_of "$why")" "nft cannot hold the rules" "$why"
		hold_nft
		;;
	iptables) hold_iptables ;;
	auto)
		if why=$(nft_check); then hold_nft; fi
		[ "$(code_of "$why")" = 4 ] || fail 3 "nft cannot hold the rules" "$why"
		have iptables-restore || fail 4 "neither nft nor iptables can hold the rules" "$why"
		bound=yes
		hold_iptables
		;;
	esac
}

state() {
	if nft list table inet oximy; then
		echo "installed nft" >&3
	elif iptables -w 5 -t nat -C OUTPUT -p tcp -j OXIMY_OUT || ip6tables -w 5 -t nat -C OUTPUT -p tcp -j OXIMY_OUT; then
		echo "installed iptables" >&3
	else
		echo "not installed" >&3
	fi 3>&1 >/dev/null 2>&1
}

# Sets `holders` to the processes of this network namespace, but for this one, that run `hold`. For nft that is
# its feeder, with which it ends.
find_holders() {
	holders=''
	here=$(readlink /proc/self/ns/net)
	# shellcheck disable=SC2013 # these paths have no spaces
	for file in $(grep -als redirect-linux.sh /proc/[0-9]*/cmdline); do
		pid=${file#/proc/} pid=${pid%/cmdline}
		[ "$pid" = $$ ] && continue
		[ "$(readlink "/proc/$pid/ns/net")" = "$here" ] || continue
		# `sh …/redirect-linux.sh hold …`, and not a shell whose script mentions it.
		case $(tr '\n\0' ' \n' <"$file" | sed -n 2,3p | tr '\n' ' ') in
		*"redirect-linux.sh hold ") holders="$holders $pid" ;;
		esac
	done 2>/dev/null
}

rules() {
	case $backend in
	auto | nft) nft_rules ;;
	iptables) iptables_rules 4 ;;
	ip6tables) iptables_rules 6 ;;
	esac
}

check_options() {
	case $verb:$backend in
	*:auto | *:nft | *:iptables | rules:ip6tables) ;;
	*) usage "unknown backend $backend" ;;
	esac
}

# shellcheck source=scripts/redirect-command.sh
. "$scripts/redirect-command.sh"
