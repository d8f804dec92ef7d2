#!/bin/bash
# Calls between two real qubes and dom0: what the policy lets through and what not, prompts, starts,
# disposables, many at once, and the violent end of everything that has a part in them.
# shellcheck disable=SC2016,SC2317 # commands are for the qube to expand; functions are run by check
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_instance
work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-qube-calls.XXXXXX")
on_exit 'rm -rf "$work"'
policy=$BULKHEAD_ROOT/etc/qubes/policy.d/10-qube-calls.policy
on_exit 'rm -f "$policy"'
services=$BULKHEAD_ROOT/etc/qubes-rpc
mkdir -p "$services"

# --- the qubes and what they offer ------------------------------------------------------------

for name in alpha beta gamma; do
	qvm-check --quiet "$name" 2>/dev/null || new_qube "$name" minimal
done
qvm-check --quiet base 2>/dev/null || {
	new_qube base minimal
	qvm-prefs base template_for_dispvms True
}
qvm-prefs alpha default_dispvm base

# Services that say who calls whom; in /usr/local they survive a restart of the qube. By bash,
# because the cat inside busybox's shell keeps the pipe locked that it writes to.
offer_services() {
	root_in_qube "$1" 'mkdir -p /usr/local/etc/qubes-rpc && cd /usr/local/etc/qubes-rpc &&
		printf "%s\n" "#!/bin/bash" "echo \"\$QREXEC_SERVICE_FULL_NAME|\$QREXEC_REMOTE_DOMAIN\"" cat "exit 7" >test.Echo
		printf "%s\n" "#!/bin/bash" "exec cat" >test.Cat
		printf "%s\n" "#!/bin/bash" "echo held" "cat >/dev/null" "exit 0" >test.Hold
		printf "%s\n" "#!/bin/bash" "echo asked" >test.Ask
		chmod 755 test.*'
}

for name in alpha beta; do
	qvm-check --quiet --running "$name" 2>/dev/null || require "$name starts" start_qube "$name"
	require "$name offers services" offer_services "$name"
done
require "the base of disposables starts" start_qube base
offer_services base
stop_qube base

cat >"$services/test.Dom0" <<-'END'
	#!/bin/sh
	echo "dom0|$QREXEC_SERVICE_FULL_NAME|$QREXEC_REMOTE_DOMAIN|$QREXEC_REQUESTED_TARGET_TYPE"
	cat
	exit 5
END
chmod 755 "$services/test.Dom0"

cat >"$policy" <<-'END'
	test.Echo      *  alpha  beta            allow
	test.Echo      *  beta   alpha           allow
	test.Echo      *  alpha  @default        allow target=beta
	test.Echo      *  alpha  gamma           allow
	test.Echo      *  alpha  @dispvm         allow
	test.Echo      *  alpha  alpha           allow
	test.Hold      *  alpha  @dispvm:base    allow
	test.Hold      *  alpha  beta            allow
	test.Cat       *  @anyvm @anyvm          allow
	test.Late      *  alpha  gamma           allow autostart=no
	test.Narrow    +yes  alpha  beta         allow
	test.Ask       *  alpha  beta            ask
	test.Dom0      *  @anyvm @adminvm        allow
	admin.vm.List  *  alpha  @adminvm        allow target=@adminvm
	admin.vm.List  *  alpha  beta            allow target=@adminvm
	admin.vm.volume.Import          *  alpha  filled  allow target=@adminvm
	admin.vm.volume.ImportWithSize  *  alpha  filled  allow target=@adminvm
END

# call QUBE TARGET SERVICE [INPUT]: what it prints, then its exit code on a line of its own.
call() {
	in_qube "$1" "printf '%s' '${4:-}' | timeout 100 qrexec-client-vm $2 $3 2>/dev/null; echo \"status \$?\""
}

# shellcheck disable=SC2317 # run by check
has_at_most() {
	[ "$(descriptors_of "$1")" -le "$2" ]
}

# --- yes and no -------------------------------------------------------------------------------

