#!/bin/bash
# Inside the virtual machine of verify-service.sh, at each start of it: the steps that are left. Prints "ok" and "not ok".
set -u
OXIMY="/usr/local/bin/node /usr/local/lib/oximy/dist/cli/main.js"
STATE=/var/lib/verify
NAME=api.openai.com
mkdir -p "$STATE"

check() { # TEXT COMMAND…
	local text=$1
	shift
	if "$@" >"$STATE/output" 2>&1; then echo "ok - $text"; else
		echo "not ok - $text"
		sed 's/^/# /' "$STATE/output" | tail -n 15
		grep -ohE '"reason":"[a-z_]+"' /home/ana/.oximy/traces/* 2>/dev/null | sort | uniq -c | sed 's/^/# events: /'
		journalctl -b -u oximy -n 8 --no-pager -o cat | sed 's/^/# oximy: /'
	fi
}
# SECONDS COMMAND…: until it succeeds
within() {
	local end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 1
	done
}

# The internet: a namespace with the built-in server of OpenAI's API.
internet() {
	ip link set lo up
	ip netns add internet && ip link add out type veth peer name in netns internet
	ip addr add 203.0.113.1/24 dev out && ip link set out up
	ip -n internet addr add 203.0.113.2/24 dev in && ip -n internet link set in up
	ip route add default via 203.0.113.2 # without one capture does not begin
	grep -q "$NAME" /etc/hosts || echo "203.0.113.2 $NAME" >>/etc/hosts
	[ -e "$STATE/key.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout "$STATE/key.pem" -out "$STATE/cert.pem" \
		-subj "/CN=$NAME" -addext "subjectAltName=DNS:$NAME" -days 30 2>/dev/null
	local config="{\"hosts\":[\"203.0.113.2\"],\"port\":443,\"keyFile\":\"$STATE/key.pem\",\"certFile\":\"$STATE/cert.pem\"}"
	sleep infinity | ip netns exec internet /usr/local/bin/node /usr/local/lib/oximy/dist/lab/ai-server-main.js "$config" >"$STATE/server.log" &
	within 120 grep -q ports "$STATE/server.log"
}
# A container of Docker's: a network behind the machine's, told by its control group.
BOX=/sys/fs/cgroup/docker/$(printf '0123456789abcdef%.0s' 1 2 3 4)
container() {
	ip netns add box && ip link add box0 type veth peer name eth0 netns box
	ip addr add 172.17.0.1/16 dev box0 && ip link set box0 up
	ip -n box link set lo up && ip -n box link set eth0 up
	ip -n box addr add 172.17.0.2/16 dev eth0 && ip -n box route add default via 172.17.0.1
	echo 1 >/proc/sys/net/ipv4/ip_forward
	nft 'add table ip docker; add chain ip docker post { type nat hook postrouting priority 100; };
		add rule ip docker post ip saddr 172.17.0.0/16 oifname "out" masquerade'
	mkdir -p "$BOX"
	in_container sleep infinity </dev/null >/dev/null 2>&1 &
}
# shellcheck disable=SC2016 # the inner shell's
in_container() { nsenter --net=/run/netns/box sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$BOX" "$@"; }
call() { "$@" setpriv --reuid 1000 --regid 1000 --clear-groups curl -sS -m 30 -o /dev/null --cacert "$STATE/cert.pem" \
	-H 'Content-Type: application/json' -d '{"model":"gpt-4","messages":[{"role":"user","content":"Hello"}]}' \
	"https://$NAME/v1/chat/completions"; }
# Events that were read in full, below the home of whose events these are.
read_events() { cat /home/ana/.oximy/traces/* 2>/dev/null | grep -c '"trace_level":"full"'; }
more_events_than() { [ "$(read_events)" -gt "$1" ]; }
reads_a_call() { # [in_container]
	local before
	before=$(read_events)
	call "$@" && within 10 more_events_than "$before"
}
# A call may come before the redirect of its network.
reads_a_call_of_a_container() { reads_a_call in_container && grep -q '"container"' /home/ana/.oximy/traces/*; }

# What a machine has of rules, routes, probes, settings, programs and files, but for what logs and locks change by themselves.
machine() {
	echo "# rules" && nft list ruleset
	echo "# routes" && { ip rule && ip -6 rule && ip route show table all; } | sed 's/ *linkdown//'
	echo "# probes" && cat /sys/kernel/tracing/uprobe_events /sys/kernel/tracing/kprobe_events
	echo "# settings" && sysctl -a 2>/dev/null | grep -E '^net\.(ipv4\.(conf|ip_|tcp_|ping)|ipv6\.conf)|^kernel\.(core|yama|perf|unpriv)'
	echo "# programs" && pgrep -fa 'oximy' | grep -vE 'verify|ai-server' | cut -d' ' -f2-
	echo "# files" && find /etc /home -xdev -type f ! -path '/home/ana/.oximy/*' ! -name 'oximy.service' -exec sha256sum {} + | sort -k2
}
as_before() { machine >"$STATE/after" && diff "$STATE/before" "$STATE/after"; }
none_but() { [ -z "$("$@")" ]; } # COMMAND…: it prints nothing
main_pid() { systemctl show -P MainPID oximy; }
restarted() { [ "$(main_pid)" != "$1" ] && [ "$(systemctl is-active oximy)" = active ]; }

echo # the firmware leaves a line open
internet || echo "not ok - the internet of the guest"
container || echo "not ok - the container of the guest"
case $(cat "$STATE/stage" 2>/dev/null) in
"")
	call || echo "not ok - a call before anything is installed"
	call in_container || echo "not ok - a call of the container before anything is installed"
	machine >"$STATE/before"
	export SUDO_UID=1000 SUDO_GID=1000 SUDO_USER=ana
	# shellcheck disable=SC2086 # two words
	check "oximy service install" $OXIMY service install
	check "it runs" systemctl is-active oximy
	systemd-analyze security oximy --no-pager | tail -n 1 | sed 's/^/# /'
	echo 2 >"$STATE/stage"
	sync
	systemctl reboot
	;;
2)
	check "it starts with the machine" within 240 systemctl is-active --quiet oximy
	grep -E '^(NoNewPrivs|Seccomp|CapBnd)' "/proc/$(main_pid)/status" | sed 's/^/# /'
	check "a call is read, into the user's home" within 120 reads_a_call
	check "a call of a container is read" within 120 reads_a_call_of_a_container
	check "its files are the user's" none_but find /home/ana/.oximy ! -user ana
	check "systemctl stop" systemctl stop oximy
	check "after it the machine is as it was" within 60 as_before
	check "calls go on" call
	check "systemctl start" systemctl start oximy
	check "a call is read again" within 120 reads_a_call
	stopped=$(main_pid)
	kill -STOP "$stopped"
	sleep 3
	check "calls go on while it hangs" within 6 call
	check "the watchdog starts it again" within 300 restarted "$stopped"
	check "a call is read after that" within 120 reads_a_call
	# shellcheck disable=SC2086
	check "oximy service uninstall" $OXIMY service uninstall
	check "after it the machine is as it was, without the unit" within 60 as_before
	check "nothing is left of the unit" none_but find /etc/systemd -name 'oximy*'
	check "nothing was refused by its filter of system calls" sh -c '! journalctl -k | grep -i "seccomp.*oximy"'
	echo "the end"
	sync
	systemctl poweroff
	;;
esac
