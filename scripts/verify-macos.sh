#!/bin/bash
# Runs Oximy on a real Mac and prints a report to paste into an issue. From a checkout, or from an installed package:
#
#   scripts/verify-macos.sh              asks for sudo once; some checks need you at the screen
#   scripts/verify-macos.sh --unattended for CI: no screen, no sleep, no VPN
#
# Nothing stays: the capture is ended, `oximy cleanup` is run, and what is in force after is compared with before.
# For bash 3.2, which macOS has.
set -u
cd "$(dirname "$0")/.." || exit 1
attended=yes
[ "${1-}" = --unattended ] && attended=no
[ "$(uname)" = Darwin ] || { echo "This is for macOS." >&2; exit 2; }

work=$(mktemp -d /tmp/oximy-verify.XXXXXX)
report="$work/report.md"
failures=0
starter=''
root_oximy() { sudo node "$PWD/dist/cli/main.js" "$@"; }

say() { echo "$*" | tee -a "$report"; }
row() { # RESULT WHAT DETAIL
	say "| $1 | $2 | ${3-} |"
	[ "$1" != FAIL ] || failures=$((failures + 1))
}
check() { # WHAT COMMAND…: passes when the command does
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then row ok "$what"; else row FAIL "$what" "$(echo "$output" | tail -1 | tr '|' '/')"; fi
}
wait_for() { # SECONDS COMMAND…
	local tries=$(($1 * 5))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.2
	done
}
ask() { # QUESTION: waits for Return; fails unattended
	[ $attended = yes ] || return 1
	printf '\n>>> %s Then press Return, or s and Return to skip. ' "$1" >&2
	local answer
	read -r answer
	[ "$answer" != s ]
}

# What must be as it was.
state_of_machine() {
	sudo pfctl -s info 2>/dev/null | sed -n 's/^\(Status: [A-Za-z]*\).*/\1/p'
	sudo pfctl -a com.apple/oximy -s rules 2>/dev/null
	sudo pfctl -a com.apple/oximy -s nat 2>/dev/null
	sysctl net.inet.tcp.tso
	ifconfig lo0 | sed -n '1s/.*\(mtu [0-9]*\).*/\1/p'
	ls /var/run/oximy-pf.token 2>/dev/null
}

