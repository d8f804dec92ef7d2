#!/bin/bash
# How long a disposable takes to its first answer, booted and as a copy of a frozen one; four at
# once; its removal; and the memory of ten idle copies. All on one template, in one run.
#
# usage: tests/bench/disposables.sh [TEMPLATE] (as tests/e2e: BULKHEAD_TEMPLATES, BULKHEAD_PREFIX)
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

template=${1:-minimal}
rounds=5
use_instance
new_qube bench-dvm "$template"
qvm-features bench-dvm frozen-disposables ''
qvm-prefs bench-dvm template_for_dispvms True

milliseconds() {
	echo $(($(date +%s%N) / 1000000))
}

create() {
	qubesd-query -e dom0 admin.vm.CreateDisposable bench-dvm | tr -d '\0' | sed 's/^0//'
}

# first_answer NAME: created until answered; leaves it running.
first_answer() {
	qvm-start "$1" >&2 && [ "$(in_qube "$1" 'echo yes')" = yes ] || echo "no answer of $1" >&2
}

median() {
	sort -n | sed -n "$(((rounds + 1) / 2))p"
}

# measure FILE: first answers and removals, one after the other.
measure() {
	local name begun

	: >"$1.start"
	: >"$1.stop"
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

work=$(mktemp -d)
on_exit "rm -rf $work"
measure "$work/boot"

qvm-features --unset bench-dvm frozen-disposables
for _ in $(seq 400); do
	grep -q '\[bench-dvm\]: info: a disposable is booted and frozen' "$(daemon_log)" && break
	sleep 0.5
done
measure "$work/copy"

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

for _ in 5 6 7 8 9 10; do
	name=$(create)
	first_answer "$name"
	names+=("$name")
done
sleep 10
pss=0
for name in "${names[@]}"; do
	for directory in /proc/[0-9]*; do
		[[ $(readlink "$directory/exe") == *qemu-system* ]] || continue
		[ "$(readlink "$directory/cwd")" = "$(realpath "$BULKHEAD_ROOT/run/bulkhead/qubes/$name")" ] || continue
		pss=$((pss + $(sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "$directory/smaps_rollup")))
	done
done
qvm-kill "${names[@]}"

echo "template                                   $template"
echo "boot to the first answer                   $(median <"$work/boot.start") ms"
echo "copy to the first answer                   $(median <"$work/copy.start") ms"
echo "four copies at once, all answers           $four ms"
echo "removal of a copy, until nothing is left   $(median <"$work/copy.stop") ms"
echo "memory of an idle copy (PSS, one of ten)   $((pss / 10240)) MB"
