# shellcheck shell=sh
# Who holds the redirect of this network namespace, and what must outlive it: for redirect-linux.sh.

run_dir=/run/oximy # for root alone, so that what is read here can be believed
netns=$(stat -Lc %i /proc/self/ns/net)
lock_file=$run_dir/redirect-$netns.lock
change_file=$run_dir/redirect-$netns.change

# --- processes ----------------------------------------------------------------------------------

# When a process began, in the kernel's ticks; with its number, nobody else is meant. Fails when it has ended, or is
# about to: it is a zombie, it exits (PF_EXITING), or SIGKILL waits for it. (proc_pid_stat(5), include/linux/sched.h)
start_of() { # PID
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	while read -r name value; do
		case $name:$value in SigPnd:*[13579bdf]?? | ShdPnd:*[13579bdf]??) return 1 ;; esac
	done 2>/dev/null <"/proc/$1/status"
	# shellcheck disable=SC2086 # these are its fields from the third on, and none has a space
	set -- ${stat##*) }
	case $1 in Z | X) return 1 ;; esac
	[ $(($7 & 4)) = 0 ] && echo "${20}"
}

alive() { # PID START
	[ -n "$1" ] && [ "$(start_of "$1")" = "$2" ]
}

# --- the lock -----------------------------------------------------------------------------------

# Takes the lock as descriptor 9, which goes with the last process that has it. The file says who holds it, and who
# asked for that. Refuses at once when both live; else the holder is just about to end.
take_lock() {
	have flock || fail 4 "cannot install the rules" "flock is not installed (it is part of util-linux)"
	[ -d "$run_dir" ] || (umask 077 && mkdir -p "$run_dir") || fail 1 "cannot install the rules" "$run_dir cannot be made"
	tries=200
	while :; do
		[ -f "$lock_file" ] || touch "$lock_file" || fail 1 "cannot install the rules" "$lock_file cannot be made"
		exec 9<>"$lock_file"
		if flock -n 9; then
			# Who held it before may have removed the file meanwhile.
			[ /proc/self/fd/9 -ef "$lock_file" ] && break
		else
			read_lock
			if alive "$holder" "$holder_start" && alive "$asker" "$asker_start"; then refuse; fi
			sleep 0.02
		fi
		tries=$((tries - 1))
		[ $tries -gt 0 ] || refuse
	done
	forget_dead_keepers
	echo "$$ $(start_of $$) $PPID $(start_of $PPID)" >"$lock_file"
	tries=50
	while [ "$(state)" != "not installed" ]; do
		remove_rules # an older run was killed together with its stand-in
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail 1 "cannot install the rules" "another process holds them already"
		sleep 0.02 # the kernel takes a moment to remove what belonged to a process
	done
}

read_lock() {
	holder='' holder_start='' asker='' asker_start=''
	read -r holder holder_start asker asker_start 2>/dev/null <"$lock_file"
}

refuse() { fail 1 "cannot install the rules" "process $asker holds them already"; }

is_locked() { [ -f "$lock_file" ] && ! flock -n "$lock_file" true; }

# Sets `holders` to the process that holds the rules, if there is one, and `asker` to who asked for it.
find_holders() {
	holders=''
	is_locked || return 0
	read_lock
	if alive "$holder" "$holder_start"; then holders=$holder; fi
}

# --- what live connections need -----------------------------------------------------------------

# A connection of ours lives as long as its socket on our side, which has the listener's port. (/proc/net/tcp:
# local address, remote address, state; 06 is TIME_WAIT, 07 CLOSE, 0A LISTEN)
flows_live() { # PORT
	grep -qs "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$1") [0-9A-F:]* 0[1-589BC] " /proc/net/tcp /proc/net/tcp6
}

# Starts the process that keeps live connections translated (see nft_keep_rules), also after this one, until none is
# left, or for an hour. The end of descriptor 8 tells it that the rules are out.
start_keeper() {
	make_pipes alive up in out
	first_keeper "$dir" &
	exec 8>"$dir/alive"
	read -r answer <"$dir/up"
	[ "$answer" = kept ] || fail 1 "cannot keep connections alive" "$answer"
}

