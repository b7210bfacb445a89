#!/bin/sh
# Sends the outgoing connections of this machine (of this network namespace) to a port on loopback,
# for exactly as long as standard input stays open.
#
#   redirect-linux.sh hold --port P --gid G --ports 443,80
#                          [--local-ports 11434,1234] [--allow-quic] [--backend auto|nft|iptables]
#       Installs the rules, prints `ready`, and removes them at the end of standard input.
#       Connections of processes with the primary group G are left alone.
#   redirect-linux.sh cleanup [--all]   Ends the run that holds the rules, and removes what is left of it; --all also
#                                       what live connections still need.
#   redirect-linux.sh status            Prints `installed nft`, `installed iptables` or `not installed` (exit 1).
#   redirect-linux.sh holder            Prints the process that asked for the rules that are held (exit 1: none are).
#   redirect-linux.sh rules …           Prints the rules that hold would install (backend nft, iptables, ip6tables).
#
# Exit codes: 1 failed, 2 wrong usage, 3 no privilege, 4 a tool or kernel feature is missing.
#
# nft: the table has the owner flag (Linux 5.12), so it belongs to the `nft -i` that this process becomes;
# the kernel itself removes it when that process ends, however it ends.
# iptables: this process waits and removes; a second one stands in when it is killed, and a third looks whether the
# rules are still there.
# Either way a process stays that keeps live connections going (redirect-linux-life.sh), until there are none.

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
# shellcheck source=scripts/redirect-linux-life.sh
. "$scripts/redirect-linux-life.sh"

# --- nft ----------------------------------------------------------------------------------------

# Sets `why` to a reason when nft cannot hold the rules here, and `bound` to whether it can tell bound sockets.
nft_check() {
	have nft || { why="nft is not installed" && return 1; }
	for bound in yes no; do
		why=$(nft_rules 2>/dev/null | nft -c -f - 2>&1) && return # a tool that fails early does not read its input
	done
	return 1
}

hold_nft() {
	holds=nft
	start_keeper
	make_pipes in out
	exec 6<&0
	feed_nft "$dir" &
	exec env HOME=/dev/null nft -i <"$dir/in" >"$dir/out" 2>&1 6<&- # else it writes ~/.nft.history
}

# Gives nft the rules as one line, which is one transaction, and then keeps its input open.
feed_nft() { # DIR
	exec <&6 3>"$1/in" 4<"$1/out" 6<&- 8>&- 9>&-
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
	holds=iptables
	start_keeper
	families="4 6"
	start_guard
	why=$(install_iptables 4) || bound=no
	[ $bound = yes ] || why=$(install_iptables 4) || fail "$(code_of "$why")" "iptables cannot hold the rules" "$why"
	why=$(install_iptables 6) || {
		families=4
		echo "oximy-redirect: IPv6 is not redirected: $(printf '%s' "$why" | tr '\n' ' ')" >&2
	}
	look_after &
	echo $! >&3
	echo ready
	exec >/dev/null
	wait_for_end
	end_looking $!
	remove_own_rules
	kill -9 $guard 2>/dev/null # or it would remove them again
}

# Starts the process that removes the rules should this one be killed: the pipe between them ends with this one.
start_guard() {
	make_pipes alive
	guard "$dir" &
	guard=$!
	exec 3>"$dir/alive"
	rm -rf "$dir"
}

guard() { # DIR
	exec <"$1/alive" >/dev/null 2>&1 8>&-
	looker=''
	while read -r said; do looker=$said; done
	[ -z "$looker" ] || end_looking "$looker"
	remove_own_rules
}

# Another program may take all rules of the machine, as firewalls do that load their own anew: they are put back.
look_after() {
	exec 3>&- 8>&- >/dev/null
	looks=0
	while sleep 2 2>/dev/null 9>&-; do # it outlives this by a moment
		exec 5>"$change_file"
		flock 5
		alive "$holder_pid" "$holder_began" || break
		looks=$((looks + 1))
		for family in $families; do
			in_place "$family" && continue
			remove_rules "$family"
			if why=$(install_iptables "$family"); then
				echo "oximy-redirect: another program removed the rules; they are back" >&2
			else
				echo "oximy-redirect: another program removed the rules, and they cannot be put back: $why" >&2
			fi
		done
		exec 5>&-
	done
	remove_rules # killed, and its guard too
}

# The process does not look again, nor is it at it.
end_looking() { # PID
	exec 5>"$change_file"
	flock 5
	kill -9 "$1"
} 2>/dev/null

