#!/bin/sh
# Makes the named pipe of a key log and sees to its end. The folder's name comes on the first line of standard input,
# so that it is in no argument and in no environment of ours: whose environment has it, may open the pipe.
#
# While standard input is open, somebody else reads. When it ends, in whatever way that somebody ended, what is written is
# thrown away, because programs wait for ever to open a pipe that nobody reads; and when no process can open it any
# more, pipe and folder are removed. `ready` is printed once the pipe is there, `holding` when it is still needed at the end.
trap '' HUP INT TERM PIPE
cd / || exit 1
IFS= read -r folder || exit 1
pipe=$folder/keys
mkfifo -m 600 "$pipe" || exit 1
exec 3<>"$pipe" || exit 1
echo ready

while read -r _; do :; done

# Whether a process has the pipe open, or was told in its environment where it is. Of other users' processes neither
# can be told; they cannot open it either.
in_use() {
	if [ -d /proc/self ]; then
		grep -qsF -- "$folder/" /proc/[0-9]*/environ && return 0
		(
			exec 3>&-
			find /proc/[0-9]*/fd -lname "$pipe" 2>/dev/null | grep -qv -e "^/proc/$$/" -e "^/proc/$reader/"
		)
	else
		case $(ps -axww -E -o command= 2>/dev/null) in *"$folder/"*) return 0 ;; esac
		return 1
	fi
}

# The folder goes first: who opens the pipe now finds no place where a file could be made instead.
remove() {
	mv "$folder" "$folder.gone" && rm -f "$folder.gone/keys" && rmdir "$folder.gone"
	kill "$reader"
}

cat <&3 >/dev/null &
reader=$!
trap 'remove 2>/dev/null; exit 0' TERM
pause=1
# Twice: a process that just becomes another program has no environment for a moment.
while in_use || in_use; do
	[ $pause = 1 ] && echo holding
	exec >/dev/null
	sleep $pause &
	wait $!
	[ $pause -lt 16 ] && pause=$((pause * 2))
done 2>/dev/null
remove 2>/dev/null
exit 0
