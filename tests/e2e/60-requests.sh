#!/bin/bash
# What a person or a program may get wrong; the daemon answers clearly, lives on, loses nothing.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_shared_qube
socket=$BULKHEAD_ROOT/run/qubesd.sock

for name in '1abc' 'a b' 'none' 'x-dm' "$(printf 'a%.0s' {1..32})" '../x' ''; do
	check_fails "the name '$name' is refused" qvm-create --class AppVM --template minimal --label red -- "$name"
done
check_fails "an unknown label is refused" qvm-create --class AppVM --template minimal --label pink pinky
check_fails "an unknown template is refused" qvm-create --class AppVM --template nowhere --label red lost
is "a client that says nothing is no trouble" shared "$(
	socat -u "UNIX-CONNECT:$socket" - </dev/null >/dev/null &
	qvm-ls --raw-list shared
	kill $!
)"
is "1 MiB of request gets no answer" "" \
	"$(head -c 1048576 /dev/zero | timeout 20 socat -t 5 - "UNIX-CONNECT:$socket" 2>/dev/null)"
is "a request that is none gets no answer" "" \
	"$(printf 'nonsense' | timeout 20 socat -t 5 - "UNIX-CONNECT:$socket" 2>/dev/null)"
check "the daemon lives on" qvm-check shared

# Images and the store go bad.
check "a qube to be hurt" new_qube hurt minimal
check "it starts" start_qube hurt
in_qube hurt 'echo content >/home/user/file'
check "it stops" stop_qube hurt
mkdir "$BULKHEAD_ROOT/away"
mv "$BULKHEAD_ROOT"/var/lib/qubes/vm-templates/minimal/root-*.qcow2 "$BULKHEAD_ROOT/away"
output=$(qvm-start hurt 2>&1)
matches "a root image that vanished is named" 'root' "$output"
is "the qube is halted" Halted "$(qvm-ls --raw-data --fields STATE hurt)"
mv "$BULKHEAD_ROOT"/away/root-*.qcow2 "$BULKHEAD_ROOT/var/lib/qubes/vm-templates/minimal"
rmdir "$BULKHEAD_ROOT/away"
check "with its image it starts again" start_qube hurt
is "with its files" content "$(in_qube hurt 'cat /home/user/file')"
check "it stops again" stop_qube hurt

image=$(find "$BULKHEAD_ROOT/var/lib/qubes/appvms/hurt" -name 'private-*.qcow2' | sort | tail -n 1)
is "images are for the daemon alone" 600 "$(stat -c %a "$image")"
# As if it had said which programs it has.
mkdir -p "$BULKHEAD_ROOT/var/lib/qubes/appmenus/hurt/icons"
check "its removal" qvm-remove --force hurt
is "leaves nothing" "" "$(find "$BULKHEAD_ROOT" -name '*hurt*' ! -name '*.log')"

# A full disk: a file system of 64 KiB where the qube's images go.
check "a qube without room" new_qube crowded minimal
directory=$BULKHEAD_ROOT/var/lib/qubes/appvms/crowded
mkdir -p "$directory"
if mount -t tmpfs -o size=64k,mode=700 none "$directory" 2>/dev/null; then
	output=$(qvm-start crowded 2>&1)
	matches "a full disk is named" 'space' "$output"
	is "the qube is halted" Halted "$(qvm-ls --raw-data --fields STATE crowded)"
	umount "$directory"
	check "with room it starts" start_qube crowded
	check "and stops" stop_qube crowded
else
	skip "a full disk is named" "mounting a small file system needs root"
fi
check "it is removed" qvm-remove --force crowded

stop_daemon
store=$BULKHEAD_ROOT/var/lib/qubes/bulkhead.sqlite
cp "$store" "$BULKHEAD_ROOT/store.kept"
rm -f "$store-wal" "$store-shm"
printf 'this is no store, and says nothing about qubes' | dd of="$store" conv=notrunc status=none
output=$(timeout 60 bulkheadd 2>&1)
is "a corrupt store is refused" 1 "$?"
matches "by name" 'bulkhead\.sqlite' "$output"
cmp -s <(head -c 46 "$store") <(printf 'this is no store, and says nothing about qubes')
is "and left as it is" 0 "$?"
cp "$BULKHEAD_ROOT/store.kept" "$store"
check "with its store the daemon comes back" start_daemon
check "and knows its qubes" qvm-check shared minimal
is "the running one too" Running "$(qvm-ls --raw-data --fields STATE shared)"

finish
