#!/bin/bash
# The daemon is killed between any two steps of what it does to qubes. Nothing is lost, and what
# is left over is named and cleaned by the next start. The daemon itself lists the steps.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_instance
use_template minimal
qvm-check --quiet shared 2>/dev/null && qvm-kill shared >/dev/null 2>&1
list=$BULKHEAD_ROOT/crash-points

# points_of COMMAND...: the steps that the daemon goes through, each once.
points_of() {
	stop_daemon
	: >"$list"
	BULKHEAD_CRASH_LIST=$list start_daemon
	"$@" >/dev/null 2>&1
	# What happens in the background belongs to it.
	sleep 1
	stop_daemon
	start_daemon
	# Those of folding are tried on images alone (tests/protocol/storage/test-crash), faster.
	sort -u "$list" | grep -vE '^storage:(split|fill|move|fold|flatten|tidy):'
}

# shellcheck disable=SC2317 # run by patiently
is_dead() {
	! daemon_alive
}

# crash_at POINT COMMAND...: the daemon dies there, and comes back.
crash_at() {
	local point=$1

	shift
	stop_daemon
	BULKHEAD_CRASH_AT=$point start_daemon
	"$@" >/dev/null 2>&1
	patiently 5 is_dead
	daemon_alive && stop_daemon
	start_daemon
}

state_of() {
	qvm-ls --raw-data --fields STATE "$1" 2>/dev/null
}

# shellcheck disable=SC2317 # run by check
is_halted() {
	[ "$(state_of "$1")" = Halted ]
}

processes_of() {
	local directory

	for directory in /proc/[0-9]*; do
		[ "$(readlink "$directory/cwd" 2>/dev/null)" = "$(realpath -m "$BULKHEAD_ROOT/run/bulkhead/qubes/$1")" ] &&
			echo "${directory#/proc/}"
	done
}

# Everything of it is there and works as far as the store and the images go, or nothing is. Images
# go in the background.
# shellcheck disable=SC2317 # run by check
whole_or_nothing() {
	if qvm-check --quiet "$1" 2>/dev/null; then
		qvm-volume info "$1:private" >/dev/null && qvm-remove --force "$1" >/dev/null 2>&1
	fi
	patiently 5 is_nothing "$1" && return
	find "$BULKHEAD_ROOT" -name "*$1*" ! -name '*.log*'
	return 1
}

# shellcheck disable=SC2317 # run by patiently
is_nothing() {
	! qvm-check --quiet "$1" 2>/dev/null && [ -z "$(find "$BULKHEAD_ROOT" -name "*$1*" ! -name '*.log*')" ]
}

make_victim() {
	qvm-create --class AppVM --template minimal --label red victim
}

for point in $(points_of make_victim); do
	qvm-remove --force victim >/dev/null 2>&1
	crash_at "$point" make_victim
	check "create, killed at $point: all or nothing" whole_or_nothing victim
done

qvm-check --quiet victim 2>/dev/null || make_victim
for point in $(points_of qvm-remove --force victim); do
	qvm-check --quiet victim 2>/dev/null || make_victim
	crash_at "$point" qvm-remove --force victim
	check "remove, killed at $point: all or nothing" whole_or_nothing victim
done

# shellcheck disable=SC2317 # run by points_of and crash_at
clone_victim() {
	qvm-clone minimal victim
}
for point in $(points_of clone_victim); do
	qvm-remove --force victim >/dev/null 2>&1
	crash_at "$point" clone_victim
	check "clone, killed at $point: all or nothing" whole_or_nothing victim
	check "and the source is whole" qvm-volume info minimal:root
done

qvm-check --quiet victim 2>/dev/null && qvm-remove --force victim >/dev/null 2>&1
make_victim
for point in $(points_of qvm-start victim); do
	qvm-kill victim >/dev/null 2>&1
	crash_at "$point" qvm-start victim
	case $(state_of victim) in
	Halted) is "start, killed at $point: no process is left" "" "$(processes_of victim)" ;;
	Running) is "start, killed at $point: it was complete, and goes on" yes "$(in_qube victim 'echo yes')" ;;
	*) not_ok "start, killed at $point: neither halted nor running: $(state_of victim)" ;;
	esac
