#!/bin/bash
# The states of a qube's disks: kept, named, gone back to, what they cost; sizes; content from
# elsewhere (issue "Undo for a qube's disk").
# shellcheck disable=SC2016 # commands are for the qube to expand
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_instance
use_template minimal
qvm-check --quiet --running shared 2>/dev/null && qvm-kill shared >/dev/null 2>&1
new_qube undo minimal
gib=$((1 << 30))
scratch=$BULKHEAD_ROOT/volumes.img
on_exit "rm -f '$scratch'"

# states VM:VOLUME: "KIND SNAPSHOT" of each; bytes_of VM:VOLUME SNAPSHOT
states() {
	qvm-volume info "$1" states | awk 'NR > 1 { print $4, $5 }' | sort | xargs
}

bytes_of() {
	qvm-volume info "$1" states | awk -v name="$2" '$5 == name { print $7 }'
}

date_of() {
	qvm-volume info "$1" states | awk -v name="$2" '$5 == name { print $6 }'
}

size_of() {
	qvm-volume info "$1" size
}

# The images that a running machine reads for a disk, by its descriptors.
images_of() {
	local directory count=0 fd

	for directory in /proc/[0-9]*; do
		[ "$(readlink "$directory/cwd" 2>/dev/null)" = "$(realpath -m "$BULKHEAD_ROOT/run/bulkhead/qubes/$1")" ] || continue
		case $(readlink "$directory/exe") in *qemu-system*) ;; *) continue ;; esac
		count=$(for fd in "$directory"/fd/*; do readlink "$fd"; done | grep -E "/$2-[0-9]+\.qcow2$" | sort -u | wc -l)
	done
	echo "$count"
}

# comes_to VALUE COMMAND...: what it says within a minute.
comes_to() {
	local value=$1 said=''

	shift
	for _ in $(seq 300); do
		said=$("$@")
		[ "$said" = "$value" ] && return
		sleep 0.2
	done
	echo "it says $said"
	return 1
}

# What the daemon says of all states: "KIND DEPTH", a line each.
depths() {
	qubesd-query -e dom0 bulkhead.vm.volume.ListStates "${1%%:*}" "${1#*:}" </dev/null |
		sed -n 's/.* kind=\([a-z]*\) .* depth=\([0-9]*\) .*/\1 \2/p'
}

# settle VM:VOLUME...: folding takes place some time after the last stop. Then the content lies on
# nothing, and what is kept directly on that.
settle() {
	local name _

	for name in "$@"; do
		for _ in $(seq 300); do
			[ "$(qvm-volume info "$name" work)" = none ] &&
				! depths "$name" | grep -qvx -e 'current 1' -e 'revision 2' && continue 2
			sleep 0.2
		done
		depths "$name"
		return 1
	done
}

revisions() {
	qvm-volume info "$1" revisions | xargs
}

# --- private: kept at each clean stop, by number and by name -----------------------------------

require "the qube starts" start_qube undo
in_qube undo 'echo first >/home/user/file; dd if=/dev/urandom of=/home/user/bulk bs=1M count=4 2>/dev/null; sync'
check_fails "of what was saved there is no snapshot yet" qvm-volume snapshot --saved undo:private first
is "nothing was saved yet" "" "$(revisions undo:private)"
require "it stops" stop_qube undo
check "a snapshot with a name" qvm-volume snapshot undo:private first
matches "has a date" '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$' "$(date_of undo:private first)"
check_fails "the same name again is refused" qvm-volume snapshot undo:private first
check_fails "and a name that is a number" qvm-volume snapshot undo:private 7

require "it starts again" start_qube undo
in_qube undo 'echo second >/home/user/file; sync'
# Online: the disk and the file system in it.
is "it has 2 GiB" $((2 * gib)) "$(size_of undo:private)"
before=$(in_qube undo "df -k /rw | awk 'END { print \$2 }'")
check "private grows while it runs" qvm-volume resize undo:private 3GiB
is "the volume has" $((3 * gib)) "$(size_of undo:private)"
is "the disk in the qube has" $((3 * gib / 512)) "$(in_qube undo 'cat /sys/class/block/xvdb/size 2>/dev/null || cat /sys/class/block/vdb/size')"
after=$(in_qube undo "df -k /rw | awk 'END { print \$2 }'")
check "so has the file system" test "$after" -gt $((before + 900000))
check_fails "shrinking is refused" qvm-volume resize --force undo:private 1GiB
require "it stops" stop_qube undo
check "folding comes to an end" settle undo:private
is "the content lies on nothing, what is kept on that" "current 1 revision 2" \
	"$(depths undo:private | sort | xargs)"
