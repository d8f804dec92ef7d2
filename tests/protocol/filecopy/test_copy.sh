#!/bin/bash
# Copies, whole or not at all, by the real programs.
# shellcheck source=tests/protocol/filecopy/common.sh
. "$(dirname "$0")/common.sh"

new_place
mkdir -p tree/sub/deep tree/empty
echo one >tree/one
head -c 3000000 /dev/urandom >tree/sub/large
: >tree/sub/deep/none
ln -s ../one tree/sub/link
chmod 0640 tree/one
touch -d '2001-02-03 04:05:06.789' tree/one tree/sub
echo single >single
copy tree/ single
is "a tree and a file arrive" "0 0" "$? $received"
yes "as they were" diff -r tree "$incoming/tree"
is "with mode and time" "$(stat -c '%a %y' tree/one tree/sub)" \
	"$(stat -c '%a %y' "$incoming/tree/one" "$incoming/tree/sub")"
is "and the link" ../one "$(readlink "$incoming/tree/sub/link")"
is "nothing is hidden there" "" "$(find "$incoming" -name '.receiving*')"
is "only the user sees it" "700 700" \
	"$(stat -c %a "$work/there/QubesIncoming" "$incoming" | xargs)"

copy single
is "a second time: it exists" "1 17" "$? $received"
matches "and the sender says so" '"single": already exists' "$work/sender.err"
echo new >new
copy new single
is "one of two exists" "1 17" "$? $received"
no "then the other does not arrive either" [ -e "$incoming/new" ]

mkdir more && mkdir more/tree && echo two >more/tree/two
copy more/tree
is "directories merge" "0 0" "$? $received"
yes "what is new is there" [ -f "$incoming/tree/two" ]
yes "and what was before" cmp tree/sub/large "$incoming/tree/sub/large"

# Two arguments of the same name.
mkdir a b && echo a >a/same && echo b >b/same
copy a/same b/same
is "two of one name" "1 17" "$? $received"
no "nothing of it arrives" [ -e "$incoming/same" ]

mkfifo tree/pipe
copy --ignore-symlinks tree/pipe tree/sub
is "without links" "0 0" "$? $received"
matches "a pipe is left out" "'tree/pipe': not a file" "$work/sender.err"
no "so is the link" [ -e "$incoming/sub/link" ]

name=$(printf 'a\nb')
echo odd >"$name"
copy "$name"
is "a name with a line feed" "1 84" "$? $received"
receiver_options=(--allow-all-names)
copy "$name"
is "where all are allowed" "0 0" "$? $received"
yes "has it" [ -f "$incoming/$name" ]
receiver_options=(--max-bytes 1000000)
copy tree/sub/large
is "more bytes than allowed" "1 122" "$? $received"
receiver_options=(--max-entries 1)
copy new b/same
is "more entries than allowed" "1 122" "$? $received"
receiver_options=()

# Streams that end early.
new_place
head -c 2000000 /dev/zero >file
# The sender then waits for an answer, which it need not get here.
timeout 5 "$programs/qfile-agent" file <&6 2>/dev/null >"$work/stream"
for size in 0 4 31 32 35 37 1000 1999999; do
	head -c "$size" "$work/stream" | receive >"$work/result"
	status=$?
	case $size in
	0 | 4 | 31) is "cut at $size" "121 121" "$status $(code_of "$work/result")" ;;
	*) is "cut at $size" "118 31415926" "$status $(code_of "$work/result")" ;;
	esac
	is "leaves nothing after $size" "" "$(find "$work/there/QubesIncoming" -mindepth 1)"
done
receive <"$work/stream" >"$work/result"
is "the whole stream" "0 0" "$? $(code_of "$work/result")"
is "an answer of 20 bytes and the name" 24 "$(stat -c %s "$work/result")"

# A receiver that is killed in the middle; the next one cleans up.
new_place
mkfifo "$work/pipe"
HOME=$work/there QREXEC_REMOTE_DOMAIN=source setsid "$programs/qfile-unpacker" <"$work/pipe" \
	>/dev/null 2>&1 &
receiver=$!
exec 7>"$work/pipe"
head -c 1000000 "$programs/qfile-agent" >file
timeout 2 "$programs/qfile-agent" file <&6 2>/dev/null | head -c 500000 >&7
for _ in {1..200}; do
	[ -z "$(find "$work/there" -name file)" ] || break
	sleep 0.05
done
yes "it gathers out of sight" find "$incoming" -path '*/.receiving-*/tree/file'
kill -KILL -- "-$receiver"
wait "$receiver" 2>/dev/null
exec 7>&-
echo other >other
copy other
is "after a killed receiver" "0 0" "$? $received"
is "nothing of it is left" "other" "$(ls -A "$incoming")"

# Who the sender is.
new_place
echo x >x
for source in '' .. . a/b; do
	copy x
	is "source '$source'" "1 1" "$? $received"
done
unset source
ln -s / "$work/there/QubesIncoming"
copy x
is "incoming is a link" "1 1" "$? $received"

# A disk that is full, where we may mount one.
new_place
if mount -t tmpfs -o size=16m none "$work/there" 2>/dev/null; then
	echo first >first
	copy first
	is "there is room" "0 0" "$? $received"
	head -c 20000000 /dev/zero >large
	echo small >small
	copy small large
	is "a full disk" "1 28" "$? $received"
	is "earlier files stay, nothing else" first "$(ls -A "$incoming")"
	copy small
	is "and there is room again" "0 0" "$? $received"
	umount "$work/there"
fi

# Two at a time do not disturb each other.
new_place
for i in {1..8}; do
	head -c 300000 /dev/urandom >"file$i"
	mkfifo "answer$i"
	# shellcheck disable=SC2094 # the answer is a fifo
	{ HOME=$work/here "$programs/qfile-agent" "file$i" <"answer$i" 2>/dev/null || touch "failed$i"; } |
		receive >"answer$i" &
done
wait
is "eight at a time" 8 "$(find "$incoming" -mindepth 1 -maxdepth 1 | wc -l)"
is "all succeed" "" "$(find . -name 'failed*')"

summary
