#!/bin/bash
# How long a disposable takes to its first answer, booted and as a copy of a frozen one, beside a
# clone of a qube that plain QEMU has saved; to its first window; four at once; its removal; and the
# memory of ten idle copies. All on one template, in one run.
#
# usage: tests/bench/disposables.sh [TEMPLATE [ROUNDS]] (as tests/e2e: BULKHEAD_TEMPLATES, BULKHEAD_PREFIX)
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
# shellcheck source-path=SCRIPTDIR source=../e2e/display.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/display.sh"

template=${1:-minimal}
rounds=${2:-5}
use_instance
# shellcheck source-path=SCRIPTDIR source=bare_clone.sh
. "$(dirname "${BASH_SOURCE[0]}")/bare_clone.sh"

milliseconds() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

median() {
	sort -n | sed -n "$(((rounds + 1) / 2))p"
}

create() {
	qubesd-query -e dom0 admin.vm.CreateDisposable bench-dvm | tr -d '\0' | sed 's/^0//'
}

# answer NAME: of one that runs.
answer() {
	[ "$(in_qube "$1" 'echo yes')" = yes ] || echo "no answer of $1" >&2
}

# first_answer NAME: created until answered; leaves it running.
first_answer() {
	qvm-start "$1" >&2
	answer "$1"
}

# measure FILE: first answers and removals, one after the other.
measure() {
	local name begun

	for _ in $(seq "$rounds"); do
		begun=$(milliseconds)
		name=$(create)
		first_answer "$name"
		echo $(($(milliseconds) - begun)) >>"$1.start"
		begun=$(milliseconds)
		qvm-kill "$name"
		while qvm-check --quiet "$name" 2>/dev/null; do sleep 0.02; done
		echo $(($(milliseconds) - begun)) >>"$1.stop"
	done
}

# One that is kept ready, and nothing else to be done.
is_ready() {
	local name

	name=$(qvm-features bench-dvm preload-dispvm 2>/dev/null) &&
		[ "$(qvm-ls --raw-data --fields STATE "$name" 2>/dev/null)" = Paused ] &&
		grep -q "disposable '$name' is kept ready" "$(daemon_log)"
}

await_ready() {
	patiently 300 is_ready || echo "none is kept ready" >&2
	sleep 1
}

# First answers of those that were ready.
measure_ready() {
	local name begun

	for _ in $(seq "$rounds"); do
		await_ready
		begun=$(milliseconds)
		name=$(create)
		echo $(($(milliseconds) - begun)) >>"$work/ready.handed"
		answer "$name"
		echo $(($(milliseconds) - begun)) >>"$work/ready.start"
		begun=$(milliseconds)
		answer "$name"
		echo $(($(milliseconds) - begun)) >>"$work/ready.again"
		qvm-kill "$name"
	done
}

