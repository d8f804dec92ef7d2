#!/bin/bash
# Calls from dom0 into a real qube: data, ends, exit codes, many at once.
# shellcheck disable=SC2016 # commands are for the qube to expand
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_shared_qube
work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-calls.XXXXXX")
on_exit 'rm -rf "$work"'

status_of() {
	local status=0

	"$@" >/dev/null 2>&1 </dev/null || status=$?
	echo $status
}

is "exit code of the program" 7 "$(status_of qvm-run -p --no-gui shared 'exit 7')"
is "a program killed by a signal" 143 "$(status_of qvm-run -p --no-gui shared 'kill -TERM $$')"
is "a missing service" 127 "$(status_of qvm-run -p --no-gui --service shared test.NoSuchService)"
is "an unknown user" 125 "$(status_of qvm-run -p --no-gui -u nobody-here shared true)"
is "stdout and stderr stay apart" "out" \
	"$(qvm-run -p --no-gui shared 'echo out; echo err >&2' 2>"$work/stderr" </dev/null)"
is "stderr arrives" "err" "$(cat "$work/stderr")"
is "stdin arrives, and its end" 5 "$(printf hello | qvm-run -p --no-gui shared 'wc -c' | tr -d ' ')"
is "an empty stdin is an end" 0 "$(qvm-run -p --no-gui shared 'wc -c' </dev/null | tr -d ' ')"

head -c 5000000 /dev/urandom >"$work/data"
qvm-run -p --no-gui shared 'cat' <"$work/data" >"$work/back"
check "5 MB there and back are the same" cmp "$work/data" "$work/back"

root_in_qube shared 'cat >/etc/qubes-rpc/test.Argument <<-"END"
	#!/bin/sh
	echo "$1|$QREXEC_SERVICE_FULL_NAME|$QREXEC_REMOTE_DOMAIN"
	END
	chmod 755 /etc/qubes-rpc/test.Argument'
is "a service with an argument" "a+b|test.Argument+a+b|dom0" \
	"$(qvm-run -p --no-gui --service shared test.Argument+a+b </dev/null)"

# The services that run commands, and those that wait.
# service NAME [INPUT]: its output, then its status.
service() {
	printf '%b' "${2-}" | qvm-run -p --no-gui --service shared "$1" 2>/dev/null
	echo "status $?"
}
is "a shell; the program has what follows its line" $'hello\nuser\nstatus 4' \
	"$(service qubes.VMShell "exec bash -c 'cat; id -un; exit 4' || exit 127\nhello\n")"
is "a shell that waits for the session" $'user\nstatus 0' "$(service qubes.VMShell+WaitForSession 'id -un\n')"
is "a shell of root" $'root\nstatus 0' "$(service qubes.VMRootShell 'id -un\n')"
is "a command" $'a b|ä|-\nstatus 0' "$(service 'qubes.VMExec+printf+-25s-7C-25s-7C-25s-5Cn+a-20b+-C3-A4+--')"
is "a command with windows" $'user\nstatus 0' "$(service qubes.VMExecGUI+id+--un)"
is "a command as root" $'root\nstatus 0' "$(service qubes.VMRootExec+id+--un)"
for bad in -2b -GG -00 -; do
	is "a command that is not one: '$bad'" "status 1" "$(service "qubes.VMExec+echo+$bad")"
done
is "a program that is not there" "status 1" "$(service qubes.VMExec+no-such-program)"
is "one that is not in the menu" "status 1" "$(service qubes.StartApp+no-such-program)"
matches "which is said" "program 'no-such-program': there is none" \
	"$(qvm-run -p --no-gui --service shared qubes.StartApp+no-such-program 2>&1 </dev/null)"
is "the session" "status 0" "$(service qubes.WaitForSession '\n')"
is "the end of the boot" "status 0" "$(service qubes.WaitForRunningSystem)"
is "the network, which is not there" "status 3" "$(service qubes.WaitForNetworkUplink)"
is "the menu" "status 0" "$(service qubes.GetAppmenus | grep status)"
is "an image, where nothing decodes one" "status 1" "$(service qubes.GetImageRGBA 'xdgicon:x\n')"
is "a clock that is set" "status 0" "$(service qubes.SetDateTime "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)\n")"
is "or not" "status 1" "$(service qubes.SetDateTime 'tomorrow\n')"
is "before and after a sleep" $'status 0\nstatus 0\nstatus 0\nstatus 0' \
	"$(for i in PreAll Pre Post PostAll; do service "qubes.Suspend$i"; done)"
is "a disk that is none" "status 1" "$(service qubes.ResizeDisk 'foo\n')"

# The programs beneath, as scripts use them.
is "qrexec-client by name" 3 "$(status_of qrexec-client -d shared 'user:exit 3')"
is "qrexec-client without waiting" 0 "$(status_of qrexec-client -d shared -e 'user:true')"

many() {
	local number=$1 i failures=0 pids=()

	for ((i = 0; i < number; i++)); do
		(printf '%s' "$i" | timeout 300 qrexec-client -w 120 -d shared 'user:cat; exit 5' >"$work/many.$i") &
		pids+=($!)
	done
	for ((i = 0; i < number; i++)); do
		wait "${pids[i]}"
		[ $? -eq 5 ] && [ "$(cat "$work/many.$i")" = "$i" ] || failures=$((failures + 1))
	done
	echo "$failures"
}
is "64 calls at once" 0 "$(many 64)"

# One that does not read must not hold up another.
mkfifo "$work/stalled"
qrexec-client -d shared 'user:cat /dev/zero' </dev/null >"$work/stalled" &
stalled=$!
exec 7<"$work/stalled"
is "a call beside a stalled one" beside "$(in_qube shared 'echo beside')"
exec 7<&-
wait "$stalled" 2>/dev/null
is "which ends when nobody reads it" 141 $?
is "and after it" after "$(in_qube shared 'echo after')"

# The clients go, the qube stays usable.
for _ in 1 2 3 4 5; do
	qrexec-client -d shared 'user:sleep 1000' </dev/null >/dev/null 2>&1 &
	client=$!
	sleep 0.2
	kill -KILL "$client"
	wait "$client" 2>/dev/null
done
is "after killed clients" still "$(in_qube shared 'echo still')"

finish
