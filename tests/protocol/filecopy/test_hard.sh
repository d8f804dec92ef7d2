#!/bin/bash
# The receiver in bad circumstances: somebody moves its directories about, the sender falls silent,
# there are very many files, the disk or the quota is used up. Cases 28 and 33 among them.
# shellcheck disable=SC2317 # functions are run by yes and no
# shellcheck source=tests/protocol/filecopy/common.sh
. "$(dirname "$0")/common.sh"

# A sender that says nothing, and one that stops within a file: given up, nothing left.
new_place
receive --patience 1 <&6 >"$work/result"
is "a silent sender" "110 110" "$? $(code_of "$work/result")"
is "leaves nothing" "" "$(find "$work/there/QubesIncoming" -mindepth 1)"
head -c 2000000 /dev/zero >file
timeout 2 "$programs/qfile-agent" file <&6 2>/dev/null >"$work/stream"
mkfifo "$work/half"
exec 7<>"$work/half"
head -c 60000 "$work/stream" >&7
receive --patience 1 <"$work/half" >"$work/result"
is "one that stops" "110 110" "$? $(code_of "$work/result")"
is "leaves nothing either" "" "$(find "$work/there/QubesIncoming" -mindepth 1)"
# One that is slow goes on: each byte counts.
{
	head -c 30 "$work/stream"
	for _ in 1 2 3; do
		sleep 0.6
		head -c 1 /dev/zero
	done
} | receive --patience 1 >"$work/result"
is "a slow one is waited for" "31415926" "$(code_of "$work/result")"
# But not for ever: four times as long as one that is silent.
{
	head -c 30000 "$work/stream"
	for _ in $(seq 100); do
		sleep 0.3
		head -c 1 /dev/zero 2>/dev/null || break
	done
} | receive --patience 1 >"$work/result"
is "one that sends a byte now and then" "110" "$(code_of "$work/result")"
is "leaves nothing" "" "$(find "$work/there/QubesIncoming" -mindepth 1)"
exec 7<&-

# The same file again and again: refused, until the first is gone.
new_place
echo x >file
copy file
copy file
is "the same file twice" "1 17" "$? $received"
rm "$incoming/file"
copy file
is "once it is gone" "0 0" "$? $received"

# A file that grows while it is sent: what it was.
new_place
head -c 30000000 /dev/zero >large
mkfifo "$work/stream"
timeout 20 "$programs/qfile-agent" large <&6 >"$work/stream" 2>"$work/sender.err" &
exec 7<"$work/stream"
head -c 1000 <&7 >"$work/sent"
echo more >>large
{ cat "$work/sent" - <&7; } | receive >"$work/result" 7<&-
is "a file that grows" "0 30000000" "$(code_of "$work/result") $(stat -c %s "$incoming/large")"
kill $! 2>/dev/null
wait
exec 7<&-

# Directories that are moved about while they fill: nothing is ever made beside them.
new_place
outside=$work/there/outside
mkdir -p "$outside" "$work/there/QubesIncoming/source"
mkdir tree
for i in {1..40}; do
	mkdir -p "tree/d$i/e/f"
	for j in {1..10}; do : >"tree/d$i/e/f/$j"; done
done
move_about() {
	local place directory
	for ((round = 0; round < 100000; round++)); do
		[ ! -e "$work/enough" ] || return 0
		mv -T "$incoming" "$outside/moved" 2>/dev/null &&
			mv -T "$outside/moved" "$incoming" 2>/dev/null
		for place in "$incoming"/.receiving-*/tree/tree/d*/e; do
			directory=$outside/e$round
			mv -T "$place" "$directory" 2>/dev/null && mv -T "$directory" "$place" 2>/dev/null
		done
	done
}
move_about &
mover=$!
for round in 1 2 3 4 5; do
	copy tree
	rm -rf "$incoming/tree"