done
qvm-kill victim >/dev/null 2>&1
check "after all that it starts" start_qube victim
check "and stops" stop_qube victim
check "and is removed" qvm-remove --force victim

# A template's stop is its commit. Each round finds what the one before wrote.
# shellcheck disable=SC2317
stop_template() {
	qvm-shutdown --wait minimal
}
start_qube minimal
points=$(points_of stop_template)
count=0
for point in $points; do
	[ "$(state_of minimal)" = Halted ] || qvm-kill minimal >/dev/null 2>&1
	start_qube minimal
	[ "$count" -eq 0 ] || is "commit, killed at $last: what was written is there" $count \
		"$(in_qube minimal 'cat /etc/written')"
	count=$((count + 1))
	root_in_qube minimal "echo $count >/etc/written; sync"
	crash_at "$point" stop_template
	# Before the machine's end nothing had happened, and the qube went on to stop by itself.
	check "commit, killed at $point: halted" patiently 20 is_halted minimal
	is "commit, killed at $point: no process is left" "" "$(processes_of minimal)"
	last=$point
done
start_qube minimal
is "commit, killed at $last: what was written is there" $count "$(in_qube minimal 'cat /etc/written')"
check "the template stops" stop_qube minimal

# --- disposables -------------------------------------------------------------------------------

qvm-create --class AppVM --template minimal --label red victim
qvm-prefs victim template_for_dispvms True
qvm-prefs victim memory 200
qvm-features victim frozen-disposables ''
on_exit 'qvm-prefs victim template_for_dispvms False 2>/dev/null; qvm-remove --force victim 2>/dev/null'

# shellcheck disable=SC2317
run_disposable() {
	timeout 60 qvm-run --dispvm=victim --pass-io --no-gui --quiet 'echo yes' </dev/null
}

# What is left of disposables, and of frozen ones.
# shellcheck disable=SC2317 # run by nothing_left
left_of_disposables() {
	qvm-ls --raw-list | grep '^disp[0-9]'
	find "$BULKHEAD_ROOT/var/lib" "$BULKHEAD_ROOT/run" -name '*disp[0-9]*' -o -path '*frozen/victim/*'
}

# shellcheck disable=SC2317 # run by check
nothing_left() {
	patiently 20 is_nothing_left && return
	left_of_disposables
	return 1
}

# shellcheck disable=SC2317 # run by patiently
is_nothing_left() {
	[ -z "$(left_of_disposables)" ]
}

# A machine that was complete when the daemon died goes on; nobody waits for it any more.
end_disposables() {
	local name

	for name in $(qvm-ls --raw-list | grep '^disp[0-9]'); do qvm-kill "$name" 2>/dev/null; done
}

# Those of any start and stop were tried above.
for point in $(points_of run_disposable | grep -E '^(create|remove|storage:remove|storage:stop|stop):'); do
	crash_at "$point" run_disposable
	end_disposables
	check "a disposable, killed at $point: nothing is left" nothing_left
done

# shellcheck disable=SC2317
freeze() {
	local before

	before=$(frozen_count)
	qvm-features --unset victim frozen-disposables
	patiently 60 is_frozen_or_dead "$before"
	[ "$(frozen_count)" -gt "$before" ]
}

frozen_count() {
	grep -c '\[victim\]: info: a disposable is booted and frozen' "$(daemon_log)"
}

# shellcheck disable=SC2317 # run by patiently
is_frozen_or_dead() {
	! daemon_alive || [ "$(frozen_count)" -gt "$1" ]
}

# shellcheck disable=SC2317
copy() {
	freeze && run_disposable
}

for point in $(points_of copy | grep -E '^(freeze|storage:freeze):|^start:after-(storage|machine|resume)$'); do
	qvm-features victim frozen-disposables ''
	crash_at "$point" copy
	qvm-features victim frozen-disposables ''
	end_disposables
	check "freezing and copying, killed at $point: nothing is left" nothing_left
	is "and no process" "" "$(ls -d "$BULKHEAD_ROOT/run/bulkhead/frozen/victim" 2>/dev/null)$(processes_of ../frozen/victim)"
done
is "after all that a disposable is frozen and copied" yes "$(copy)"
qvm-features victim frozen-disposables ''
check "nothing is left" nothing_left
check "the template of disposables is removed" qvm-remove --force victim

finish