require "the policy daemon is there" patiently 20 test -S "$BULKHEAD_ROOT/run/qubes/policy.sock"
is "a call that is allowed" $'test.Echo+|alpha\nhello\nstatus 7' "$(call alpha beta test.Echo $'hello\n')"
is "its argument" 'test.Echo+a+b|alpha' "$(call alpha beta test.Echo+a+b | head -n 1)"
is "the other way" 'test.Echo+|beta' "$(call beta alpha test.Echo | head -n 1)"
is "a target chosen by the policy" 'test.Echo+|alpha' "$(call alpha @default test.Echo | head -n 1)"
is "a call that is denied" "status 126" "$(call alpha beta test.Nothing)"
is "an argument that is denied" "status 126" "$(call alpha beta test.Narrow+no)"
is "an argument that is allowed, of a service that is not there" "status 127" \
	"$(call alpha beta test.Narrow+yes)"
is "a call to itself" "status 126" "$(call alpha alpha test.Echo)"
is "a qube that does not exist" "status 126" "$(call alpha nobody test.Cat)"
is "dom0" $'dom0|test.Dom0+|alpha|keyword\nhi\nstatus 5' "$(call alpha @adminvm test.Dom0 $'hi\n')"
is "dom0 by name" 'dom0|test.Dom0+x|beta|name' "$(call beta dom0 test.Dom0+x | head -n 1)"

is "a qube that may list the qubes lists those it may see" "0dom0 beta status " \
	"$(call alpha dom0 admin.vm.List | tr -d '\0' | sed 's/ .*//' | tr '\n' ' ')"
is "one that may not" "status 126" "$(call beta dom0 admin.vm.List)"
is "nor may the first do more" "status 126" "$(call alpha beta admin.vm.Kill)"

# The content of a volume, from a qube that may give it.
qvm-check --quiet filled 2>/dev/null || new_qube filled minimal
in_qube alpha 'head -c 3000000 /dev/urandom >/tmp/content && truncate -s 3001344 /tmp/content'
# import SERVICE COMMAND: what the command in alpha writes goes to filled's private volume.
import() {
	in_qube alpha "($2) 2>/dev/null | qrexec-client-vm filled $1+private | tr '\\0' '|'"
}
content_of_filled() {
	qemu-img convert -f qcow2 -O raw "$(qvm-volume info filled:private path)" "$work/content"
	head -c 3001344 "$work/content" | md5sum
	rm -f "$work/content"
}
is "a qube gives a volume its content" "0|" \
	"$(import admin.vm.volume.ImportWithSize 'echo 3001344; cat /tmp/content')"
sum=$(in_qube alpha 'md5sum </tmp/content')
is "byte for byte" "$sum" "$(content_of_filled)"
is "and its size" 3001344 "$(qvm-volume info filled:private size)"
is "of the size that it has" "0|" "$(import admin.vm.volume.Import 'cat /tmp/content')"
matches "one that ends early is refused" "not enough data .copied 1000000 bytes" \
	"$(import admin.vm.volume.ImportWithSize 'echo 3001344; head -c 1000000 /tmp/content')"
matches "and one that does not end" "too much data" \
	"$(import admin.vm.volume.ImportWithSize 'echo 1000; cat /dev/zero')"
matches "and a volume that may not be filled" '^2.[A-Za-z]+' \
	"$(in_qube alpha 'cat /tmp/content | qrexec-client-vm filled admin.vm.volume.Import+root | tr "\0" "|"')"
is "which change nothing" "$sum" "$(content_of_filled)"
is "another qube may not" "status 126" "$(call beta filled admin.vm.volume.Import+private)"
is "nor this one with another" "status 126" "$(call alpha beta admin.vm.volume.Import+private)"
is "no file is left of them" "" "$(ls "$BULKHEAD_ROOT/var/lib/qubes/import")"
qvm-remove --force filled

# --- prompts ----------------------------------------------------------------------------------

