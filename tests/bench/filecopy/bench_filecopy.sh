#!/bin/bash
# Files through a pipe, on tmpfs: qfile-agent into qfile-unpacker, beside tar into tar. Each pair is
# measured in turn, several times; the best counts: of the time that passes, and of the processor's
# time of both ends together, which other work on the machine disturbs less.
# usage: bench_filecopy.sh DIRECTORY-OF-PROGRAMS [MIB-OF-THE-LARGE-FILE]
set -euo pipefail
programs=$1
large_mib=${2:-2048}
rounds=${BENCH_ROUNDS:-3}
directory=/dev/shm
if [ "$(df --output=avail -m "$directory" | tail -n 1)" -lt $((2 * large_mib + 200)) ]; then
	large_mib=$((($(df --output=avail -m "$directory" | tail -n 1) - 200) / 2))
fi
[ "$large_mib" -ge 64 ] || {
	echo "SKIP: no room on $directory"
	exit 77
}
work=$(mktemp -d "$directory/bulkhead-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkfifo answer

# shellcheck disable=SC2094 # the answer is a fifo
copy() {
	rm -rf there/QubesIncoming && mkdir -p there
	HOME=$work/here "$programs/qfile-agent" "$1" <answer |
		HOME=$work/there QREXEC_REMOTE_DOMAIN=bench "$programs/qfile-unpacker" >answer
}

tar_copy() {
	rm -rf there/tar && mkdir -p there/tar
	tar -cf - "$1" | tar -C there/tar -xf -
}

# measure COMMAND...: milliseconds that passed and milliseconds of the processor.
measure() {
	local TIMEFORMAT='%3R %3U %3S'

	{ time "$@" 2>&3; } 3>&2 2>&1 | awk '{ printf "%d %d\n", $1 * 1000, ($2 + $3) * 1000 }'
}

best() {
	[ "$1" -le "$2" ] && echo "$1" || echo "$2"
}

# compare WHAT ARGUMENT UNITS NAME-OF-UNIT
compare() {
	local ours=999999999 theirs=999999999 ours_cpu=999999999 theirs_cpu=999999999 time cpu
	for ((i = 0; i < rounds; i++)); do
		read -r time cpu < <(measure copy "$2")
		ours=$(best "$time" "$ours") ours_cpu=$(best "$cpu" "$ours_cpu")
		rm -rf there
		read -r time cpu < <(measure tar_copy "$2")
		theirs=$(best "$time" "$theirs") theirs_cpu=$(best "$cpu" "$theirs_cpu")
		rm -rf there
	done
	awk -v what="$1" -v units="$3" -v name="$4" -v ours="$ours" -v theirs="$theirs" \
		-v ours_cpu="$ours_cpu" -v theirs_cpu="$theirs_cpu" 'BEGIN {
		printf "%-24s ours %6d ms (%7.0f %s/s, cpu %6d ms)   tar %6d ms (%7.0f %s/s, cpu %6d ms)   tar/ours %.2f, cpu %.2f\n",
			what, ours, units * 1000 / ours, name, ours_cpu, theirs, units * 1000 / theirs, name,
			theirs_cpu, theirs / ours, theirs_cpu / ours_cpu }'
}

mkdir small
head -c 4096 /dev/urandom >block
# shellcheck disable=SC2016 # for the inner shell to expand
seq 10000 | sed 's,^,small/,' | xargs -n 1000 sh -c 'tee "$@" <block >/dev/null' sh
rm block
head -c 1048576 /dev/urandom >piece
compare "10000 files of 4 KiB" small 10000 files
rm -rf small
for ((i = 0; i < large_mib; i++)); do cat piece; done >large
compare "one file of $large_mib MiB" large "$large_mib" MiB
rm -rf large

# Very many files, and a size beyond 32 bits.
mkdir many
seq 100000 | sed 's,^,many/,' | xargs touch
read -r time _ < <(measure copy many)
echo "100000 empty files: $((100000 * 1000 / time)) files/s, $(find there/QubesIncoming -type f | wc -l) arrived"
rm -rf many there
if [ "$(df --output=avail -m "$directory" | tail -n 1)" -gt 4500 ]; then
	truncate -s 4294967297 beyond
	read -r time _ < <(measure copy beyond)
	echo "a file of 4 GiB and a byte: $((4096 * 1000 / time)) MiB/s, $(stat -c %s there/QubesIncoming/bench/beyond) bytes arrived"
fi
