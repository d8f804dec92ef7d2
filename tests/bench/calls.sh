#!/bin/bash
# Calls from dom0 into a real qube: time of whole calls, calls a second, throughput (against the
# bare virtio-serial port: link.sh), and the memory of our processes.
#
# usage: tests/bench/calls.sh BUILD-DIRECTORY [MIB]        (./bulkhead bench)
# shellcheck disable=SC2016 # commands are for the qube to expand
set -euo pipefail

build=$1
mib=${2:-256}
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

time_command() {
	"$build/tests/bench/bench-time-command" "$@"
}

seconds_of() {
	local start=$EPOCHREALTIME end

	"$@"
	end=$EPOCHREALTIME
	echo $((${end/[.,]/} - ${start/[.,]/})) | awk '{ print $1 / 1e6 }'
}

rate() {
	awk -v mib="$mib" -v seconds="$1" 'BEGIN { printf "%.0f", mib / seconds }'
}

to_qube() {
	head -c $((mib << 20)) /dev/zero | qrexec-client -d "$1" "user:cat >/dev/null"
}

from_qube() {
	qrexec-client -d "$1" "user:dd if=/dev/zero bs=64k count=$((mib * 16)) 2>/dev/null" </dev/null >/dev/null
}

# Resident and proportional memory of all host processes of ours, in KiB.
print_memory() {
	local directory program rss pss total_rss=0 total_pss=0

	for directory in /proc/[0-9]*; do
		program=$(readlink "$directory/exe" 2>/dev/null) || continue
		case ${program##*/} in
		bulkheadd | vchan-linkd | qrexec-daemon) ;;
		*) continue ;;
		esac
		tr '\0' '\n' <"$directory/environ" | grep -qxF "BULKHEAD_ROOT=$BULKHEAD_ROOT" || continue
		rss=$(awk '/^Rss:/ { print $2 }' "$directory/smaps_rollup")
		pss=$(awk '/^Pss:/ { print $2 }' "$directory/smaps_rollup")
		printf '  %-15s %6d KiB resident, %6d KiB proportional\n' "${program##*/}" "$rss" "$pss"
		total_rss=$((total_rss + rss))
		total_pss=$((total_pss + pss))
	done
	printf '  %-15s %6d KiB resident, %6d KiB proportional (goal: under 8192)\n' together \
		$total_rss $total_pss
}

measure() {
	local template=$1 qube=calls-$1 to from

	new_qube "$qube" "$template" >/dev/null 2>&1
	start_qube "$qube" 2>/dev/null
	qvm-run --service --pass-io --no-gui "$qube" qubes.WaitForRunningSystem </dev/null >/dev/null 2>&1 || :
	root_in_qube "$qube" 'printf "#!/bin/sh\n" >/etc/qubes-rpc/test.Nothing
		chmod 755 /etc/qubes-rpc/test.Nothing'
	printf '%s: a call that does nothing, as root:          ' "$template"
	time_command -n 200 -c 8 qrexec-client -d "$qube" 'root:QUBESRPC test.Nothing+ dom0'
	printf '%s: the same in the login session of user:      ' "$template"
	time_command -n 200 -c 8 qrexec-client -d "$qube" 'user:QUBESRPC test.Nothing+ dom0'
	to=$(seconds_of to_qube "$qube")
	from=$(seconds_of from_qube "$qube")
	printf '%s: %d MiB through one call: to the qube %d MiB/s, from it %d MiB/s\n' "$template" \
		"$mib" "$(rate "$to")" "$(rate "$from")"
	if [ "$template" = minimal ]; then
		echo "memory of our processes for one running qube:"
		print_memory
	fi
	stop_qube "$qube" 2>/dev/null
}

# The daemon answers while it starts machines.
list_while_starting() {
	local i

	for i in 1 2 3 4 5; do
		qvm-create --class AppVM --template minimal --label gray "busy$i" 2>/dev/null
	done
	qvm-start busy1 busy2 busy3 busy4 busy5 >/dev/null 2>&1 &
	sleep 1
	printf 'qvm-ls while five qubes start:                         '
	time_command -n 200 qvm-ls
	wait
	qvm-kill busy1 busy2 busy3 busy4 busy5 >/dev/null 2>&1
}

use_instance
printf 'start of a process alone:                              '
time_command -n 200 -c 8 /bin/true
measure minimal
list_while_starting
measure debian-12