# agent_says ANSWER: a policy agent that knows one answer, and notes what it was asked.
agent_says() {
	stop_agent
	rm -f "$work/agent.sock"
	printf '#!/bin/sh\ntr "\\0" "\\n" >"%s"\nprintf "%%s" "%s"\n' "$work/asked" "$1" >"$work/agent"
	chmod 755 "$work/agent"
	ln -sfn "$work/agent.sock" "$services/policy.Ask"
	socat -t 60 "UNIX-LISTEN:$work/agent.sock,fork" EXEC:"$work/agent" &
	agent_pid=$!
	patiently 10 test -S "$work/agent.sock"
}

stop_agent() {
	[ -z "${agent_pid:-}" ] || kill "$agent_pid" 2>/dev/null
	[ -z "${agent_pid:-}" ] || wait "$agent_pid" 2>/dev/null
	agent_pid=
}
on_exit 'stop_agent; rm -f "$services/policy.Ask" "$services/test.Dom0"'

agent_says allow:beta
is "asked, and the answer is yes" $'asked\nstatus 0' "$(call alpha beta test.Ask)"
matches "the prompt knows who asks for what" '"source": ?"alpha"' "$(cat "$work/asked")"
agent_says deny
is "asked, and the answer is no" "status 126" "$(call alpha beta test.Ask)"
agent_says allow:gamma
is "an answer that was not offered" "status 126" "$(call alpha beta test.Ask)"
printf '#!/bin/sh\nexec sleep 60\n' >"$work/agent"
in_qube alpha 'timeout 3 qrexec-client-vm beta test.Ask </dev/null' >/dev/null || :
check "who leaves before the answer takes the question along" patiently 20 \
	grep -qF "'test.Ask' to 'beta': withdrawn" "$BULKHEAD_ROOT/var/log/qubes/qrexec.alpha.log"
stop_agent
is "nobody to ask" "status 126" "$(call alpha beta test.Ask)"

# --- starts -----------------------------------------------------------------------------------

is "autostart=no is honoured" "status 126" "$(call alpha gamma test.Late)"
is "and nothing was started" Halted "$(qvm-ls --raw-data --fields STATE gamma)"
call alpha gamma test.Echo >"$work/started" &
starting=$!
sleep 0.3
matches "a call beside one that waits for a start" 'status 7' "$(call alpha beta test.Echo)"
check "which still does" kill -0 $starting
wait $starting
is "a halted target is started" Running "$(qvm-ls --raw-data --fields STATE gamma)"
matches "and called" 'status (7|127)' "$(tail -n 1 "$work/started")"

qvm-pause gamma
root_in_qube alpha 'rm -f /tmp/paused; (printf "" | timeout 60 qrexec-client-vm gamma test.Cat >/dev/null 2>&1; echo $? >/tmp/paused) >/dev/null 2>&1 </dev/null & true'
sleep 1
matches "a call beside one to a paused qube" 'status 7' "$(call alpha beta test.Echo)"
check_fails "which waits for that qube" in_qube alpha 'test -s /tmp/paused'
qvm-unpause gamma
check "which goes on with that qube" patiently 60 in_qube alpha 'test -s /tmp/paused'
qvm-kill gamma >/dev/null 2>&1

# --- disposables ------------------------------------------------------------------------------

disposables() {
	qvm-ls --raw-data --fields NAME,CLASS | grep -c '|DispVM$'
}

no_disposables() {
	[ "$(disposables)" -eq 0 ]
}

is "a disposable for the call" 'test.Echo+|alpha' "$(call alpha @dispvm test.Echo | head -n 1)"
check "is gone after it" patiently 60 no_disposables

# hold TARGET: a call in alpha that lasts; its status will be in /tmp/held.
hold() {
	root_in_qube alpha "rm -f /tmp/held /tmp/hold.*; mkfifo /tmp/hold.in
		(sleep 1000 >/tmp/hold.in & echo \$! >/tmp/hold.pid
		qrexec-client-vm $1 test.Hold </tmp/hold.in >/tmp/hold.out 2>/dev/null; echo \$? >/tmp/held) >/dev/null 2>&1 </dev/null & true"
	patiently 60 in_qube alpha 'grep -q held /tmp/hold.out'
}

# The writer ends, and with its input the call.
drop_held() {
	root_in_qube alpha 'kill "$(cat /tmp/hold.pid)"' >/dev/null 2>&1
}

