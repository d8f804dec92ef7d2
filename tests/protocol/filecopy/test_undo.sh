#!/bin/bash
# Moves and undo while others have their hands in the same files: what was not sent, and what is not
# what was put into the trash, is never touched.
# shellcheck source=tests/protocol/filecopy/common.sh
. "$(dirname "$0")/common.sh"

last_id() {
	$1 list | tail -n 1 | cut -d ' ' -f 1
}

trash=$work/here/.local/share/Trash/files
escape=$(printf '\033')

# The place of the original is taken; then it is free again.
new_place
echo one >one
copy --move one
echo mine >one
here undo "$(last_id here)" >"$work/undo"
is "the original's place is taken" "1 mine one" "$? $(cat one "$trash/one" | xargs)"
matches "which is said" 'one: cannot put it back: File exists' "$work/undo"
rm one
here undo "$(last_id here)" >"$work/undo"
is "it can be tried again" "0 one" "$? $(cat one)"

# The person emptied the trash and put something else there, of the same name.
new_place
echo one >one
copy --move one
rm "$trash/one" && echo mine >"$trash/one"
here undo "$(last_id here)" >"$work/undo"
is "another object in the trash" 1 $?
matches "is not the original" 'one: what has its name in the trash is another' "$work/undo"
is "and stays" "mine" "$(cat "$trash/one")"
mkdir -p "$work/here/.config/bulkhead"
echo "trash-max-mib = 0" >"$work/here/.config/bulkhead/transfer.conf"
echo two >two
copy two
is "nor is it removed when the trash is full" "0 mine" "$? $(cat "$trash/one")"
matches "the original counts as gone" 'originals gone' <(here list)

# The same name again and again: each comes back to its place.
new_place
for i in 1 2 3; do
	mkdir "d$i" && echo $i >"d$i/same"
	copy --move "d$i/same" && rm "$incoming/same"
done
is "three of one name in the trash" "same same.2 same.3" "$(cd "$trash" && echo ./* | sed 's,\./,,g')"
here list | cut -d ' ' -f 1 | while read -r id; do here undo "$id"; done >/dev/null
is "come back" "1 2 3" "$(cat d1/same d2/same d3/same | xargs)"

# Hard links are one file: that one name went does not change the other.
new_place
echo one >one && ln one two && mkdir tree && ln one tree/three && mkfifo tree/pipe && ln one tree/four
copy --move one two tree
is "a move of hard links" "1 0" "$? $received"
is "leaves none of them" "tree/pipe" "$(find . ! -type d | sed 's,\./,,')"

# What happens between the look at a file and its way into the trash: the sender stands still there,
# until somebody reads what it tells.
held_move() {
	(
		export BULKHEAD_CRASH_LIST=$work/list
		copy --move "$@"
		echo "$? $received" >"$work/statuses"
	) &
	mover=$!
	# It opens the fifo to write, which waits for a reader: the receiver has ended by then.
	while [ ! -s "$work/receiver.status" ]; do sleep 0.02; done
	sleep 0.3
}
go_on() {
	exec 9<>"$work/list"
	wait "$mover"
	exec 9>&-
}
for change in 'echo changed >>one' 'rm one; echo other >one' 'mv one old; ln -s old one' 'echo x >one; rm one'; do
	new_place
	mkfifo "$work/list"
	echo one >one
	held_move one
	eval "$change"
	before=$(ls -Ail)
	go_on
	is "'$change' at the last moment" "1 0" "$(cat "$work/statuses")"
	is "takes nothing else" "$before" "$(ls -Ail)"
	is "nothing of it is in the trash" "" "$(ls -A "$trash" 2>/dev/null)"
done
new_place
mkfifo "$work/list"
mkdir tree && echo one >tree/one
held_move tree
echo new >tree/new
go_on
is "a new file in a directory" "1 0" "$(cat "$work/statuses")"
is "brings it back" "new one" "$(cd tree && echo *)"
matches "which is said" "tree': it has changed since it was sent: it stays" "$work/sender.err"

# The terminal is closed when it has begun to take files away: it ends what it began.
new_place
mkfifo "$work/list"
echo one >one && echo two >two
held_move one two
for signal in HUP INT TERM; do kill -$signal "$(pgrep -f "^$programs/qfile-agent --move one two")"; done
go_on
is "signals when it has begun" "0 0" "$(cat "$work/statuses")"
is "it has all of it" "can be undone" "$(here list | grep -o 'can be undone')"

# More than the trash keeps: one tree goes for good as one, and that is said once.
new_place
mkdir -p "$work/here/.config/bulkhead" tree
echo "trash-max-mib = 1" >"$work/here/.config/bulkhead/transfer.conf"
for i in {1..4}; do head -c 400000 /dev/zero >"tree/$i"; done
copy --move tree
is "a tree larger than the trash" "0 0" "$? $received"
is "is not taken apart in it" "" "$(ls -A "$trash" 2>/dev/null)"
matches "that is said" "'tree': removed for good: more than what the trash keeps" "$work/sender.err"
is "once" 1 "$(wc -l <"$work/sender.err")"
head -c 700000 /dev/zero >a && head -c 700000 /dev/zero >b
copy --move a b
is "the second of two that do not fit together" "a" "$(ls "$trash")"
matches "is named" "'b': removed for good" "$work/sender.err"

