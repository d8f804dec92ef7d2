#!/bin/bash
# Disposables that leave nothing, that are kept, that are too many, and what goes wrong under them. The
# whole instance is on a small file system in a file, which can be searched for what ever was written,
# deleted or not, and can be full.
# shellcheck disable=SC2016,SC2317 # commands for the qube, or run later
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ "$(id -u)" = 0 ] || skip_all "only root can mount a file system"
[ -n "${BULKHEAD_TEMPLATES:-}" ] || skip_all "BULKHEAD_TEMPLATES is not set"
place=$(mktemp -d /tmp/bulkhead-disk.XXXXXX)
disk=$place.img
truncate -s 700M "$disk"
if ! mkfs.ext4 -q -m 0 -E nodiscard "$disk" || ! mount -o loop,nodiscard "$disk" "$place" 2>/dev/null; then
	rm -rf "$place" "$disk"
	skip_all "a file system in a file cannot be mounted here"
fi

# QEMU, behind a program of ours that spoils what a copy is to read, when it is told to.
trouble=$place/trouble
mkdir "$place/bin"
cat >"$place/bin/qemu-system-x86_64" <<'WRAPPER'
#!/bin/bash
# The descriptor after the memory's has the devices (docs/disposables.md).
PATH=${PATH#*:}
devices=
for word; do [[ $word != *mem-path=/proc/self/fd/* ]] || { devices=${word#*mem-path=/proc/self/fd/}; devices=$((${devices%%,*} + 1)); }; done
case $(cat "${0%/*}/../trouble" 2>/dev/null):$* in
truncated:*-incoming*) eval "exec $devices< <(head -c 5000 /proc/self/fd/$devices)" ;;
other:*-incoming*) eval "exec $devices< <(sed s/q35/q99/g /proc/self/fd/$devices)" ;;
endless:*-incoming*) eval "exec $devices< <(head -c 5000 /proc/self/fd/$devices; exec sleep 60)" ;;
esac
exec qemu-system-x86_64 "$@"
WRAPPER
chmod 755 "$place/bin/qemu-system-x86_64"
PATH=$place/bin:$PATH

unset BULKHEAD_E2E_ROOT
TMPDIR=$place
use_instance
on_exit 'umount "$place" || umount -l "$place"; rm -rf "$place" "$disk"'
use_template minimal
new_qube dvm minimal
# A key of the host's, as a first start makes one for ssh.
start_qube dvm
root_in_qube dvm 'printf "#!/bin/sh\nod -An -N32 -tx1 /dev/random | tr -d \" \\n\" >/run/host-key\n" >/rw/config/rc.local
	chmod 755 /rw/config/rc.local; sync'
stop_qube dvm
qvm-prefs dvm template_for_dispvms True
qvm-prefs dvm memory 200

logged() {
	grep -c "$1" "$(daemon_log)"
}

# Whether one can be copied now.
is_frozen() {
	grep -E 'a disposable is booted and frozen|frozen disposable is dropped|^killed$' "$(daemon_log)" | tail -n 1 |
		grep -q 'booted and frozen'
}

crash_daemon() {
	kill -KILL "$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")"
	sleep 0.5
	echo killed >>"$(daemon_log)"
	start_daemon
}

create_disposable() {
	qubesd-query -e dom0 admin.vm.CreateDisposable dvm | tr -d '\0' | sed 's/^0//'
}

# Starts a disposable that stays, and says its name.
new_disposable() {
	local name

	name=$(create_disposable) && qvm-start "$name" >&2 && echo "$name"
}

is_gone() {
	! qvm-check --quiet "$1" 2>/dev/null
}

disposables() {
	qvm-ls --raw-list | grep '^disp[0-9]'
}

# Of disposables, anywhere but in the logs.
traces() {
	disposables
	find "$BULKHEAD_ROOT/var/lib" "$BULKHEAD_ROOT/run" -name '*disp[0-9]*'
}

no_traces() {
	[ -z "$(traces)" ]
}

# Of disposables, anywhere: also processes, logs, what is in memory, rows. The store is a copy, as the
# daemon has it for itself.
all_traces() {
	traces
	find "$BULKHEAD_ROOT/var/log" /dev/shm -name '*disp[0-9]*'
	find /proc -maxdepth 2 -name cwd -lname "$(realpath "$BULKHEAD_ROOT")/run/bulkhead/qubes/disp*" 2>/dev/null
	cp "$BULKHEAD_ROOT"/var/lib/qubes/bulkhead.sqlite{,-wal} "$place/bin/"
	sqlite3 "$place/bin/bulkhead.sqlite" "SELECT 'qube', name FROM qube WHERE class = 'DispVM'
		UNION ALL SELECT 'volume', vid FROM volume WHERE vid LIKE 'appvms/disp%'
		UNION ALL SELECT 'running', qid FROM running WHERE qid NOT IN (SELECT qid FROM qube)
		UNION ALL SELECT 'property', qid FROM property WHERE qid > 0 AND qid NOT IN (SELECT qid FROM qube)"
	rm -f "$place"/bin/bulkhead.sqlite*
}

nothing_left() {
	[ -z "$(all_traces 2>/dev/null)" ]
}

# What the daemon has open; the frozen disposables' memories among it.
daemon_descriptors() {
	find "/proc/$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")/fd" -mindepth 1 2>/dev/null | wc -l
}

# shellcheck disable=SC2317 # run by check
has_descriptors() {
	[ "$(daemon_descriptors)" = "$1" ]
}

# To the last block.
fill_disk() {
	dd if=/dev/zero of="$place/ballast" bs=64k 2>/dev/null
	dd if=/dev/zero bs=1k 2>/dev/null >>"$place/ballast"
}

machine_of() {
	local directory

	for directory in /proc/[0-9]*; do
		[[ $(readlink "$directory/cwd" 2>/dev/null) == "$(realpath "$BULKHEAD_ROOT")/run/bulkhead/qubes/$1" &&
			$(readlink "$directory/exe") == *qemu-system* ]] && echo "${directory#/proc/}"
	done
}

# The text is made in the qube, so that it comes from nowhere else: megabytes of it on two disks, and
# on the console. Says the text.
write_marker() {
	root_in_qube "$1" 'm=MARK$(od -An -N16 -tx1 /dev/urandom | tr -d " \n")
		line=$m; while [ ${#line} -lt 60000 ]; do line=$line.$line; done
		for f in /marker /rw/marker; do
			i=0; while [ $i -lt 60 ]; do echo "$line"; i=$((i + 1)); done >$f
		done
		echo "$m" >/dev/console; echo "$m" >/dev/kmsg; echo "$m" >/dev/ttyS0
		sync; [ "$(wc -c </rw/marker)" -gt 3000000 ] && echo "$m"'
}

# How often the text is on the disk, in files that are, that were, and between.
found() {
	sync -f "$place"
	sync
	grep -a -c -F "$1" "$disk"
}

# --- nothing of it is left ---------------------------------------------------------------------

qvm-prefs dvm ephemeral True
is "what the template says is so for its disposables" True "$(qvm-prefs dvm ephemeral)"
require "a disposable is frozen" patiently 300 is_frozen
name=$(new_disposable)
is "a new disposable is ephemeral" True "$(qvm-prefs "$name" ephemeral)"
check "and a copy all the same" root_in_qube "$name" 'test -e /run/bulkhead/cmdline'
marker=$(write_marker "$name")
matches "it can write" '^MARK[0-9a-f]{32}$' "$marker"
is "nothing of it is on the disk while it runs" 0 "$(found "$marker")"
is "it reads what it wrote" yes "$(root_in_qube "$name" "echo 3 >/proc/sys/vm/drop_caches
	head -c 36 /rw/marker | grep -q '^$marker' && echo yes")"
check_fails "it can not be kept" qvm-disp-keep "$name" kept
matches "and the reason is clear" "'$name' is ephemeral: nothing of it is on the disk that could be kept" \
	"$(qvm-disp-keep "$name" kept 2>&1)"
crash_daemon
is "it outlives bulkheadd" yes "$(root_in_qube "$name" "echo $marker >/rw/more; sync; echo yes")"
check_fails "and is still known for what it is" qvm-disp-keep "$name" kept
# More than its memory on one disk: refused to the qube, and harmless to the host.
timeout 30 qvm-run --pass-io --no-gui --quiet --user root "$name" \
	'dd if=/dev/zero bs=1M count=300 2>/dev/null | tr "\0" x >/rw/large; sync' </dev/null >/dev/null 2>&1
is "a disk has no more room than memory" yes "$(root_in_qube "$name" 'echo yes')"
qvm-kill "$name"
check "it is gone" patiently 30 is_gone "$name"
is "nothing of it is on the disk afterwards" 0 "$(found "$marker")"
is "nor in a log" "" "$(grep -rl "$marker" "$BULKHEAD_ROOT" 2>/dev/null)"
qvm-prefs dvm ephemeral False
name=$(new_disposable)
marker=$(write_marker "$name")
matches "one that is not ephemeral can write" '^MARK[0-9a-f]{32}$' "$marker"

# --- this one is kept --------------------------------------------------------------------------

check "it is to be kept" qvm-disp-keep --quiet "$name" mine
root_in_qube "$name" 'echo "written late" >/rw/late' # not synced
crash_daemon
check "a kill of it is a shutdown" timeout 100 qvm-kill "$name"
check "it is gone" patiently 60 is_gone "$name"
is "there is a named qube in its place" "AppVM|minimal" "$(qvm-ls --raw-data --fields CLASS,TEMPLATE mine)"
matches "the search of the disk finds what it wrote" '^[1-9]' "$(found "$marker")"
check "it starts" start_qube mine
is "with what the disposable wrote" "$marker late" \
	"$(root_in_qube mine 'head -c 36 /rw/marker; cut -d " " -f 2 /rw/late | sed "s/^/ /"; cat /marker 2>/dev/null')"
qvm-kill mine
check "and is as others are" qvm-remove --force mine

# --- the default one, and one with a name ------------------------------------------------------

qubes-prefs default_dispvm dvm
matches "a disposable of the default template" '^disp[0-9]+$' \
	"$(timeout 120 qvm-run --dispvm --pass-io --no-gui --quiet hostname </dev/null)"
qubes-prefs default_dispvm None
check_fails "without a default there is none" timeout 120 qvm-run --dispvm --pass-io --no-gui --quiet true
qvm-create --class DispVM --template dvm --label red named
is "a named one is not cleaned up" False "$(qvm-prefs named auto_cleanup)"
check "it starts" start_qube named
root_in_qube named 'echo here >/rw/mark; sync'
qvm-kill named
check "it is there after its end" qvm-check --quiet named
check "it starts again" start_qube named
is "as new" "" "$(root_in_qube named 'cat /rw/mark 2>/dev/null')"
qvm-kill named
check "it can be removed" qvm-remove --force named

# --- more than the machine has room for --------------------------------------------------------

require "a disposable is frozen" patiently 300 is_frozen
qvm-features dom0 qubes-memory-max 620
qvm-features dom0 qubes-memory-patience 90
asked=${BULKHEAD_E2E_ASKED:-12}
descriptors_before=$(daemon_descriptors)
most=0
for i in $(seq "$asked"); do
	timeout 500 qvm-run --dispvm=dvm --pass-io --no-gui --quiet 'cat /proc/sys/kernel/random/uuid; hostname' </dev/null >"$place/out.$i" 2>&1 &
done
while [ -n "$(jobs -r -p | head -n 1)" ] && [ "$(jobs -r | grep -c dispvm)" -gt 0 ]; do
	running=$(qvm-ls --raw-data --fields CLASS,STATE 2>/dev/null | grep -c 'DispVM|\(Running\|Transient\)')
	machines=0
	for directory in "$BULKHEAD_ROOT"/run/bulkhead/qubes/disp*; do [ -S "$directory/qmp" ] && machines=$((machines + 1)); done
	[ "$machines" -le "$most" ] || most=$machines
	sleep 0.3
done
is "$asked were asked for at once: each got its answer" "$asked" "$(cat "$place"/out.* | grep -cE '^disp[0-9]+$')"
is "and each was another one" "$((2 * asked))" "$(cat "$place"/out.* | sort -u | wc -l)"
note "at most $most machines at a time, $running qubes seen last"
check "there never was one too many" test "$most" -le 3
check "nothing of them is left, anywhere" patiently 60 nothing_left
nothing_left || note "$(all_traces)"
check "the daemon has nothing of them" patiently 5 has_descriptors "$descriptors_before"
first=$(new_disposable) second=$(new_disposable) third=$(new_disposable)
matches "where there are some they are found" "guest-$first.log.*/proc/[0-9]+/cwd.*qube\|$first.*volume\|appvms/$first/" \
	"$(all_traces 2>/dev/null | tr '\n' ' ')"
for name in "$first" "$second" "$third"; do
	root_in_qube "$name" 'for i in $(seq 100); do [ -s /run/host-key ] && break; sleep 0.1; done; cat /run/host-key; echo'
done >"$place/keys"
is "each copy makes a key of its own" 3 "$(grep -xE '[0-9a-f]{64}' "$place/keys" | sort -u | wc -l)"
qvm-features dom0 qubes-memory-patience 3
name=$(create_disposable)
is "where none ends the next is refused, after a while" \
	"Error: Starting qube failed: $name: Not enough memory to start domain '$name'" \
	"$(qvm-start "$name" 2>&1)"
check "nothing of it is left" patiently 30 is_gone "$name"
is "those that run do run" "$first $second $third" \
	"$(for name in "$first" "$second" "$third"; do in_qube "$name" hostname; done | xargs)"
# More requests than a machine takes, while it takes none.
machine=$(machine_of "$first")
kill -STOP "$machine"
for _ in $(seq 150); do qubesd-query -e dom0 admin.vm.Pause "$first" >/dev/null & done
sleep 1
kill -CONT "$machine"
wait
qvm-unpause "$first"
is "no flood of requests ends a machine" "$first" "$(in_qube "$first" hostname)"
qvm-kill "$first" "$second" "$third"
check "nothing of them is left" patiently 30 no_traces
qvm-features dom0 qubes-memory-max 100
is "where nothing can come back it is refused at once" \
	"Error: Starting qube failed: dvm: Not enough memory to start domain 'dvm'" "$(qvm-start dvm 2>&1)"
qvm-features --unset dom0 qubes-memory-max

# --- what is saved is not what this QEMU can read ----------------------------------------------

for kind in truncated other; do
	require "a disposable is frozen" patiently 300 is_frozen
	failures_before=$(logged 'cannot be a copy of a frozen disposable, and boots')
	echo $kind >"$trouble"
	name=$(new_disposable)
	rm "$trouble"
	is "saved devices, $kind: it boots instead" "$name" "$(in_qube "$name" hostname)"
	is "saved devices, $kind: and the log says so" "$((failures_before + 1))" \
		"$(logged 'cannot be a copy of a frozen disposable, and boots')"
	qvm-kill "$name"
	check "saved devices, $kind: another is frozen" patiently 300 is_frozen
done
echo endless >"$trouble"
name=$(create_disposable)
qvm-start "$name" 2>/dev/null &
start=$!
check "a saved state that does not end" patiently 30 test -S "$BULKHEAD_ROOT/run/bulkhead/qubes/$name/qmp"
sleep 1
check "can be killed" timeout 60 qvm-kill "$name"
rm "$trouble"
wait $start
check "nothing of it is left" patiently 30 no_traces
check "and the frozen one serves others" is_frozen
touch "$place/bin/qemu-system-x86_64"
name=$(new_disposable)
check_fails "another QEMU: it boots" root_in_qube "$name" 'test -e /run/bulkhead/cmdline'
matches "another QEMU: and is refused the old state" '^[1-9]' "$(logged 'it differs from the frozen disposable')"
qvm-kill "$name"

# --- the template changes under a start --------------------------------------------------------

require "a disposable is frozen" patiently 300 is_frozen
name=$(create_disposable)
qvm-start "$name" 2>/dev/null &
start=$!
qvm-prefs dvm memory 210
check_fails "a template can not be removed under its disposable" qvm-remove --force dvm
wait $start
is "its change in mid-start harms nothing" "$name" "$(in_qube "$name" hostname)"
qvm-kill "$name"
check "nothing is left" patiently 30 no_traces
check "the old one is dropped" patiently 60 grep -q 'dropped: what it was made of has changed' "$(daemon_log)"
check "another is frozen" patiently 300 is_frozen

# --- the disk is full --------------------------------------------------------------------------

name=$(new_disposable)
fill_disk
root_in_qube "$name" 'dd if=/dev/zero bs=1M count=80 2>/dev/null | tr "\0" x >/rw/large; sync' >/dev/null 2>&1 &
writer=$!
check "a full disk: a copy that writes is paused" patiently 60 qvm-check --quiet --paused "$name"
matches "a full disk: and the log says why" '^[1-9]' "$(logged 'machine paused itself: disk .*[Nn]o space left')"
check "a full disk: it can be killed" timeout 60 qvm-kill "$name"
wait $writer
fill_disk # what it had written is free again
answer=$(name=$(create_disposable) && qvm-start "$name" 2>&1)
matches "a full disk: a disposable is refused, clearly" '[Nn]o space left|disk is full|full' "$answer"
rm "$place/ballast"
check "a full disk: nothing of it is left" patiently 60 no_traces
is "with room again one starts" yes "$(timeout 120 qvm-run --dispvm=dvm --pass-io --no-gui --quiet 'echo yes' </dev/null)"
qvm-features dvm frozen-disposables ''
patiently 60 grep -q 'dropped: it is not wanted' "$(daemon_log)"
fill_disk
truncate -s -262144 "$place/ballast" # for the wish and the log
check "a full disk: it is to be frozen again" qvm-features --unset dvm frozen-disposables
sleep 8
is "a full disk: where it is not frozen for that, the log says where to make room" "" \
	"$(grep -E "no frozen disposable.*(full|No space left)" "$(daemon_log)" | grep -vF "; make room in '$BULKHEAD_ROOT/var/lib/qubes'")"
rm "$place/ballast"
is "with room again there are disposables" yes "$(timeout 200 qvm-run --dispvm=dvm --pass-io --no-gui --quiet 'echo yes' </dev/null)"
check "nothing of it is left" patiently 30 no_traces
check "the daemon is sound" qvm-ls

finish