is "one content, one snapshot" "current - revision first" "$(states undo:private)"
check "the snapshot costs what has changed since" test "$(bytes_of undo:private first)" -lt $((3 << 20))
check "the content what is in it" test "$(bytes_of undo:private -)" -gt $((4 << 20))
matches "the list tells it, too" 'undo +private +[0-9]+ +revision +first +20[^ ]+ +[0-9]+' \
	"$(qvm-volume list --states undo)"

check "back to the snapshot" qvm-volume revert undo:private first
require "it starts" start_qube undo
is "the old file is there" first "$(in_qube undo 'cat /home/user/file')"
check_fails "a running qube is not reverted" qvm-volume revert undo:private
require "it stops" stop_qube undo
check "back from there, by number" qvm-volume revert undo:private "$(qvm-volume info undo:private states | awk '$4 == "revision" && $5 == "-" { print $3 }' | head -n 1)"
check "folding comes to an end" settle undo:private
check "offline, root and private" qvm-volume resize undo:private 4GiB
require "it starts" start_qube undo
is "undo can be undone" second "$(in_qube undo 'cat /home/user/file')"
check "the file system has grown at the start" test "$(in_qube undo "df -k /rw | awk 'END { print \$2 }'")" -gt $((after + 900000))
is "it runs on two images" 2 "$(images_of undo private)"
# What it has on its disk at this moment, and what it does not have any more.
in_qube undo 'echo live >/home/user/live; echo third >/home/user/file'
check "so can what it is writing" qvm-volume snapshot undo:private live
in_qube undo 'rm /home/user/live; sync'
is "it goes on in another image" "revision live running -" \
	"$(qvm-volume info undo:private states | awk '$5 == "live" || $4 == "running" { print $4, $5 }' | sort | xargs)"
check "which is folded while it runs" comes_to 2 images_of undo private
check "what was saved can be kept while it runs" qvm-volume snapshot --saved undo:private running
require "it stops" stop_qube undo
check "back to what it was writing" qvm-volume revert undo:private live
require "it starts" start_qube undo
is "that is all there" "live third" "$(in_qube undo 'cat /home/user/live /home/user/file' | xargs)"
# Stopped and started at once: nothing is folded yet.
require "it starts again at once" restart_qube undo
check "more than two images are folded while it runs" comes_to 2 images_of undo private
is "and all is there" "live third" "$(in_qube undo 'cat /home/user/live /home/user/file' | xargs)"
require "it stops" stop_qube undo
check "a snapshot is deleted" qvm-volume delete undo:private first
check_fails "and is gone" qvm-volume revert undo:private first

# --- content from elsewhere --------------------------------------------------------------------

head -c 3000000 /dev/urandom >"$scratch"
sum=$(head -c 3000000 "$scratch" | sha256sum)
content_of() {
	qemu-img convert -f qcow2 -O raw "$(qvm-volume info "$1" path)" "$scratch.raw"
	head -c 3000000 "$scratch.raw" | sha256sum
	rm -f "$scratch.raw"
}
truncate -s 3001344 "$scratch"
check "a file is imported" qvm-volume import undo:private "$scratch"
is "with its size" 3001344 "$(size_of undo:private)"
is "byte for byte" "$sum" "$(content_of undo:private)"
# As a qube calls it: the policy lets a qube manage another, the data comes as a stream.
service() {
	QREXEC_REMOTE_DOMAIN=mgmt QREXEC_REQUESTED_TARGET_TYPE=name QREXEC_REQUESTED_TARGET=undo \
		"$BULKHEAD_ROOT/run/qubes-rpc/$1" private | tr '\0' '|'
}
is "the service takes a stream" "0|" "$({ echo 3001344 && cat "$scratch"; } | service admin.vm.volume.ImportWithSize)"
is "and the volume's own size" "0|" "$(service admin.vm.volume.Import <"$scratch")"
qvm-volume clear --force undo:private
check "a cleared volume is empty" test "$(qvm-volume info undo:private path)" = ""
matches "a cut stream changes nothing" "not enough data .copied 1000000 bytes, expected 3001344 bytes" \
	"$({ echo 3001344 && head -c 1000000 "$scratch"; } | service admin.vm.volume.ImportWithSize)"
matches "nor does one that does not end" "too much data .expected 1000 bytes" \
	"$({ echo 1000 && cat "$scratch"; } | service admin.vm.volume.ImportWithSize)"
matches "nor one without a size" "^2.ProtocolError" \
	"$(head -c 100 /dev/zero | service admin.vm.volume.ImportWithSize)"