done
touch "$work/enough"
wait $mover
# What may lie outside is what was moved there with what was in it, and was not put back.
is "nothing is made outside" "" "$(find "$work/there" -path "$work/there/.local" -prune -o -name '[0-9]*' -type f -print |
	grep -vE '/(e/f|e[0-9]+/f|moved/.*/f)/[0-9]+$')"
is "nor above" "QubesIncoming outside" "$(cd "$work/there" && echo [^.]*)"
rm -rf "$outside" "$work/there/QubesIncoming"
copy tree
is "and then all is well" "0 0" "$? $received"
yes "with all of it" diff -r tree "$incoming/tree"

# Very many files, in memory that does not grow with them.
new_place
mkdir many
seq 1 20000 | sed 's,^,many/,' | xargs touch
rm -f "$work/answer"
mkfifo "$work/answer"
# shellcheck disable=SC2094 # the answer is a fifo
HOME=$work/here "$programs/qfile-agent" many <"$work/answer" 2>/dev/null | {
	HOME=$work/there QREXEC_REMOTE_DOMAIN=source "$programs/qfile-unpacker" >"$work/answer" 7>&- &
	receiver=$!
	# The child that reads the stream, once half of it is there; and at the end.
	peak() { awk '/VmRSS/ { print $2 }' "/proc/$(pgrep -P $receiver)/status" 2>/dev/null; }
	while [ ! -e "$(echo "$incoming"/.receiving-*/tree/many)" ] && kill -0 $receiver 2>/dev/null; do
		sleep 0.05
	done
	peak >"$work/early"
	last=
	while now=$(peak) && [ -n "$now" ]; do
		last=$now
		sleep 0.1
	done
	echo "$last" >"$work/late"
	wait $receiver
	echo $? >"$work/receiver.status"
}
is "20000 files" "0 20000" "$(cat "$work/receiver.status") $(find "$incoming/many" -type f | wc -l)"
early=$(cat "$work/early")
late=$(cat "$work/late")
if [ -n "$early" ] && [ -n "$late" ]; then
	is "in memory of one size ($early, $late KiB)" 1 $((late < early + 4096))
fi

# Inodes, and a quota, used up in the middle.
new_place
if mount -t tmpfs -o size=16m,nr_inodes=200 none "$work/there" 2>/dev/null; then
	mkdir many
	seq 1 300 | sed 's,^,many/,' | xargs touch
	copy many
	is "no inode left" "1 28" "$? $received"
	is "leaves nothing" "" "$(find "$incoming" -mindepth 1 2>/dev/null)"
	rm many/2??
	rm many/300
	rm many/1[5-9]?
	copy many
	is "fewer fit" "0 0" "$? $received"
	umount "$work/there"
fi
new_place
echo first >first && head -c 100000 /dev/zero >second
receiver_options=(--max-bytes 50000)
copy --move first second
is "more than is allowed" "1 122" "$? $received"
is "leaves nothing" "" "$(find "$work/there/QubesIncoming" -mindepth 1)"
yes "takes nothing" [ -e first ]
receiver_options=()

# A receiver that is killed when all is there but not shown: whoever comes next shows it, or nothing.
new_place
echo x >a
timeout 2 "$programs/qfile-agent" a <&6 2>/dev/null >"$work/stream"
for _ in {1..6}; do
	rm -rf "$work/there" && mkdir "$work/there"
	HOME=$work/there QREXEC_REMOTE_DOMAIN=source setsid "$programs/qfile-unpacker" \
		<"$work/stream" >/dev/null 2>&1 &
	receiver=$!
	sleep "0.0$((RANDOM % 9))"
	kill -KILL -- "-$receiver" 2>/dev/null
	wait "$receiver" 2>/dev/null
	echo b >b
	copy b
	is "a receiver killed at any time" "0 0" "$? $received"
	case $(cd "$incoming" && find . -mindepth 1 | sort | xargs) in
	./b | "./a ./b") checks=$((checks + 1)) ;;
	*) fail "leaves the whole or nothing" "$(ls -A "$incoming")" ;;
	esac
done

summary