# Arrivals do not push out what was moved.
new_place
mkdir -p "$work/here/.config/bulkhead"
printf 'keep-records = 3\n' >"$work/here/.config/bulkhead/transfer.conf"
echo mine >mine
copy --move mine
for i in {1..5}; do
	echo "$i" >"f$i"
	pack "f$i" >"$work/stream"
	HOME=$work/here QREXEC_REMOTE_DOMAIN=other "$programs/qfile-unpacker" <"$work/stream" >/dev/null 2>&1
done 2>/dev/null
is "three arrivals are remembered" 3 "$(here list | grep -c ' from other')"
here undo "$(here list | grep ' move to ' | cut -d ' ' -f 1)" >/dev/null
is "and the move, which can be undone" "0 mine" "$? $(cat mine)"

# A name that acts on a terminal, in every report.
new_place
name="a${escape}]0;x" && echo x >"$name"
receiver_options=(--allow-all-names --verbose)
copy "$name"
is "a name with an escape" "0 0" "$? $received"
no "not in the log" grep -q "$escape" "$work/receiver.err"
# What is mounted can not be moved.
if mount --bind "$incoming/$name" "$incoming/$name" 2>/dev/null; then
	there undo "$(last_id there)" >"$work/undo" 2>&1
	is "one that can not be moved" 1 $?
	matches "is named" 'a_\]0;x.*cannot move it' "$work/undo"
	no "fit for the terminal" grep -q "$escape" "$work/undo"
	umount "$incoming/$name"
fi
no "nor in the list" grep -q "$escape" <(there list)
receiver_options=()

# A record that somebody wrote: paths lead nowhere else, and a wrong one is refused as a whole.
new_place
echo x >x && copy x
records=$work/there/.local/share/bulkhead/transfers
id=$(last_id there)
root=$(grep ^root "$records/$id")
for path in ../x ../../.local/share/bulkhead/transfers /etc/passwd x/../../source/x .. '%2E%2E%2Fx'; do
	{ head -n 2 "$records/$id"; echo "${root% *} $path"; } >"$records/20200101-000000-0000"
	there undo 20200101-000000-0000 >"$work/undo" 2>&1
	is "the path '$path'" 1 $?
	yes "takes nothing" [ -e "$incoming/x" ]
done
for line in "in copy ../x 1" "in copy $escape 1" "in copy . 1" "in  copy x 1" "in copy x -1" "copy in x 1"; do
	printf 'bulkhead-transfer 1\n%s\n' "$line" >"$records/20200101-000000-0000"
	no "the line '$line'" there undo 20200101-000000-0000
	no "shows nothing of it" grep -q "$escape" <(there list)
done
rm "$records/20200101-000000-0000"
mv "$incoming/x" "$work/x" && ln -s "$work/x" "$incoming/x"
there undo "$id" >/dev/null
is "a link where the file was" "1 x" "$? $(cat "$work/x")"
rm "$incoming/x" && mv "$incoming" "$work/elsewhere" && mv "$work/x" "$work/elsewhere/x"
ln -s "$work/elsewhere" "$incoming"
there undo "$id" >/dev/null 2>&1
is "a link where the directory was" "1 x" "$? $(cat "$work/elsewhere/x")"

# Files of another file system, and one that is mounted within.
new_place
if mkdir mounted && mount -t tmpfs -o size=16m none mounted 2>/dev/null; then
	echo one >mounted/one
	copy --move mounted/one
	is "a move from another file system" "0 0" "$? $received"
	is "goes to the trash of that" one "$(cat "mounted/.Trash-$(id -u)/files/one")"
	here undo "$(last_id here)" >/dev/null
	is "and comes back" "0 one" "$? $(cat mounted/one)"
	rm -rf mounted/.Trash* "$incoming/one"
	mkdir tree tree/in && echo two >tree/two
	mount --bind mounted tree/in
	copy --move tree
	is "a tree with a mount in it" "1 0" "$? $received"
	is "leaves that, empty" "tree tree/in" "$(find tree -name .Trash\* -prune -o -print | sort | xargs)"
	umount tree/in
	umount mounted
	# The same file system, mounted a second time: nothing can be renamed out of it.
	mkdir again && mount --bind "$work/here" again
	echo three >again/three
	copy --move again/three
	is "a move from another mount" "0 0" "$? $received"
	is "goes to a trash there" three "$(cat "again/.Trash-$(id -u)/files/three")"
	here undo "$(last_id here)" >/dev/null
	is "and comes back, too" "0 three" "$? $(cat again/three)"
	umount again
fi

summary
