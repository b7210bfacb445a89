# shellcheck shell=sh
# The command line of redirect-linux.sh and redirect-macos.sh, which read this at their end, and the life of what
# holds rules. They define `hold`, `rules`, `state` (prints `installed …` or `not installed`), `remove` (takes the
# rules out, as often as it is called), `remove_kept`, `find_holders` (sets `holders`) and `check_options`.

fail() { # CODE WHAT WHY
	printf 'oximy-redirect: %s: %s\n' "$2" "$(printf '%s' "$3" | tr '\n' ' ')" >&2
	exit "$1"
}

# --- the life of a holder -----------------------------------------------------------------------

# Sets `dir` to a new folder with these pipes in it.
make_pipes() { # NAME…
	dir=$(mktemp -d /tmp/oximy-redirect.XXXXXX) || fail 1 "cannot make a pipe" "/tmp is not writable"
	(cd "$dir" && mkfifo "$@")
}

# Starts the process that removes the rules should this one be killed: the pipe between them ends with this one.
start_stand_in() {
	make_pipes alive
	stand_in "$dir" &
	exec 3>"$dir/alive"
	rm -rf "$dir"
}

stand_in() { # DIR
	exec <"$1/alive" >/dev/null 2>&1
	wait_for_end
	remove
}

hold_until_end() {
	echo ready
	exec >/dev/null
	wait_for_end
	remove
	kill -9 $! 2>/dev/null # the stand-in, or it would remove what the next one installs
}

# Reads until end-of-file, in this very process: a child such as cat would outlive a kill of it.
wait_for_end() {
	while read -r _; do :; done
}

# Another `hold` may be just about to end, and must not remove what this one installs.
wait_for_others() {
	tries=50
	while find_holders && [ -n "$holders" ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail 1 "cannot install the rules" "another process holds them already"
		sleep 0.02
	done
}

cleanup() {
	find_holders
	for pid in $holders; do kill -9 "$pid" 2>/dev/null; done
	remove
	[ "$all" = no ] || remove_kept
	# The kernel takes a moment to remove what belonged to a process.
	tries=50
	while [ "$(state)" != "not installed" ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail 1 "cannot remove the rules" "they are still $(state)"
		sleep 0.02
	done
}

status() {
	now=$(state)
	echo "$now"
	[ "$now" != "not installed" ]
}

# Prints the process that asked for what is held; where the script knows no `asker`, the one that holds it.
holder() {
	asker=''
	find_holders
	[ -n "$holders" ] && echo "${asker:-$holders}"
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

# To be called as $(words …): it changes how words are split.
words() {
	IFS=,
	# shellcheck disable=SC2086 # that is what it is for
	set -- $1
	IFS=' '
	echo "$*"
}

port_list() { # NAME VALUE
	for p in $(words "$2"); do number "$1" "$p" 65535; done
	case $2 in *[!0-9,]* | ,* | *, | *,,*) usage "$1 must be ports with commas between, not '$2'" ;; esac
}

verb=${1-}
[ $# -gt 0 ] && shift
port='' gid='' ports='' local_ports='' quic=reject backend=auto all=no
# shellcheck disable=SC2034 # the scripts read them
while [ $# -gt 0 ]; do
	case $1 in
	--allow-quic) quic=allow ;;
	--all) all=yes ;;
	--port | --gid | --ports | --local-ports | --backend)
		[ $# -ge 2 ] || usage "$1 needs a value"
		case $1 in
		--port) port=$2 ;;
		--gid) gid=$2 ;;
		--ports) ports=$2 ;;
		--local-ports) local_ports=$2 ;;
		--backend) backend=$2 ;;
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
	[ -n "$ports" ] || usage "--ports is missing"
	port_list --ports "$ports"
	port_list --local-ports "$local_ports"
	check_options
	;;
cleanup | status | holder) ;;
*) usage "hold, cleanup, status, holder or rules, not '$verb'" ;;
esac
[ "$verb" = rules ] || [ "$(id -u)" = 0 ] || fail 3 "$verb" "this needs root"
# From a terminal, Ctrl-C goes to the whole group; the end of standard input is what counts.
[ "$verb" = hold ] && trap '' INT QUIT TERM HUP PIPE
"$verb"
