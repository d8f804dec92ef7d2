#!/bin/bash
# Processes of the host die: qubes go on, and everything finds together again.
# shellcheck disable=SC2016 # commands are for the qube to expand
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_shared_qube

xid_of() {
	qvm-ls --raw-data --fields XID "$1"
}

# pid_of PROGRAM: of the shared qube's host process.
pid_of() {
	local directory

	for directory in /proc/[0-9]*; do
		case $(readlink "$directory/exe" 2>/dev/null) in
		*/"$1") ;;
		*) continue ;;
		esac
		# Not the reader that qrexec-daemon has for its agent.
		case $(readlink "/proc/$(awk '$1 == "PPid:" { print $2 }' "$directory/status")/exe") in
		*/"$1") continue ;;
		esac
		[ "$(readlink "$directory/cwd")" = "$(realpath "$BULKHEAD_ROOT/run/bulkhead/qubes/shared")" ] &&
			echo "${directory#/proc/}"
	done
}

# shellcheck disable=SC2317 # run by patiently
answers() {
	[ "$(timeout 10 qrexec-client -d shared 'user:echo again' 2>/dev/null </dev/null)" = again ]
}

# shellcheck disable=SC2317 # run by patiently
is_stopped() {
	[ -z "$(pid_of qemu-system-x86_64)" ]
}

xid=$(xid_of shared)
qrexec-client -d shared 'user:sleep 3; echo survived' </dev/null >"$BULKHEAD_ROOT/survivor" &
survivor=$!
sleep 1

kill -KILL "$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")"
is "without the daemon calls still work" works \
	"$(timeout 60 qrexec-client -d shared 'user:echo works' </dev/null)"
wait "$survivor"
is "a call lives through the daemon's death" survived "$(cat "$BULKHEAD_ROOT/survivor")"
check "the daemon comes back" start_daemon
is "the qube still runs" Running "$(qvm-ls --raw-data --fields STATE shared)"
is "as the same domain" "$xid" "$(xid_of shared)"
is "and answers" yes "$(in_qube shared 'echo yes')"

for program in vchan-linkd qrexec-daemon; do
	old=$(pid_of $program)
	matches "$program runs" '^[0-9]+$' "$old"
	kill -KILL "$old"
	check "after the death of $program calls work again" patiently 30 answers
	matches "a new $program runs" '^[0-9]+$' "$(pid_of $program)"
done

# Both at once, with the daemon.
kill -KILL "$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")" "$(pid_of vchan-linkd)" "$(pid_of qrexec-daemon)"
check "after the death of all three the daemon comes back" start_daemon
check "and calls work again" patiently 30 answers

output=$(timeout 20 bulkheadd 2>&1)
is "a second daemon on the same root is refused" 1 "$?"
matches "and says why" 'store|already|another' "$output"
check "the first is not hurt" qvm-check shared

# The qube's agent dies.
root_in_qube shared 'kill -9 $(pidof qrexec-agent)' >/dev/null 2>&1
check "after the death of the qube's agent calls work again" patiently 30 answers

# The daemon is told to end, and the qube stops while nobody watches.
stop_daemon
qrexec-client -d shared 'root:poweroff' </dev/null >/dev/null 2>&1
patiently 30 is_stopped
check "the daemon comes back to a stopped qube" start_daemon
is "and knows it" Halted "$(qvm-ls --raw-data --fields STATE shared)"
check "it starts again" start_qube shared

finish