# Descriptors are changed by `exec`, here and where other processes begin: for a redirected function, the shell would
# save the old ones, and what is forked from it would hold them for ever.
first_keeper() { # DIR
	exec 3>&- 7<"$1/alive" 9>&- >/dev/null 2>&1
	keep "$1/up"
}

keep() { # UP
	read -r me _ </proc/self/stat
	keep_file=$run_dir/keep-$netns-$me
	echo "$me $(start_of "$me") $port" >"$keep_file"
	answer=kept
	if keeps_table; then keep_table "$dir"; fi
	echo "$answer" >"$1"
	rm -rf "$dir"
	exec <&7
	wait_for_end
	looks=0
	while flows_live "$port" && [ $looks -lt 1825 ]; do
		looks=$((looks + 1))
		if [ $looks -lt 25 ]; then sleep 0.2 3>&-; else sleep 2 3>&-; fi # it outlives this by a moment
	done
	exec 3>&- # nft ends, and the kernel removes its table
	rm -f "$keep_file"
	exec 9<>"$lock_file"
	if flock -w 2 9; then # nobody holds rules that lead into what is removed here
		remove_chains
		rm -f "$lock_file" "$change_file"
	fi
}

keeps_table() {
	[ "$holds" = nft ] && return
	have nft && echo "add table inet oximy_keep_try { flags owner; }" | nft -c -f - >/dev/null 2>&1
}

# Has a child hold the table, under a name that no keeper of a run before has. Sets `answer` to `kept`, or why not.
keep_table() { # DIR
	table=oximy_keep number=1
	while found=$(nft list table inet $table 2>/dev/null) && case $found in *"flags owner"*) ;; *) false ;; esac do
		number=$((number + 1)) table=oximy_keep_$number
	done
	HOME=/dev/null nft -i <"$1/in" >"$1/out" 2>&1 7<&- 8>&- & # else it writes ~/.nft.history
	exec 3>"$1/in" 4<"$1/out"
	{
		# What an older version left under the name is replaced, in one transaction.
		[ -z "$found" ] || echo "delete table inet $table"
		nft_keep_rules $table
	} | tr '\n' ';' >&3
	printf '\nlist table inet %s\n' $table >&3
	while IFS= read -r line <&4; do
		case $line in
		"}") break ;;
		*Error:*) break ;;
		esac
	done
	[ "$line" = "}" ] || answer=$line
	keep_again &
	exec 4<&-
}

# The table is gone with its nft: while there are rules, or may be, another one is made.
keep_again() {
	exec 3>&-
	while read -r _ <&4; do :; done
	exec 4<&-
	alive "$holder_pid" "$holder_began" || return
	make_pipes in out
	keep /dev/null
}

# A keeper that was killed, or whose namespace went, has left its file.
forget_dead_keepers() {
	for file in "$run_dir/keep-"*; do
		read -r pid start _ 2>/dev/null <"$file" || continue
		alive "$pid" "$start" || rm -f "$file"
	done
}

# Ends keepers that have nothing to keep; with `--all`, every one. What is left is then removed. Fails when one stays.
end_keepers() {
	keepers=none
	for file in "$run_dir/keep-$netns-"*; do
		read -r pid start kept_port 2>/dev/null <"$file" || continue
		if alive "$pid" "$start"; then
			[ "$all" = no ] && flows_live "$kept_port" && keepers=some && continue
			kill -9 "$pid" # its nft ends with it
		fi
		rm -f "$file"
	done
	[ $keepers = none ] || return
	remove_chains
	tries=50
	# One without an owner is of an older version.
	while have nft && nft list tables inet 2>/dev/null | grep -q 'oximy_keep' && [ $tries -gt 0 ]; do
		nft delete table inet oximy_keep 2>/dev/null || sleep 0.02
		tries=$((tries - 1))
	done
}
