#!/bin/bash
# Moves and their undo by the real programs: nothing is lost, whatever happens.
# shellcheck source=tests/protocol/filecopy/common.sh
. "$(dirname "$0")/common.sh"

last_id() {
	$1 list | tail -n 1 | cut -d ' ' -f 1
}

new_place
mkdir -p tree/sub && echo one >tree/one && echo two >tree/sub/two && ln -s one tree/link
chmod 0555 tree/sub
cp -a tree "$work/saved"
copy --move tree
is "a move" "0 0" "$? $received"
no "takes the original" [ -e tree ]
yes "it arrived" diff -r "$work/saved" "$incoming/tree"
yes "the original is in the trash" diff -r "$work/saved" "$work/here/.local/share/Trash/files/tree"
matches "with where it was" "^Path=$work/files/tree\$" "$work/here/.local/share/Trash/info/tree.trashinfo"
here list >"$work/list"
matches "the sender's list" 'move to +@default +2 files .* can be undone +tree$' "$work/list"
there list >"$work/list"
matches "the receiver's list" 'copy from source +2 files .* can be undone +tree$' "$work/list"

id=$(last_id here)
here undo "$id" >"$work/undo"
is "undo at the sender" 0 $?
yes "puts it back" diff -r "$work/saved" tree
is "with its mode" 555 "$(stat -c %a tree/sub)"
is "the trash is empty" "" "$(find "$work/here/.local/share/Trash" -type f)"
no "once" here undo "$id"
id=$(last_id there)
there undo "$id" >"$work/undo"
is "undo at the receiver" 0 $?
no "takes it away" [ -e "$incoming/tree" ]
yes "into the trash" diff -r "$work/saved" "$work/there/.local/share/Trash/files/tree"
there list >"$work/list"
matches "the list says so" ' undone ' "$work/list"

# What arrived and was edited stays.
new_place
mkdir dir && echo a >dir/a && echo b >b && echo c >c
copy dir b c
echo edited >>"$incoming/b"
touch "$incoming/dir/new"
there undo "$(last_id there)" >"$work/undo"
is "undo of what was edited" 1 $?
yes "keeps the file" [ -e "$incoming/b" ]
yes "and the directory" [ -e "$incoming/dir/a" ]
no "not the unchanged one" [ -e "$incoming/c" ]
matches "says why" '^b: it has changed since it arrived' "$work/undo"
rm "$incoming/dir/new"
there undo "$(last_id there)" >"$work/undo"
no "and can be tried again" [ -e "$incoming/dir" ]

# A merge: only what was new is taken back.
new_place
mkdir dir && echo a >dir/a
copy dir
rm dir/a && echo b >dir/b
copy dir
there undo "$(last_id there)" >/dev/null
is "undo of a merge" a "$(ls "$incoming/dir")"

# What was not sent, or has changed, stays.
new_place
mkdir -p tree/sub && echo one >tree/one && echo two >tree/sub/two && mkfifo tree/sub/pipe
copy --move tree
is "a move with a pipe" "1 0" "$? $received"
is "leaves the pipe alone" "tree tree/sub tree/sub/pipe" "$(find tree | sort | xargs)"
matches "and says so" "'tree/sub/pipe': not a file" "$work/sender.err"
here undo "$(last_id here)" >/dev/null
is "its undo" 0 $?
is "puts the parts back" "one two" "$(cat tree/one tree/sub/two | xargs)"

new_place
ln -s x link && mkdir tree && ln -s one tree/link && echo one >tree/one
copy --move --ignore-symlinks tree
is "a move without links" "1 0" "$? $received"
is "leaves the links" "tree/link" "$(find tree -mindepth 1)"

# A receiver that fails: nothing is taken.
new_place
echo one >one && echo two >two
mkdir -p "$incoming" && echo mine >"$incoming/two"
copy --move one two
is "a move that is refused" "1 17" "$? $received"
is "takes nothing" "one two" "$(cat one two | xargs)"
is "records nothing" "" "$(here list)"

# One that confirms falsely, or not at all. 0 and a wrong checksum; half a record; nothing.
for answer in '\0\0\0\0\0\0\0\0\1\2\3\4\0\0\0\0\0\0\0\0' '\0\0\0\0' '' \
	'\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\377\377\0\0'; do
	printf '%b' "$answer" >"$work/reply"
	HOME=$work/here "$programs/qfile-agent" --move one <"$work/reply" >/dev/null 2>"$work/sender.err"
	is "false answer '$answer'" 1 $?
	yes "takes nothing" [ -e one ]
done
printf '\254\377\377\377\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0a\033[1"' >"$work/reply"
HOME=$work/here "$programs/qfile-agent" one <"$work/reply" >/dev/null 2>"$work/sender.err"
matches "a negated code, a name for the terminal" '"a_\[1_": forbidden characters' "$work/sender.err"

# Modified after it was sent, before the receiver confirmed.
new_place
echo one >one && echo two >two
rm -f "$work/answer"
mkfifo "$work/answer" "$work/held"
exec 8<>"$work/held"
{ HOME=$work/here "$programs/qfile-agent" --move one two <&8 2>"$work/sender.err"
	echo $? >"$work/sender.status"; } | receive >"$work/answer" &
head -c 24 "$work/answer" >"$work/record"
echo changed >>one
cat "$work/record" >&8
wait
is "modified while it was sent" 1 "$(cat "$work/sender.status")"
yes "it stays" [ -e one ]
no "the other goes" [ -e two ]
matches "it is named" "'one': it has changed since it was sent" "$work/sender.err"

# Shrinks while it is sent: the receiver gets no whole file, and the move takes nothing.
new_place
head -c 30000000 /dev/zero >large
mkfifo "$work/stream"
HOME=$work/here "$programs/qfile-agent" --move large <&6 >"$work/stream" 2>"$work/sender.err" &
sender=$!
exec 7<"$work/stream"
head -c 1000 <&7 >/dev/null
truncate -s 100 large
cat <&7 >/dev/null
wait $sender
is "a file that shrinks" 1 $?
exec 7<&-
yes "stays" [ -e large ]

# An early refusal stops the sender.
new_place
truncate -s 1G large
mkdir -p "$incoming" && touch "$incoming/large"
before=$SECONDS
copy --move large
is "refused early" "1 17" "$? $received"
yes "and soon" [ $((SECONDS - before)) -lt 60 ]
yes "it stays" [ -e large ]

# Limits of the trash.
new_place
mkdir -p "$work/here/.config/bulkhead"
echo "trash-max-mib = 1" >"$work/here/.config/bulkhead/transfer.conf"
head -c 2000000 /dev/zero >large && echo small >small
copy --move large small
is "larger than the trash" "0 0" "$? $received"
matches "is removed for good, and that is said" "'large': removed for good" "$work/sender.err"
yes "the small one is kept" [ -e "$work/here/.local/share/Trash/files/small" ]
here undo "$(last_id here)" >"$work/undo"
is "undo of a part" 1 $?
is "puts back what there is" small "$(cat small)"
printf 'trash-max-days = 0\nkeep-records = 1\n' >"$work/here/.config/bulkhead/transfer.conf"
echo again >again
copy --move again
is "only the newest is remembered" 1 "$(here list | wc -l)"

no "an id that is none" here undo ../../x
no "an unknown one" here undo 20200101-000000-0000
there --service "undo+$(last_id there)" >/dev/null
is "as the service" 0 $?
no "with something else" there --service remove

summary
