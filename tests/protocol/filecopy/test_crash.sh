#!/bin/bash
# Ends that come at the worst moment: the receiver dies between two renames, between the mark and the
# first of them, while it reads; the sender dies; two of one name come together. What is visible then is
# whole, and what is hidden goes.
# shellcheck source=tests/protocol/filecopy/common.sh
. "$(dirname "$0")/common.sh"

hidden() {
	find "$work/there/QubesIncoming" -name '.receiving-*' 2>/dev/null
}

sweep() {
	HOME=$work/there "$programs/qfile-unpacker" --sweep 2>>"$work/receiver.err"
}

# The receiver is killed after its first rename, of three objects, one of them a merge.
new_place
mkdir dir && echo old >dir/old && copy dir
rm dir/old && echo new >dir/new
echo a >a && echo b >b
for place in landing:renamed landing:complete; do
	export BULKHEAD_CRASH_AT=$place
	copy --move a b dir
	is "a receiver that dies at $place" "1 137" "$? $received"
	unset BULKHEAD_CRASH_AT
	matches "of which the sender hears" 'ended without an answer' "$work/sender.err"
	is "a move takes nothing" "a b dir dir/new" "$(find . -mindepth 1 | sort | sed 's,\./,,' | xargs)"
	# What its parent started to end what it began may have died at the same place.
	sweep
	is "all of it is there when a session starts" "a b dir dir/new dir/old" \
		"$(cd "$incoming" && find . -mindepth 1 | sort | sed 's,\./,,' | xargs)"
	is "nothing is hidden" "" "$(hidden)"
	rm -rf "$incoming/a" "$incoming/b" "$incoming/dir/new"
done

# It is killed within a file: its parent cleans up.
mkfifo "$work/pipe"
HOME=$work/there QREXEC_REMOTE_DOMAIN=source "$programs/qfile-unpacker" <"$work/pipe" >/dev/null 2>&1 &
receiver=$!
exec 7>"$work/pipe"
head -c 500000 /dev/zero >large
pack large | head -c 300000 >&7
while [ -z "$(find "$incoming" -name large)" ]; do sleep 0.02; done
kill -KILL "$(pgrep -P $receiver)"
wait $receiver
is "a receiver that is killed" "137 " "$? $(hidden)"
exec 7>&-
rm "$work/pipe"

# The qube dies with all of its processes: what is not complete goes when the session starts, or with
# whoever sends next, from wherever.
new_place
head -c 500000 /dev/zero >large
pack large | head -c 300000 >"$work/half"
# die SOURCE: a transfer that is cut off with its receiver and its parent.
die() {
	mkfifo "$work/pipe"
	HOME=$work/there QREXEC_REMOTE_DOMAIN=$1 setsid "$programs/qfile-unpacker" <"$work/pipe" >/dev/null 2>&1 &
	local receiver=$!
	exec 7>"$work/pipe"
	cat "$work/half" >&7
	for _ in {1..400}; do
		[ -z "$(find "$work/there/QubesIncoming/$1" -name large 2>/dev/null)" ] || break
		sleep 0.02
	done
	kill -KILL -- "-$receiver"
	wait "$receiver" 2>/dev/null
	exec 7>&-
	rm "$work/pipe"
}
die first && die second
is "two that died" 2 "$(hidden | wc -l)"
echo x >x
copy x
is "another source" "0 0" "$? $received"
is "sweeps them away" "" "$(hidden)"
is "but nothing else" x "$(cat "$incoming/x")"
die first
sweep
is "so does a session when it starts" "0 " "$? $(hidden)"
# One that lives is left alone.
mkfifo "$work/pipe"
HOME=$work/there QREXEC_REMOTE_DOMAIN=alive "$programs/qfile-unpacker" <"$work/pipe" >"$work/result" 2>/dev/null &
alive=$!
exec 7>"$work/pipe"
cat "$work/half" >&7
while [ -z "$(find "$work/there/QubesIncoming/alive" -name large 2>/dev/null)" ]; do sleep 0.02; done
sweep
is "a receiver that lives" "0 1" "$? $(hidden | wc -l)"
exec 7>&-
wait $alive
is "ends by itself" "118" $?
is "and leaves not even its directory" "first second source" "$(cd "$work/there/QubesIncoming" && echo ?*)"
rm -rf "$work/there/QubesIncoming" && ln -s / "$work/there/QubesIncoming"
sweep
is "through no link" 1 $?

# Two of one name at the same time, the second complete when the first is not yet: one wins.
new_place
mkdir dir && echo one >same && echo sub >dir/sub && chmod 0555 dir
pack dir same >"$work/stream"
mkfifo "$work/pipe"
HOME=$work/there QREXEC_REMOTE_DOMAIN=source "$programs/qfile-unpacker" <"$work/pipe" >"$work/result" 2>/dev/null &
slow=$!
exec 7>"$work/pipe"
head -c -32 "$work/stream" >&7
while [ -z "$(find "$work/there" -name same 2>/dev/null)" ]; do sleep 0.02; done
copy same
is "the faster of two" "0 0" "$? $received"
tail -c 32 "$work/stream" >&7
exec 7>&-
wait $slow
is "the slower one" "17 17" "$? $(code_of "$work/result")"
is "brings nothing, also no directory that may not be changed" same "$(ls -A "$incoming")"

# A merge that fails changes neither the mode nor the time of what was there.
new_place
mkdir dir && echo old >dir/old && chmod 0700 dir && touch -d 2001-02-03 dir && copy dir
before=$(stat -c '%a %y' "$incoming/dir")
rm dir/old && echo new >dir/new && chmod 0755 dir && echo z >z
pack dir z >"$work/stream"
mkfifo "$work/pipe"
HOME=$work/there QREXEC_REMOTE_DOMAIN=source "$programs/qfile-unpacker" <"$work/pipe" >"$work/result" 2>/dev/null &
slow=$!
exec 7>"$work/pipe"
head -c -32 "$work/stream" >&7
while [ -z "$(find "$incoming" -name z 2>/dev/null)" ]; do sleep 0.02; done
echo mine >"$incoming/z"
tail -c 32 "$work/stream" >&7
exec 7>&-
wait $slow
is "a merge that fails" 17 "$(code_of "$work/result")"
is "keeps the mode" "${before%% *}" "$(stat -c %a "$incoming/dir")"
is "and what is in it" "old mine" "$(cd "$incoming" && { ls dir; cat z; } | xargs)"

# One that fails does not take the directory from another that just came.
new_place
echo x >x
pack x >"$work/stream"
failed=0
for _ in {1..15}; do
	rm -rf "$work/there/QubesIncoming"
	: | receive >/dev/null &
	receive <"$work/stream" >"$work/result"
	[ "$(code_of "$work/result")" = 0 ] || failed=$((failed + 1))
	wait
done
is "beside one that fails" 0 $failed

summary