daemon_of() {
	local directory

	for directory in /proc/[0-9]*; do
		[ "$(readlink "$directory/cwd" 2>/dev/null)" = "$(realpath "$BULKHEAD_ROOT")/run/bulkhead/qubes/$2" ] || continue
		[ "$(tr '\0' '\n' <"$directory/cmdline" | head -n 1 | sed 's,.*/,,')" = "$1" ] || continue
		! tr '\0' '\n' <"$directory/cmdline" | grep -q -- '^--\(read-agent\|serve\)$' && echo "${directory#/proc/}"
	done
}

# shellcheck disable=SC2317 # run by check
is_restarted() {
	local pid

	pid=$(daemon_of "$1" "$2")
	[ -n "$pid" ] && [ "$pid" != "$3" ]
}

require "a disposable that lasts" hold @dispvm:base
pid=$(daemon_of qrexec-daemon alpha)
kill -KILL "$pid"
check "its caller's qrexec-daemon is killed: the disposable goes" patiently 60 no_disposables
check "the daemon is back" patiently 30 is_restarted qrexec-daemon alpha "$pid"
check "the caller has ended" patiently 30 in_qube alpha 'test -s /tmp/held'
matches "and calls go on" 'status 7' "$(call alpha beta test.Echo)"

disposable_name() {
	qvm-ls --raw-data --fields NAME,CLASS | sed -n 's/|DispVM$//p' | head -n 1
}

# goes_with WHAT COMMAND...: after the command a disposable goes, and its call ends.
goes_with() {
	require "a disposable that lasts" hold @dispvm:base
	"${@:2}" >/dev/null 2>&1
	check "$1: the disposable goes" patiently 60 no_disposables
	check "$1: the caller has ended" patiently 30 in_qube alpha 'test -s /tmp/held'
	drop_held
}

# shellcheck disable=SC2317 # run by goes_with
kill_machine() {
	local directory

	for directory in /proc/[0-9]*; do
		[[ $(readlink "$directory/cwd" 2>/dev/null) == "$(realpath "$BULKHEAD_ROOT")/run/bulkhead/qubes/$(disposable_name)" &&
			$(readlink "$directory/exe") == *qemu-system* ]] && kill -KILL "${directory#/proc/}"
	done
}

# shellcheck disable=SC2317 # run by goes_with
kill_linkd() {
	kill -KILL "$(daemon_of vchan-linkd "${1:-$(disposable_name)}")"
}

# The call ends while there is no bulkheadd that could be told.
# shellcheck disable=SC2317 # run by goes_with
end_call_without_bulkheadd() {
	kill -KILL "$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")"
	qrexec-client -d alpha 'root:kill "$(cat /tmp/hold.pid)"' </dev/null
	sleep 1
	start_daemon
}

goes_with "its machine dies" kill_machine
goes_with "its linkd is killed" kill_linkd
goes_with "its caller's linkd is killed" kill_linkd alpha
goes_with "its calling program is killed" root_in_qube alpha 'killall -KILL qrexec-client-vm'
goes_with "its call ends while bulkheadd is away" end_call_without_bulkheadd
# A call that is under way needs no agent.
require "a disposable that lasts" hold @dispvm:base
root_in_qube alpha 'killall -KILL qrexec-agent' >/dev/null 2>&1
check "its caller's agent is killed: there is another" patiently 60 in_qube alpha true
is "and the call goes on" "" "$(in_qube alpha 'cat /tmp/held 2>/dev/null')"
drop_held
check "at whose end the disposable goes" patiently 60 no_disposables
matches "and after all that calls go on" 'status 7' "$(call alpha beta test.Echo)"

# --- many -------------------------------------------------------------------------------------

many='failed=0; rm -f /tmp/many.*
	i=0; while [ $i -lt 64 ]; do
		(echo "$i" | qrexec-client-vm TARGET test.Cat >/tmp/many.$i 2>/dev/null; echo $? >/tmp/many.status.$i) &
		i=$((i + 1))
	done
	wait
	i=0; while [ $i -lt 64 ]; do
		[ "$(cat /tmp/many.$i) $(cat /tmp/many.status.$i)" = "$i 0" ] || failed=$((failed + 1))
		i=$((i + 1))
	done
	echo $failed'
