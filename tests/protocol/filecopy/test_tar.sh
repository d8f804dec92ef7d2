#!/bin/bash
# tar2qfile: archives of several kinds into the real receiver, and such as nobody should believe.
# shellcheck disable=SC2317 # functions are run by yes and no
# shellcheck source=tests/protocol/filecopy/common.sh
. "$(dirname "$0")/common.sh"

# send ARCHIVE PATH...: the sender's status; the receiver's is in $received.
send() {
	local status
	rm -f "$work/answer"
	mkfifo "$work/answer"
	{
		"$programs/tar2qfile" "$@" <"$work/answer" 2>"$work/sender.err"
		echo $? >"$work/sender.status"
	} | {
		receive "${receiver_options[@]}" >"$work/answer"
		echo $? >"$work/receiver.status"
	}
	received=$(cat "$work/receiver.status")
	status=$(cat "$work/sender.status")
	return "$status"
}
receiver_options=(--allow-all-names)

new_place
long=$(printf 'x%.0s' {1..200})
mkdir -p "vm/$long/$long" vm/sub
echo one >vm/one
head -c 100000 /dev/urandom >vm/sub/large
: >vm/sub/none
ln -s ../one vm/sub/link
ln -s "$long/$long/$long/y" vm/sub/far
echo deep >"vm/$long/$long/deep"
chmod 0640 vm/one
touch -d '2001-02-03 04:05:06.789' vm/one vm/sub
for format in ustar gnu pax; do
	rm -rf "$incoming"
	if [ $format = ustar ]; then
		tar -cf "$work/a.tar" --format=ustar --exclude="$long" --exclude=far vm
		send "$work/a.tar" ''
		is "an archive of kind $format" "0 0" "$? $received"
		is "as it was" "$(cd vm/sub && stat -c "%A %s" large none)" \
			"$(cd "$incoming/vm/sub" && stat -c "%A %s" large none)"
		continue
	fi
	tar -cf "$work/a.tar" --format=$format vm
	send "$work/a.tar" ''
	is "an archive of kind $format" "0 0" "$? $received"
	yes "as it was" diff -r --no-dereference vm "$incoming/vm"
	is "with its links" "$(readlink vm/sub/far)" "$(readlink "$incoming/vm/sub/far")"
	is "and modes" "$(stat -c '%a %Y' vm/one vm/sub)" \
		"$(stat -c '%a %Y' "$incoming/vm/one" "$incoming/vm/sub")"
done
is "and times to the nanosecond, where it has them" "$(stat -c %y vm/one)" \
	"$(stat -c %y "$incoming/vm/one")"

rm -rf "$incoming"
tar -cf "$work/a.tar" vm
send "$work/a.tar" vm/sub/large vm/one
is "some of it" "0 0" "$? $received"
is "arrives" "./vm ./vm/one ./vm/sub ./vm/sub/large" "$(cd "$incoming" && find . -mindepth 1 | sort | xargs)"
rm -rf "$incoming"
send "$work/a.tar" vm/sub
is "a tree of it" "0 0" "$? $received"
is "arrives whole" "./vm ./vm/sub ./vm/sub/far ./vm/sub/large ./vm/sub/link ./vm/sub/none" \
	"$(cd "$incoming" && find . -mindepth 1 | sort | xargs)"
rm -rf "$incoming"
send "$work/a.tar" vm/one vm/nothing
is "what is not there" "1 121" "$? $received"
is "leaves nothing" "" "$(find "$incoming" -mindepth 1 2>/dev/null)"
matches "and is named" "has no 'vm/nothing'" "$work/sender.err"
# Stops early: what comes after is not looked at.
{ tar -cf - vm/one | head -c 1024; head -c 5000 /dev/urandom; } >"$work/b.tar"
send "$work/b.tar" vm/one
is "what was asked for is enough" "0 0" "$? $received"
(cd vm && tar -cf "$work/c.tar" ./one)
rm -rf "$incoming"
send "$work/c.tar" ''
is "names with a dot in front" "0 one" "$? $(ls "$incoming")"
rm -rf "$incoming"
receiver_options=(--max-bytes 1000)
send "$work/a.tar" ''
is "a receiver that refuses" "1 122" "$? $received"
matches "is heard" 'quota' "$work/sender.err"
receiver_options=(--allow-all-names)

# bad WHAT ARCHIVE: ends in an error, and nothing arrives.
bad() {
	rm -rf "$incoming"
	send "$2" ''
	is "$1" 1 $?
	is "$1: nothing arrives" "" "$(find "$incoming" -mindepth 1 2>/dev/null)"
}
for size in 0 100 512 1500; do
	head -c $size "$work/a.tar" >"$work/d.tar"
	bad "cut off at $size" "$work/d.tar"
done
ln vm/one vm/hard && tar -cf "$work/d.tar" vm/one vm/hard
bad "a hard link" "$work/d.tar"
rm vm/hard && mkfifo vm/pipe && tar -cf "$work/d.tar" vm/pipe
bad "a pipe" "$work/d.tar"
rm vm/pipe && truncate -s 10M vm/sparse && tar -S -cf "$work/d.tar" vm/sparse
bad "a sparse file" "$work/d.tar"
tar -S --format=pax -cf "$work/d.tar" vm/sparse
bad "a sparse file of pax" "$work/d.tar"
tar -P -cf "$work/d.tar" "$PWD/vm/one"
bad "an absolute name" "$work/d.tar"
(cd vm && tar -P -cf "$work/d.tar" ../vm/one)
bad "a name upwards" "$work/d.tar"
tar -cf "$work/d.tar" vm/one && printf '9' | dd of="$work/d.tar" bs=1 seek=130 conv=notrunc 2>/dev/null
bad "a wrong checksum" "$work/d.tar"
tar --format=pax --pax-option=globexthdr.name=x,path=vm/other -cf "$work/d.tar" vm/one
bad "a record for all members" "$work/d.tar"
head -c 20000 /dev/urandom >"$work/d.tar"
bad "no archive at all" "$work/d.tar"
"$programs/tar2qfile" "$work/a.tar" </dev/null >/dev/null 2>&1
is "no path" 2 $?

summary
