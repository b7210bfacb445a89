#!/bin/sh
# Waits for the end of standard input, and then removes the labs named, with all that runs in them.
# Its own session and deaf to signals: it is what is left to clean up, whatever ended the tests.
trap '' INT QUIT TERM HUP PIPE
while read -r _; do :; done
for id; do
	for path in "/run/netns/$id"-*; do
		name=${path##*/}
		for pid in $(ip netns pids "$name"); do kill -9 "$pid"; done
		ip netns del "$name"
		rm -rf "/etc/netns/$name"
	done
	rm -rf "/tmp/$id"
	# Those of containers, which are made beside the lab.
	find /sys/fs/cgroup/"$id" /sys/fs/cgroup/unified/"$id" -depth -type d -exec rmdir {} \;
done 2>/dev/null
rmdir /etc/netns 2>/dev/null
exit 0
