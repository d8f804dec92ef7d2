#!/bin/bash
# What a tree may have in it that is no plain file: names, kinds, modes, times and sizes at their limits,
# things that may not be read, and those that come and go while they are sent.
# shellcheck source=tests/protocol/filecopy/common.sh
. "$(dirname "$0")/common.sh"

new_place
mkdir tree
long=$(printf 'a%.0s' {1..255})
deep=$(printf 'd/%.0s' {1..300})
echo x >"tree/$long"
mkdir -p "tree/$deep" && echo deep >"tree/$deep/x"
echo x >"$(printf 'tree/\xff\xfe')"
echo suid >tree/suid && chmod 6755 tree/suid
echo zero >tree/zero && chmod 0 tree/zero
mkdir tree/closed && echo in >tree/closed/in && chmod 0 tree/closed
mkfifo tree/pipe
truncate -s 20M tree/sparse && echo end >>tree/sparse
ln -s . tree/self && mkdir tree/sub && ln -s ../tree-that-is-not tree/sub/dangling
[ "$(id -u)" -eq 0 ] && mknod tree/null c 1 3
receiver_options=(--allow-all-names)
if [ "$(id -u)" -eq 0 ]; then
	copy tree
	is "an odd tree" "0 0" "$? $received"
	matches "but for what is no file" "'tree/null': not a file" "$work/sender.err"
	chmod 0700 tree/closed "$incoming/tree/closed"
	is "the same but for these" "Only in tree: null Only in tree: pipe" "$(diff -r --no-dereference tree "$incoming/tree" | xargs)"
	is "without the set-id bits, with the others" "755 0" "$(stat -c %a "$incoming/tree/suid" "$incoming/tree/zero" | xargs)"
	rm -rf "$incoming/tree"
	copy --move tree
	is "moving it leaves what was not sent" "1 tree tree/null tree/pipe" "$? $(find tree | sort | xargs)"
fi
receiver_options=()

# Names beyond what the other side can make.
new_place
for _ in {1..60}; do
	mkdir -p "$long"
	cd "$long" || break
done
echo x >x
cd "$work/files" || exit 1
copy "$long"
is "a path of 15000 bytes" "0 0" "$? $received"
is "arrives" 61 "$(find "$incoming/$long" 2>/dev/null | wc -l)"
rm -rf "${incoming:?}/$long"
(for _ in {1..60}; do cd "$long" || exit; done; for _ in {1..6}; do mkdir "$long" && cd "$long" || exit; done)
copy "$long"
is "one that no receiver takes" 1 $?
matches "is named" 'File name too long' "$work/sender.err"
is "and leaves nothing" "" "$(ls -A "$incoming")"

# May not be read: nothing arrives, a move takes nothing, and it is named.
new_place
mkdir tree && echo a >tree/a && echo b >tree/b && chmod 0 tree/b
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	chmod 0755 "$work" && chown -R 65534 "$work/files" "$work/here"
	rm -f "$work/answer" && mkfifo "$work/answer" && chmod 666 "$work/answer"
	# shellcheck disable=SC2094 # the answer is a fifo
	{ HOME=$work/here setpriv --reuid 65534 --clear-groups "$programs/qfile-agent" --move tree \
		<"$work/answer" 2>"$work/sender.err"
		echo $? >"$work/sender.status"; } | receive >"$work/answer"
	is "one that may not be read" 1 "$(cat "$work/sender.status")"
	matches "is named" "'tree/b': Permission denied" "$work/sender.err"
	is "takes nothing" "a b" "$(cd tree && echo ?)"
	is "nothing arrives" "" "$(find "$work/there/QubesIncoming" -mindepth 1)"
fi

# A tree that changes while it is sent: whole, or not at all, and a move takes only what it sent.
new_place
mkdir tree
for i in {1..200}; do echo "$i" >"tree/$i"; done
churn() {
	while [ ! -e "$work/enough" ]; do
		for i in 7 77 177; do
			rm -f "tree/$i" && ln -s /etc/passwd "tree/$i" && rm -f "tree/$i"
			echo "again $RANDOM" >"tree/$i"
			mv "tree/$i" "tree/$i.moved" && mv "tree/$i.moved" "tree/$i"
		done
	done 2>/dev/null
}
churn &
churner=$!
for _ in {1..6}; do
	copy --move tree
	sent=$?
	if [ "$received" = 0 ]; then
		is "no link came with it" "" "$(find "$incoming/tree" -type l)"
		rm -rf "$incoming/tree"
	else
		is "nothing came" "1 " "$sent $(ls -A "$incoming" 2>/dev/null)"
	fi
	[ -d tree ] || break
done
touch "$work/enough"
wait $churner
trash=$work/here/.local/share/Trash/files
gone=0
for i in {1..200}; do
	[ -e "tree/$i" ] || [ -e "$trash/$i" ] || [ -e "$trash/tree/$i" ] || gone=$((gone + 1))
done
is "each is where it was or in the trash" 0 $gone

# Each call of the sender that may fail fails once, in a move: what is gone here has arrived there, and what
# arrived is whole.
if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
	echo "SKIP: calls that fail: no strace"
	summary
fi
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
wrong=
for call in getdents64:6 openat:9 newfstatat:8 read:6 write:3 renameat2:2 unlink:1 fsync:2 readlinkat:1; do
	for ((when = 1; when <= ${call#*:}; when++)); do
		new_place
		mkdir tree && echo one >tree/one && echo two >tree/two && ln -s one tree/link
		mkfifo "$work/answer"
		# shellcheck disable=SC2094 # the answer is a fifo
		HOME=$work/here strace -qq -o /dev/null -e "trace=${call%:*}" -e "inject=${call%:*}:error=EIO:when=$when" \
			"$programs/qfile-agent" --move tree <"$work/answer" 2>"$work/sender.err" | receive >"$work/answer"
		stayed=$(find tree -type f 2>/dev/null | wc -l)
		arrived=$(find "$incoming" -path '*/tree/*' -type f 2>/dev/null | wc -l)
		trashed=$(find "$trash" -type f 2>/dev/null | wc -l)
		case "$arrived $stayed" in
		"0 2") ;;
		2*) [ $((stayed + trashed)) -eq 2 ] || wrong="$wrong $call:$when" ;;
		*) wrong="$wrong $call:$when" ;;
		esac
	done
done
is "whatever fails, nothing is lost" "" "$wrong"

summary