# Milliseconds until a program's window is seen.
window_of() {
	local begun

	begun=$(milliseconds)
	[ $# -eq 1 ] || qvm-start "$1" >&2
	timeout 120 qvm-run --gui --quiet "$1" "(setsid l3afpad >/dev/null 2>&1 </dev/null &)" </dev/null >&2
	patiently 180 has_window "$1" || echo "no window of $1" >&2
	echo $(($(milliseconds) - begun))
}

# close_window NAME: and what that has begun comes to its end.
close_window() {
	in_qube "$1" 'pkill l3afpad'
	patiently 60 has_no_window "$1"
	sleep 5
}

# A qube that a person has: its boot is over, and nothing has happened in it for a minute.
measure_idle_windows() {
	local service

	new_qube bench-idle "$template"
	qvm-prefs bench-idle memory "$bare_memory_mib"
	for _ in 1 2 3; do
		qvm-start bench-idle >&2
		for service in qubes.WaitForRunningSystem qubes.WaitForSession; do
			timeout 120 qvm-run --service --pass-io --no-gui --quiet bench-idle $service </dev/null
		done
		sleep 60
		window_of bench-idle >>"$work/window.idle"
		close_window bench-idle
		window_of bench-idle >>"$work/window.running"
		qvm-kill bench-idle
	done
}

measure_windows() {
	local name begun

	start_display 1280x800
	on_exit "kill $display_pid"
	qvm-start-daemon --watch >/dev/null 2>&1 &
	on_exit "kill $!"
	for _ in 1 2 3; do
		name=$(create)
		window_of "$name" and-start >>"$work/window.copy"
		close_window "$name"
		window_of "$name" >>"$work/window.again"
		qvm-kill "$name"
	done
	qvm-features bench-dvm preload-dispvm-max 1
	for _ in 1 2 3; do
		await_ready
		begun=$(milliseconds)
		name=$(create)
		window_of "$name" >/dev/null
		echo $(($(milliseconds) - begun)) >>"$work/window.ready"
		qvm-kill "$name"
	done
	qvm-features bench-dvm preload-dispvm-max 0
	measure_idle_windows
}

# The sum of what is theirs alone and their share of what they have in common, in MB.
memory_of() {
	local pss=0 name directory

	for name in "$@"; do
		for directory in /proc/[0-9]*; do
			[[ $(readlink "$directory/exe") == *qemu-system* ]] || continue
			[ "$(readlink "$directory/cwd")" = "$(realpath "$BULKHEAD_ROOT/run/bulkhead/qubes/$name")" ] || continue
			pss=$((pss + $(sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "$directory/smaps_rollup")))
		done
	done
	echo $((pss / 1024))
}

new_qube bench-dvm "$template"
qvm-features bench-dvm frozen-disposables ''
qvm-prefs bench-dvm memory $bare_memory_mib
qvm-prefs bench-dvm template_for_dispvms True
work=$(mktemp -d)
on_exit "rm -rf $work"
measure "$work/boot"

bare_make "$template"
for _ in $(seq "$rounds"); do bare_clone >>"$work/bare"; done

qvm-features --unset bench-dvm frozen-disposables
patiently 400 grep -q '\[bench-dvm\]: info: a disposable is booted and frozen' "$(daemon_log)"
measure "$work/copy"
qvm-features bench-dvm preload-dispvm-delay 0
qvm-features bench-dvm preload-dispvm-max 1
measure_ready
qvm-features bench-dvm preload-dispvm-max 0

names=()
for _ in 1 2 3 4; do names+=("$(create)"); done
begun=$(milliseconds)
waits=()
for name in "${names[@]}"; do
	first_answer "$name" &
	waits+=($!)
done
wait "${waits[@]}"
four=$(($(milliseconds) - begun))

# As many as there is memory for, ten at most.
for _ in 5 6 7 8 9 10; do
	[ "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)" -gt 1200000 ] || break
	name=$(create)
	first_answer "$name"
	names+=("$name")
done
sleep 10
memory=$(($(memory_of "${names[@]}") / ${#names[@]}))
qvm-kill "${names[@]}"
case $template in
minimal) ;;
*) measure_windows ;;
esac

boot=$(median <"$work/boot.start")
bare=$(median <"$work/bare")
copy=$(median <"$work/copy.start")
echo "template                                   $template"
echo "boot to the first answer                   $boot ms"
echo "bare QEMU's clone to its line              $bare ms"
echo "copy to the first answer                   $copy ms   (goals: $((boot / 10)) ms, a tenth of the boot; $((bare * 13 / 10)) ms, 1.3 bare clones)"
ready=$(median <"$work/ready.start")
echo "one that was ready to the first answer     $ready ms   (goals: as above; handed out after $(median <"$work/ready.handed") ms)"
echo "a second answer of the same                $(median <"$work/ready.again") ms"
echo "four copies at once, all answers           $four ms"
echo "removal of a copy, until nothing is left   $(median <"$work/copy.stop") ms"
echo "memory of an idle copy (PSS, one of ${#names[@]})    $memory MB   (goal: 40 MB)"
# of_three FILE: the one in the middle.
of_three() {
	sort -n "$work/window.$1" | sed -n 2p
}

if [ -e "$work/window.copy" ]; then
	running=$(of_three running)
	echo "to a program's first window, in a copy     $(of_three copy) ms   (goal: $((running * 13 / 10)) ms, 1.3 times the last line)"
	echo "once more in the same copy                 $(of_three again) ms"
	echo "in one that was ready                      $(of_three ready) ms   (the same goal)"
	echo "in a booted qube, idle for a minute        $(of_three idle) ms"
	echo "once more in that qube                     $running ms"
fi
