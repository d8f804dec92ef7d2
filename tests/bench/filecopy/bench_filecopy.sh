#!/bin/bash
# Files through a pipe, on tmpfs: qfile-agent into qfile-unpacker, beside tar into tar. Each pair is
# measured in turn, several times; the best counts.
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

# milliseconds COMMAND...
milliseconds() {
	local start end
	start=$(date +%s%N)
	"$@"
	end=$(date +%s%N)
	echo $(((end - start) / 1000000))
}

# compare WHAT ARGUMENT UNITS NAME-OF-UNIT
compare() {
	local ours=999999999 theirs=999999999 time
	for ((i = 0; i < rounds; i++)); do
		time=$(milliseconds copy "$2")
		[ "$time" -ge "$ours" ] || ours=$time
		rm -rf there
		time=$(milliseconds tar_copy "$2")
		[ "$time" -ge "$theirs" ] || theirs=$time
		rm -rf there
	done
	awk -v what="$1" -v units="$3" -v name="$4" -v ours="$ours" -v theirs="$theirs" 'BEGIN {
		printf "%-28s ours %6d ms (%9.0f %s/s)   tar %6d ms (%9.0f %s/s)   tar/ours %.2f\n",
			what, ours, units * 1000 / ours, name, theirs, units * 1000 / theirs, name, theirs / ours }'
}

mkdir small
# shellcheck disable=SC2016 # for the inner shell to expand
for ((i = 0; i < 10000; i++)); do
	echo "small/$i"
done | xargs -n 1000 sh -c 'for f; do head -c 4096 /dev/zero >"$f"; done' sh
head -c 1048576 /dev/urandom >piece
compare "10000 files of 4 KiB" small 10000 files
rm -rf small
for ((i = 0; i < large_mib; i++)); do cat piece; done >large
compare "one file of $large_mib MiB" large "$large_mib" MiB
