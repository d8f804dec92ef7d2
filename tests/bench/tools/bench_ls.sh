#!/bin/bash
# Prints how long qvm-ls takes with 5, 50, 200 and 500 qubes, how long the creation of a qube takes
# beside 200, and how long the daemon takes to start with all of them. Wall time of whole processes,
# median of several runs, in milliseconds.
#
#     bench_ls.sh TOOLS BULKHEADD
set -euo pipefail
tools=$1
bulkheadd=$2
directory=$(mktemp -d)
export BULKHEAD_ROOT=$directory PATH=$tools:$PATH
unset DISPLAY
daemon_pid=

finish() {
	[ -z "$daemon_pid" ] || kill "$daemon_pid"
	wait
	rm -rf "$directory"
}
trap finish EXIT

start_daemon() {
	"$bulkheadd" --ready-fd=3 3>"$directory/ready" </dev/null 2>>"$directory/log" &
	daemon_pid=$!
	read -r -t 60 <"$directory/ready"
}

# median RUNS COMMAND...: of its wall time in milliseconds.
median() {
	local runs=$1 begin end i
	shift
	for ((i = 0; i < runs; i++)); do
		begin=$EPOCHREALTIME
		"$@" >/dev/null
		end=$EPOCHREALTIME
		echo $((${end/./} - ${begin/./}))
	done | sort -n | awk '{ t[NR] = $1 } END { printf "%.2f", t[int((NR + 1) / 2)] / 1000 }'
}

# Creates qubes up to a number.
fill() {
	while [ "$count" -lt "$1" ]; do
		count=$((count + 1))
		qvm-create --template template --label red "qube$count"
	done
}

mkfifo "$directory/ready"
start_daemon
qvm-create --class TemplateVM --label black template
# What bash itself needs to start and await the smallest program of ours.
printf '%-48s %8s ms\n' 'process start (qvm --version)' "$(median 51 qvm --version)"
count=1
for number in 5 50 200 500; do
	fill "$number"
	printf '%-48s %8s ms\n' "qvm-ls, $number qubes" "$(median 51 qvm-ls)"
	[ "$number" != 200 ] || {
		create() { qvm-create --template template --label red "extra$((extra += 1))"; }
		extra=0
		begin=$EPOCHREALTIME
		for _ in 1 2 3 4 5; do create; done
		end=$EPOCHREALTIME
		printf '%-48s %8s ms\n' 'qvm-create beside 200 qubes (mean of 5)' \
			"$(awk -v us=$((${end/./} - ${begin/./})) 'BEGIN { printf "%.2f", us / 5000 }')"
		qvm-remove --force 'extra*'
	}
done
printf '%-48s %8s ms\n' 'qvm-ls --disk, 500 qubes' "$(median 5 qvm-ls --disk)"
printf '%-48s %8s ms\n' 'qvm-check, 500 qubes' "$(median 51 qvm-check --quiet qube7)"

kill "$daemon_pid"
wait "$daemon_pid" || :
begin=$EPOCHREALTIME
start_daemon
end=$EPOCHREALTIME
printf '%-48s %8s ms\n' 'bulkheadd to first answer, 500 qubes' \
	"$(awk -v us=$((${end/./} - ${begin/./})) 'BEGIN { printf "%.2f", us / 1000 }')"