tool_of() { # FAMILY
	case $1 in 4) echo iptables ;; 6) echo ip6tables ;; esac
}

in_place() { # FAMILY
	tool=$(tool_of "$1")
	$tool -w 5 -t nat -C OUTPUT -p tcp -j OXIMY_OUT || return
	[ $((looks % 5)) = 0 ] || return 0 # the other tables go with it, as a rule
	if [ "$bound" = yes ]; then $tool -w 5 -t mangle -C POSTROUTING ! -o lo -p tcp -j OXIMY_BOUND || return; fi
	if [ "$quic" = reject ]; then $tool -w 5 -C OUTPUT -p udp --dport 443 -j OXIMY_QUIC || return; fi
} >/dev/null 2>&1

install_iptables() { # FAMILY
	restore=$(tool_of "$1")-restore
	have "$restore" || { echo "$restore is not installed"; return 1; }
	iptables_rules "$1" 2>/dev/null | $restore --noflush -w 5 2>&1
}

# Takes out what this run installed: one process for each family. Where something of it is gone already, step by step.
remove_own_rules() {
	for family in $families; do
		removal | "$(tool_of "$family")-restore" --noflush -w 5 >/dev/null 2>&1 || remove_rules "$family"
	done
}

removal() {
	printf '%s\n' "*nat" "-D OUTPUT -p tcp -j OXIMY_OUT" COMMIT
	[ "$bound" = no ] ||
		printf '%s\n' "*mangle" "-D POSTROUTING ! -o lo -p tcp -j OXIMY_BOUND" "-F OXIMY_BOUND" "-X OXIMY_BOUND" COMMIT
	[ "$quic" = allow ] ||
		printf '%s\n' "*filter" "-D OUTPUT -p udp --dport 443 -j OXIMY_QUIC" "-F OXIMY_QUIC" "-X OXIMY_QUIC" COMMIT
}

# Takes the rules out of force. The chain OXIMY_OUT stays as it is, because live flows need its redirect
# (see nft_keep_rules); nothing leads into it any more.
remove_rules() { # [FAMILY]
	for tool in $(tool_of "${1-4}") $(tool_of "${1-6}"); do
		has_ours "$tool" || continue
		while $tool -w 5 -t nat -D OUTPUT -p tcp -j OXIMY_OUT; do :; done
		while $tool -w 5 -t mangle -D POSTROUTING ! -o lo -p tcp -j OXIMY_BOUND; do :; done
		while $tool -w 5 -D OUTPUT -p udp --dport 443 -j OXIMY_QUIC; do :; done
		$tool -w 5 -t mangle -F OXIMY_BOUND && $tool -w 5 -t mangle -X OXIMY_BOUND
		$tool -w 5 -F OXIMY_QUIC && $tool -w 5 -X OXIMY_QUIC
	done >/dev/null 2>&1
}

has_ours() { # TOOL
	if saved=$("$1-save" 2>/dev/null); then
		case $saved in *OXIMY_*) return ;; *) return 1 ;; esac
	fi
	# One rule of another program's that the tool cannot read keeps it from telling of all others, in any table.
	$1 -w 5 -t nat -S OXIMY_OUT || $1 -w 5 -t mangle -S OXIMY_BOUND || $1 -w 5 -S OXIMY_QUIC
} >/dev/null 2>&1

# What `remove_rules` leaves for live flows.
remove_chains() {
	for tool in iptables ip6tables; do
		has_ours $tool || continue
		$tool -w 5 -t nat -F OXIMY_OUT && $tool -w 5 -t nat -X OXIMY_OUT
	done >/dev/null 2>&1
}

# --- verbs --------------------------------------------------------------------------------------

hold() {
	look_around
	take_lock
	holder_pid=$$ holder_began=$(start_of $$)
	case $backend in
	nft)
		nft_check || fail "$(code_of "$why")" "nft cannot hold the rules" "$why"
		hold_nft
		;;
	iptables) hold_iptables ;;
	auto)
		if nft_check; then hold_nft; fi
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

# For `cleanup`, after whoever held the rules was killed.
remove() {
	tries=50
	while is_locked && [ $tries -gt 0 ]; do tries=$((tries - 1)) && sleep 0.02; done # its guard is at it
	remove_rules
	end_keepers
}

remove_kept() { :; } # `remove` has done so

rules() {
	look_around
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