timeout 300 qvm-run -p --no-gui -q alpha "${many//TARGET/beta}" </dev/null >"$work/alpha" 2>/dev/null &
first=$!
timeout 300 qvm-run -p --no-gui -q beta "${many//TARGET/alpha}" </dev/null >"$work/beta" 2>/dev/null &
second=$!
wait $first $second
is "64 calls at once, one way" 0 "$(cat "$work/alpha")"
is "and 64 the other way at the same time" 0 "$(cat "$work/beta")"

sum=$(in_qube alpha 'head -c 8000000 /dev/urandom >/tmp/data; sha256sum </tmp/data')
is "8 MB there and back are the same" "$sum" \
	"$(in_qube alpha 'qrexec-client-vm beta test.Cat </tmp/data | sha256sum')"

# --- violence ---------------------------------------------------------------------------------

descriptors_of() {
	local pid

	pid=$(daemon_of qrexec-daemon "$1")
	find "/proc/$pid/fd" -mindepth 1 | wc -l
}
before_alpha=$(descriptors_of alpha)
before_beta=$(descriptors_of beta)

for program in qrexec-daemon vchan-linkd; do
	for victim in alpha beta; do
		require "a call that lasts" hold beta
		pid=$(daemon_of "$program" "$victim")
		kill -KILL "$pid"
		check "$program of $victim is killed in mid-call, and comes back" \
			patiently 30 is_restarted "$program" "$victim" "$pid"
		if [ "$program" = vchan-linkd ]; then
			check "the caller ends" patiently 30 in_qube alpha 'test -s /tmp/held'
			is "with an error" 255 "$(in_qube alpha 'cat /tmp/held')"
		else
			is "the call itself goes on" "" "$(in_qube alpha 'cat /tmp/held 2>/dev/null')"
		fi
		drop_held
		check "the next call works" patiently 30 \
			bash -c "$(declare -f in_qube call); call alpha beta test.Echo | grep -q 'status 7'"
		check "nothing of the old one is left in the target" \
			patiently 30 in_qube beta '! ps | grep -q "[t]est.Hold"'
	done
done

require "a call that lasts" hold beta
qvm-kill beta >/dev/null 2>&1
check "the target is killed in mid-call: the caller ends" patiently 30 in_qube alpha 'test -s /tmp/held'
is "with an error" 255 "$(in_qube alpha 'cat /tmp/held')"
drop_held
require "the target starts again" start_qube beta
matches "and is called" 'status 7' "$(call alpha beta test.Echo)"

require "a disposable that lasts" hold @dispvm:base
require "and a call that lasts" hold beta
qvm-kill alpha >/dev/null 2>&1
check "the caller is killed in mid-call: its service ends" patiently 30 in_qube beta '! ps | grep -q "[t]est.Hold"'
check "and its disposable goes" patiently 60 no_disposables
require "the caller starts again" start_qube alpha
matches "and calls" 'status 7' "$(call alpha beta test.Echo)"

pid=$(pgrep -f "^$(readlink -f "$(command -v qrexec-policy-daemon)")" | while read -r p; do
	tr '\0' '\n' <"/proc/$p/environ" | grep -qxF "BULKHEAD_ROOT=$BULKHEAD_ROOT" && echo "$p"
done | head -n 1)
kill -KILL "$pid"
matches "without a policy daemon every call is refused, or there is one again" 'status (126|7)' \
	"$(call alpha beta test.Echo)"
check "and it comes back" patiently 30 \
	bash -c "$(declare -f in_qube call); call alpha beta test.Echo | grep -q 'status 7'"

check "no descriptor is left behind in alpha's daemon" patiently 10 has_at_most alpha "$((before_alpha + 1))"
check "nor in beta's" patiently 10 has_at_most beta "$((before_beta + 1))"

qvm-kill alpha beta >/dev/null 2>&1
finish