start() {
	: >"$work/log"
	# shellcheck disable=SC2024 # the log is ours
	sudo node "$PWD/dist/cli/main.js" local --output-dir "$work/traces" --no-install-ca --verbose >"$work/log" 2>&1 </dev/null &
	starter=$!
	wait_for 30 grep -q "Capturing AI traffic" "$work/log"
}
supervisor() { pgrep -f "dist/cli/main.js local --output-dir $work/traces" | while read -r pid; do
	[ "$(ps -o comm= -p "$pid" | sed 's#.*/##')" = sudo ] || echo "$pid"
done | head -1; }
stop() { # SIGNAL
	local pid
	pid=$(supervisor)
	[ -z "$pid" ] || sudo kill "-$1" "$pid"
	[ -z "$starter" ] || wait "$starter" 2>/dev/null
}
finish() {
	stop INT >/dev/null 2>&1
	root_oximy cleanup >/dev/null 2>&1
	sudo rm -rf "$work/traces"
	say ""
	say "$failures failures."
	echo "The report is in $report" >&2
}
captures() { # BUNDLE-ID-OR-NAME: an event of that client is there
	cat "$work"/traces/*.jsonl 2>/dev/null | grep -q "$1"
}
fetch() { curl -sS -o /dev/null -m 60 "$@"; }
traced() { fetch https://api.openai.com/v1/models; wait_for 10 captures '"name":"curl"'; }
rules_are_out() { ! sudo pfctl -a com.apple/oximy -s nat 2>/dev/null | grep -q '^rdr'; }
# What comes of the stream in $stream, into $work/stream, from which $streamed bytes had come.
stream_goes_on_or_ends() { ! kill -0 "$stream" 2>/dev/null || [ "$(wc -c <"$work/stream")" -gt "$streamed" ]; }
tso_is() { [ "$(sysctl -n net.inet.tcp.tso)" = "$1" ]; }

say "## Oximy on macOS $(sw_vers -productVersion) ($(uname -rm)), node $(node --version)"
say ""
say "| result | what | detail |"
say "|---|---|---|"
sudo -v || exit 3
trap finish EXIT
[ -e dist/cli/main.js ] || { npm install && npm run -s build; } >"$work/build" 2>&1
check "the addon loads" node -e "import('$PWD/dist/attribution/native.js').then(({loadNative}) => { if (loadNative().implementation !== 'darwin') process.exit(1) })"
root_oximy cleanup >/dev/null 2>&1
before=$(state_of_machine)

check "the text of the rules is taken by pfctl" sh -c 'sh scripts/redirect-macos.sh rules --port 15001 --gid 28536 --ports 443,80 --local-ports 11434 | sudo pfctl -n -a com.apple/oximy -f -'
if start; then row ok "oximy local starts, and its test connections arrive"; else
	row FAIL "oximy local starts" "$(tail -1 "$work/log" | tr '|' '/')"
	cat "$work/log" >&2
	exit 1
fi
grep -h "redirect: " "$work/log" | while read -r line; do say "| note | | $line |"; done
check "segments are kept small" tso_is 0
check "IPv4" fetch -4 https://www.apple.com/
if route -n get -inet6 2001:db8::1 >/dev/null 2>&1; then check "IPv6" fetch -6 https://www.apple.com/; else row skip "IPv6" "no route"; fi
check "10 MB down" fetch https://speed.cloudflare.com/__down?bytes=10000000
dd if=/dev/zero of="$work/10mb" bs=1000000 count=10 2>/dev/null
check "10 MB up" fetch --data-binary "@$work/10mb" https://speed.cloudflare.com/__up
check "a host of the bundle leaves an event that names curl" traced
sudo sh -c "exec node -e \"require('https').get('https://api.openai.com/v1/models')\"" >/dev/null 2>&1
check "root's programs too" wait_for 10 captures '"uid":0'

# --- what others do to pf -----------------------------------------------------------------------
sudo pfctl -a com.apple/oximy -F rules >/dev/null 2>&1
check "rules that were flushed come back" wait_for 15 sh -c "sudo pfctl -a com.apple/oximy -s rules 2>/dev/null | grep -q route-to"
case $before in
*"Status: Enabled"*) row skip "main rules loaded again, pf switched off" "another program uses pf" ;;
*)
	sudo pfctl -f /etc/pf.conf >/dev/null 2>&1
	sleep 6
	check "the main rules may be loaded again" traced
	sudo pfctl -d >/dev/null 2>&1
	check "pf that was switched off is on again" wait_for 15 sh -c "sudo pfctl -s info 2>/dev/null | grep -q '^Status: Enabled'"
	;;
esac
check "and connections work" fetch https://www.apple.com/

# --- the end ------------------------------------------------------------------------------------
curl -sN -m 40 "https://sse.dev/test?interval=1" >"$work/stream" 2>"$work/stream.err" &
stream=$!
streams=yes
wait_for 15 test -s "$work/stream" || streams=no
stop INT
streamed=$(wc -c <"$work/stream")
if [ $streams = yes ]; then
	check "a stream that is open at Ctrl-C goes on or ends, and does not hang" wait_for 15 stream_goes_on_or_ends
else
	row skip "a stream over Ctrl-C" "the test server did not answer"
fi
kill $stream 2>/dev/null
wait $stream 2>/dev/null
check "rules are out after Ctrl-C" rules_are_out
check "the setting for segments is back" tso_is 1
check "connections work after the end" fetch https://www.apple.com/
after=$(state_of_machine)
if [ "$before" = "$after" ]; then row ok "the machine is as it was"; else row FAIL "the machine is as it was" "$(diff <(echo "$before") <(echo "$after") | tr '\n' ' ')"; fi

start || row FAIL "a second start"
stop KILL
check "rules go after kill -9" wait_for 20 rules_are_out
check "connections work after kill -9" wait_for 20 fetch https://www.apple.com/
wait_for 20 test ! -e /var/run/oximy-pf.token
after=$(state_of_machine)
if [ "$before" = "$after" ]; then row ok "the machine is as it was, after kill -9"; else row FAIL "as it was, after kill -9"; fi

# --- what needs a person ------------------------------------------------------------------------
if [ $attended = yes ] && start; then
	for app in Safari "Google Chrome"; do
		[ -d "/Applications/$app.app" ] || { row skip "$app" "not installed"; continue; }
		open -a "$app" https://chatgpt.com/ && sleep 8
		id=$(defaults read "/Applications/$app.app/Contents/Info" CFBundleIdentifier)
		check "$app is named" wait_for 20 captures "$id"
	done
	if ask "Use an Electron app with AI (Cursor, Claude, ChatGPT) once."; then
		row note "apps that were seen" "$(cat "$work"/traces/*.jsonl | sed -n 's/.*"bundle_id":"\([^"]*\)".*/\1/p' | sort -u | tr '\n' ' ')"
	fi
	if ask "Put this Mac to sleep for a minute and wake it."; then
		check "connections work after sleep" wait_for 20 fetch https://www.apple.com/
		check "it still captures after sleep" traced
		grep -q "does not answer" "$work/log" && row FAIL "no false stall after sleep"
	fi
	if ask "Connect a VPN, if you have one."; then
		sleep 8
		check "connections work through the VPN" fetch https://www.apple.com/
		grep -h "redirect: " "$work/log" | tail -1 | while read -r line; do say "| note | VPN | $line |"; done
		ask "Disconnect the VPN." && sleep 8
		check "connections work without it again" fetch https://www.apple.com/
	fi
	stop INT
else
	row skip "browsers, Electron, sleep, VPN" "nobody at the screen"
fi
[ $failures = 0 ]