check "it is still empty" test "$(qvm-volume info undo:private path)" = ""
is "no file is left of them" "" "$(ls "$BULKHEAD_ROOT/var/lib/qubes/import")"
check "back to the snapshot of the running time" qvm-volume revert undo:private running
check "a clone over another qube's volume" qvm-create --class AppVM --template minimal --label red undone
check "is made" qvm-volume clone --force undo:private undone:private
check "with the same size" test "$(size_of undone:private)" = "$(size_of undo:private)"
qvm-remove --force undone

# --- a template's update, gone back on -----------------------------------------------------------

# shellcheck disable=SC2317 # run by require
in_template() {
	start_qube minimal && root_in_qube minimal "$1" && stop_qube minimal
}
seen() {
	in_qube undo 'cat /etc/version 2>/dev/null || echo none'
}
require "the template starts" start_qube minimal
root_in_qube minimal 'echo one >/etc/version; sync'
before=$(root_in_qube minimal "df -k / | awk 'END { print \$2 }'")
check "its root grows while it runs" qvm-volume resize minimal:root 10752MiB
check "so does the file system" test "$(root_in_qube minimal "df -k / | awk 'END { print \$2 }'")" -gt $((before + 400000))
require "it stops with a first version" stop_qube minimal
settle minimal:root
check "the root's size grows offline" qvm-volume resize minimal:root 11GiB
check "what is volatile is to be ephemeral" qvm-volume config undo:volatile ephemeral True
check_fails "what is kept is not" qvm-volume config undo:private ephemeral True
require "a qube starts on it" start_qube undo
is "it sees one" one "$(seen)"
is "its root is two images" 2 "$(images_of undo root)"
is "and as large" $((11 * gib / 512)) "$(in_qube undo 'cat /sys/class/block/xvda/size 2>/dev/null || cat /sys/class/block/vda/size')"
root_in_qube undo 'd=/dev/disk/by-id/none; for d in /sys/class/block/*; do [ "$(cat "$d/serial" 2>/dev/null)" = volatile ] && d=/dev/${d##*/} && break; done; for i in $(seq 2000); do echo marker-of-the-volatile; done >/tmp/marker; dd if=/tmp/marker of="$d" bs=4k conv=fsync 2>/dev/null; dd if="$d" bs=4k count=4 2>/dev/null | grep -qaF marker-of-the-volatile && echo found' >"$scratch.found"
is "the qube reads what it has written there" found "$(cat "$scratch.found")"
check_fails "in the image it is not to be seen" grep -qaF marker-of-the-volatile "$(qvm-volume info undo:volatile path)"
rm -f "$scratch.found"
is "a running root can grow, too" "" "$(qvm-volume resize undo:root 11520MiB 2>&1)"
is "in the qube" $((11520 * 2048)) "$(in_qube undo 'cat /sys/class/block/xvda/size 2>/dev/null || cat /sys/class/block/vda/size')"
require "the template is updated" in_template 'echo two >/etc/version; sync'
is "the qube is outdated" True "$(qvm-volume info undo:root is_outdated)"
# On the update, and through it on what the other one uses: three images, until they are folded.
new_qube redo minimal
require "another one starts on the update" start_qube redo
check "it comes to run on two images" comes_to 2 images_of redo root
is "with all that is in it" two "$(in_qube redo 'cat /etc/version')"
is "and is not outdated" False "$(qvm-volume info redo:root is_outdated)"
qvm-kill redo >/dev/null
qvm-remove --force redo
check "the update is taken back before the qube was started again" qvm-volume revert minimal:root
is "it is not outdated any more" False "$(qvm-volume info undo:root is_outdated)"
is "and goes on" one "$(seen)"
require "it starts again" restart_qube undo
is "it sees one" one "$(seen)"
check "the update is put in force again" qvm-volume revert minimal:root
require "it starts again" restart_qube undo
is "it sees two" two "$(seen)"
check "the update is taken back after that" qvm-volume revert minimal:root
is "the running qube goes on with it" two "$(seen)"
is "and is outdated" True "$(qvm-volume info undo:root is_outdated)"
require "it stops" stop_qube undo
check "folding comes to an end" settle minimal:root undo:private
require "it starts" start_qube undo
is "it sees one" one "$(seen)"
is "from two images" 2 "$(images_of undo root)"
require "it stops" stop_qube undo
check "folding comes to an end" settle undo:private
is "of many starts and stops there is one content, one revision, two snapshots" \
	"current - revision - revision live revision running" "$(states undo:private)"
for image in "$BULKHEAD_ROOT"/var/lib/qubes/appvms/undo/*.qcow2; do
	check "${image##*/} is sound" qemu-img check -q "$image"
done

check "the qube is removed" qvm-remove --force undo
finish
