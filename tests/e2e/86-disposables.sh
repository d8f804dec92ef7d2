#!/bin/bash
# Disposables start as copies of a frozen one: each is somebody else, nothing of them is left, and
# what does not fit is never used.
# shellcheck disable=SC2016 # commands are for the qube to expand
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=display.sh
. "$(dirname "${BASH_SOURCE[0]}")/display.sh"
# shellcheck source-path=SCRIPTDIR source=unlike.sh
. "$(dirname "${BASH_SOURCE[0]}")/unlike.sh"

use_instance
use_template minimal
qvm-check --quiet dvm 2>/dev/null || new_qube dvm minimal
qvm-prefs dvm template_for_dispvms True
on_exit 'qvm-prefs dvm template_for_dispvms False 2>/dev/null'

frozen_count() {
	grep -c '\[dvm\]: info: a disposable is booted and frozen' "$(daemon_log)"
}

# await_frozen BEFORE: until one more was made than there were.
await_frozen() {
	patiently 120 eval "[ \"\$(frozen_count)\" -gt $1 ]"
}

# in_disposable COMMAND
in_disposable() {
	timeout 120 qvm-run --dispvm=dvm --pass-io --no-gui --quiet "$1" </dev/null
}

# Starts one that stays, and says its name.
new_disposable() {
	new_disposable_of dvm
}

new_disposable_of() {
	local name

	name=$(qubesd-query -e dom0 admin.vm.CreateDisposable "$1" | tr -d '\0' | sed 's/^0//') &&
		start_qube "$name" && echo "$name"
}

# The file that covers the frozen one's command line.
# shellcheck disable=SC2317 # run by check
was_a_copy() {
	root_in_qube "$1" 'test -e /run/bulkhead/cmdline'
}

# What is left of disposables anywhere but in the logs.
traces() {
	qvm-ls --raw-list | grep '^disp[0-9]'
	find "$BULKHEAD_ROOT/var/lib" "$BULKHEAD_ROOT/run" -name '*disp[0-9]*'
}

# shellcheck disable=SC2317 # run by check
no_traces() {
	patiently 30 eval '[ -z "$(traces)" ]' && return
	traces
	return 1
}

require "a disposable is frozen in the background" await_frozen 0

# --- two copies share nothing ------------------------------------------------------------------

facts='hostname; cat /etc/machine-id /proc/sys/kernel/random/boot_id /proc/sys/kernel/random/uuid
	head -c 16 /dev/urandom | od -An -tx1; date +%s; tr " " "\n" </proc/cmdline | grep bulkhead.name'
first=$(new_disposable)
second=$(new_disposable)
check "both are copies, not booted" was_a_copy "$first"
a=$(root_in_qube "$first" "$facts")
b=$(root_in_qube "$second" "$facts")
now=$(date +%s)
line() { sed -n "$2p" <<<"$1"; }
is "the host name is the qube's" "$first" "$(line "$a" 1)"
is "and on the kernel's command line" "bulkhead.name=$first" "$(line "$a" 7)"
is "the machine id is the qube's" "$(qvm-prefs "$first" uuid | tr -d -)" "$(line "$a" 2)"
matches "the clock is right" '^-?[0-9]{1,2}$' "$((now - $(line "$a" 6)))"
for i in 1:host_name 2:machine-id 3:boot_id 4:uuid 5:random_bytes; do
	if [ -n "$(line "$a" "${i%%:*}")" ] &&
		[ "$(line "$a" "${i%%:*}")" != "$(line "$b" "${i%%:*}")" ]; then
		ok "two copies differ: ${i#*:}"
	else
		not_ok "two copies differ: ${i#*:}"
		note "$a" "$b"
	fi
done
# One hardware address is the default of all qubes, and without a netvm there is no other: the number
# that a disposable's addresses are made from.
if [ -n "$(qvm-prefs "$first" dispid)" ] && [ "$(qvm-prefs "$first" dispid)" != "$(qvm-prefs "$second" dispid)" ]; then
	ok "two copies differ: the number in their addresses"
else
	not_ok "two copies differ: the number in their addresses"
fi

# --- what one writes no other sees -------------------------------------------------------------

root_in_qube "$first" 'echo marker >/marker; echo marker >/rw/marker; sync'
is "another does not see what one wrote" "" "$(root_in_qube "$second" 'cat /marker /rw/marker 2>/dev/null')"
qvm-kill "$first" "$second"
is "nor does a later one" "" "$(in_disposable 'cat /marker /rw/marker 2>/dev/null')"
check "nothing of them is left" no_traces

# --- stale ones are not used -------------------------------------------------------------------

before=$(frozen_count)
start_qube dvm
root_in_qube dvm 'echo new >/rw/config/content
	printf "#!/bin/sh\nhostname >>/run/rc.local-ran\n" >/rw/config/rc.local; chmod 755 /rw/config/rc.local; sync'
# What opens files there: its ends are those of a person at an editor.
root_in_qube dvm 'cat >/usr/local/bin/open-with-viewer <<-"END"
	#!/bin/sh
	echo "$1" >/tmp/opened
	case $1 in
	*/looked-at) exit 0 ;;
	http*) until [ -e /tmp/seen ]; do sleep 0.2; done ;;
	*) echo edited 2>/dev/null >>"$1" ;;
	esac
	case $1 in */slow) sleep 1000 ;; esac
	exit 0
	END
	chmod 755 /usr/local/bin/open-with-viewer; sync'
stop_qube dvm
is "new content of the template is there at once" new "$(in_disposable 'cat /rw/config/content')"
check "a new one is frozen" await_frozen "$before"
is "and has it" new "$(in_disposable 'cat /rw/config/content')"
is "rc.local runs once in each copy, as the copy" same \
	"$(in_disposable 'for i in $(seq 50); do [ -s /run/rc.local-ran ] && break; sleep 0.2; done
		[ "$(cat /run/rc.local-ran)" = "$(hostname)" ] && echo same')"
before=$(frozen_count)
qvm-prefs dvm memory 300
matches "another memory is not that of the old one" '^2[0-9]{5}$' \
	"$(in_disposable "sed -n 's/MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo")"
check "a new one is frozen" await_frozen "$before"

# --- files opened in one, and back ----------------------------------------------------------------

qvm-check --quiet shared 2>/dev/null || new_qube shared minimal
qvm-check --quiet --running shared 2>/dev/null || require "a qube that has files" start_qube shared
qvm-prefs shared default_dispvm dvm
on_exit 'qvm-prefs --default shared default_dispvm 2>/dev/null'

# The name of the disposable that runs; there is but one.
disposable() {
	qvm-ls --raw-data --fields NAME,STATE | sed -n 's/^\(disp[0-9]*\)|Running$/\1/p' | head -n 1
}

# shellcheck disable=SC2317 # run by patiently
opened() {
	local name

	name=$(disposable) && [ -n "$name" ] && in_qube "$name" 'cat /tmp/opened' 2>/dev/null | grep -q "$1"
}

in_qube shared 'cd && rm -rf files && mkdir files && cd files && for i in edited looked-at shown slow; do
	echo "$i" >"$i"; touch -d 2020-01-01 "$i"; done; chmod 640 edited; chmod 444 shown'
before=$(in_qube shared 'cd files && ls -il looked-at shown')
check "a file is opened in a disposable" in_qube shared 'qvm-open-in-dvm files/edited'
is "and comes back as it was edited there" "edited edited" "$(in_qube shared 'cat files/edited' | xargs)"
is "with its mode" 640 "$(in_qube shared 'stat -c %a files/edited')"
check "one that is not edited" in_qube shared 'qvm-open-in-dvm files/looked-at'
check "and one that is only shown" in_qube shared 'qvm-open-in-dvm --view-only files/shown'
is "are not written" "$before" "$(in_qube shared 'cd files && ls -il looked-at shown')"
is "nothing stays beside them" "edited looked-at shown slow" "$(in_qube shared 'ls -A files' | xargs)"
check "nothing of those disposables is left" no_traces

in_qube shared 'qvm-open-in-dvm files/slow 2>&1; echo "status $?"' >"$BULKHEAD_ROOT/slow.out" &
caller=$!
check "one is being edited" patiently 60 opened /slow
qvm-kill "$(disposable)"
wait "$caller"
matches "its disposable is killed: that is said" 'files/slow: .*as it was.*status [1-9]' "$(xargs <"$BULKHEAD_ROOT/slow.out")"
is "and the file is as it was" "slow" "$(in_qube shared 'cat files/slow; ls -A files | grep slow.')"
check "nothing of that one is left" no_traces

in_qube shared 'qvm-open-in-dvm "https://example.org/?a=b&c=%20"' &
caller=$!
check "an address is opened in a disposable" patiently 60 opened '^https://example.org/?a=b&c=%20$'
in_qube "$(disposable)" 'touch /tmp/seen'
wait "$caller"
is "whose end is that of the call" 0 $?
check_fails "an address of another kind is not" in_qube shared 'qvm-open-in-dvm file:///etc/passwd'
check "nothing of it is left" no_traces

# --- kept ready --------------------------------------------------------------------------------

# The one that is kept ready, if it is.
ready_one() {
	local name

	name=$(qvm-features dvm preload-dispvm 2>/dev/null) &&
		[ "$(qvm-ls --raw-data --fields STATE "$name" 2>/dev/null)" = Paused ] &&
		grep -q "disposable '$name' is kept ready" "$(daemon_log)" && echo "$name"
}

# shellcheck disable=SC2317 # run by check
# another_ready BEFORE
another_ready() {
	local name

	name=$(ready_one) && [ "$name" != "$1" ]
}

# anew PROPERTY VALUE: none is ready that began with another value; then one is.
anew() {
	qvm-features dvm preload-dispvm-max 0
	patiently 30 eval '[ -z "$(traces)" ]'
	qvm-prefs dvm "$1" "$2"
	qvm-features dvm preload-dispvm-max 1
	patiently 120 ready_one
}

# shellcheck disable=SC2317 # run by check
is_gone() {
	! qvm-check --quiet "$1" 2>/dev/null
}

# shellcheck disable=SC2317 # run by check
is_used() {
	[ "$(qvm-prefs "$1" is_preload)" = False ]
}

check_fails "how many are kept ready is a number" qvm-features dvm preload-dispvm-max many
qvm-features dvm preload-dispvm-delay 0
qvm-features dvm preload-dispvm-max 1
require "a disposable is kept ready" patiently 120 ready_one
name=$(ready_one)
is "nobody sees it in a menu" "1 True" "$(qvm-features "$name" internal) $(qvm-prefs "$name" is_preload)"
uuid=$(qvm-prefs "$name" uuid | tr -d -)
sleep 10
begun=$(date +%s)
a=$(in_disposable "$facts; test -e /run/bulkhead/cmdline && echo copy")
now=$(date +%s)
is "it is what is handed out" "$name" "$(line "$a" 1)"
is "it started as a copy" copy "$(line "$a" 8)"
is "its machine id is its own" "$uuid" "$(line "$a" 2)"
# Of some moment of the call, two seconds more or less.
check "its clock is right after it stood still" \
	test "$(line "$a" 6)" -ge $((begun - 2)) -a "$(line "$a" 6)" -le $((now + 2))
check "it goes after its call" patiently 30 is_gone "$name"
require "another one is made" patiently 120 another_ready "$name"
name=$(ready_one)
sleep 1.5
begun=$(date +%s%N)
b=$(in_disposable "$facts; /usr/lib/bulkhead/qube-clock get nanoseconds")
now=$(date +%s%N)
is "which is the next to be handed out" "$name" "$(line "$b" 1)"
# Not behind by what it stood still for; what the setting takes is part of the call.
clock=$(date -d "$(line "$b" 8)" +%s%N)
check "its clock is right to a fraction of a second" test "$clock" -ge "$begun" -a "$clock" -le "$now"
for i in 2:machine-id 3:boot_id 4:uuid 5:random_bytes; do
	if [ -n "$(line "$a" "${i%%:*}")" ] &&
		[ "$(line "$a" "${i%%:*}")" != "$(line "$b" "${i%%:*}")" ]; then
		ok "two that were ready differ: ${i#*:}"
	else
		not_ok "two that were ready differ: ${i#*:}"
	fi
done
require "another one is made" patiently 120 another_ready "$name"

name=$(ready_one)
qvm-prefs dvm label green
is "one that is stale is not handed out" green \
	"$(fresh=$(qubesd-query -e dom0 admin.vm.CreateDisposable dvm | tr -d '\0' | sed 's/^0//') && qvm-prefs "$fresh" label)"
check "but ended" patiently 30 is_gone "$name"
require "and replaced" patiently 120 another_ready "$name"
name=$(ready_one)
is "by one that is not" green "$(qvm-prefs "$name" label)"

kill -KILL "$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")"
sleep 0.5
start_daemon
is "it outlives bulkheadd" "$name Paused True" \
	"$name $(qvm-ls --raw-data --fields STATE "$name") $(qvm-prefs "$name" is_preload)"
is "and is handed out" "$name" "$(in_disposable hostname)"
require "another one is made" patiently 180 another_ready "$name"

# What was half made, or half given away, goes: there are none but those that are known.
# shellcheck disable=SC2317 # run by check
all_are_known() {
	[ -n "$(ready_one)" ] && [ "$(qvm-ls --raw-list | grep '^disp[0-9]')" = "$(ready_one)" ]
}

# shellcheck disable=SC2317 # run by check
daemon_is_dead() {
	! daemon_alive
}

# restart_to_crash POINT: the daemon will end there.
restart_to_crash() {
	kill -KILL "$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")"
	sleep 0.5
	BULKHEAD_CRASH_AT=$1 start_daemon
}

restart_to_crash preload:after-hand-over
qubesd-query -e dom0 admin.vm.CreateDisposable dvm >/dev/null 2>&1
check "killed while one is handed out" patiently 20 daemon_is_dead
start_daemon
qvm-features dvm frozen-disposables '' # they boot, which is quicker here
check "it goes, and another one is made" patiently 180 all_are_known
for point in after-mark after-start; do
	qvm-features dvm preload-dispvm-max 0
	check "as many as are wanted: none" no_traces
	restart_to_crash preload:$point
	qvm-features dvm preload-dispvm-max 1
	check "killed while one is made, $point" patiently 120 daemon_is_dead
	start_daemon
	check "it goes, and another one is made" patiently 180 all_are_known
done
qvm-features --unset dvm frozen-disposables

name=$(ready_one)
# Room for one of them beside what runs.
running=0
for other in $(qvm-ls --raw-list --running); do
	case $other in dom0 | "$name") ;; *) running=$((running + $(qvm-prefs "$other" memory))) ;; esac
done
qvm-features dom0 qubes-memory-max $((running + 450))
check "a qube that needs its memory starts" start_qube dvm
check "and it has given way" patiently 10 is_gone "$name"
qvm-kill dvm
qvm-features --unset dom0 qubes-memory-max
require "with memory again there is another one" patiently 120 another_ready "$name"

name=$(ready_one)
qvm-unpause "$name"
check "to let it go on is to use it" patiently 10 is_used "$name"
is "it answers" "$name" "$(in_qube "$name" hostname)"
qvm-kill "$name"
require "of a traceless template one is ready too" anew ephemeral True
name=$(ready_one)
is "it is handed out" "$name" "$(qubesd-query -e dom0 admin.vm.CreateDisposable dvm | tr -d '\0' | sed 's/^0//')"
matches "and leaves nothing" 'nothing of it is on the disk' "$(qvm-disp-keep "$name" kept 2>&1)"
qvm-kill "$name"
require "another one is made" anew ephemeral False
name=$(qubesd-query -e dom0 admin.vm.CreateDisposable dvm | tr -d '\0' | sed 's/^0//')
check "what was handed out can be kept" qvm-disp-keep --quiet "$name" kept
timeout 100 qvm-kill "$name"
check "and is" patiently 60 is_gone "$name"
check_fails "as a qube that is not hidden" qvm-features kept internal
check "and that can be removed" qvm-remove --force kept
require "another one is made" patiently 120 another_ready "$name"
name=$(ready_one)
check "a shutdown of all ends it" timeout 200 qvm-shutdown --all --wait
sleep 6
is "and no other comes in its place" "" "$(qvm-features dvm preload-dispvm 2>/dev/null)"
qvm-features --unset dvm preload-dispvm-max
qvm-prefs dvm label red
check "nothing of them is left" no_traces

# --- with systemd ------------------------------------------------------------------------------

# What a first window reads is there before, and nothing shows that somebody has drawn one.
check_rehearsal() {
	local before traces='ls -A ~ | grep -vx .dbus; ls -A /tmp | grep -v ^dbus-; pgrep -x window-rehears'

	is "debian-12: a window was rehearsed before it was frozen" "0 yes" "$(in_qube "$1" '
		echo $(systemctl show --value -p ExecMainStatus bulkhead-rehearsal.service) \
		$([ $(systemctl show --value -p ExecMainExitTimestampMonotonic bulkhead-rehearsal.service) -gt 0 ] && echo yes)')"
	before=$(in_qube "$1" "$traces")
	check "debian-12: one is rehearsed again" \
		timeout 120 qvm-run --service --pass-io --no-gui "$1" bulkhead.Rehearse
	is "debian-12: which leaves nothing but the session's bus" "$before" "$(in_qube "$1" "$traces")"
	is "debian-12: no font has to be read for its name" "" \
		"$(in_qube "$1" 'HOME=/nonexistent fc-cache --verbose | grep caching')"
}

# What could share random numbers or a name starts in each copy, after its identity.
check_systemd() {
	local name other facts started_before directory

	directory=$(mktemp -d)
	on_exit "rm -rf $directory"
	use_template debian-12
	require "debian-12: a template of its own" qvm-clone --quiet debian-12 deb-unlike
	require "debian-12: it starts" start_qube deb-unlike
	check "debian-12: it is prepared" prepare_unlike deb-unlike "$directory"
	stop_qube deb-unlike
	check "debian-12: a disposable template" qvm-create --class AppVM --template deb-unlike --label red deb-dvm
	qvm-prefs deb-dvm template_for_dispvms True
	require "debian-12: one is frozen" patiently 300 grep -q '\[deb-dvm\]: info: a disposable is booted' "$(daemon_log)"
	name=$(new_disposable_of deb-dvm)
	other=$(new_disposable_of deb-dvm)
	check "debian-12: it is a copy" was_a_copy "$name"
	check "debian-12: another is a copy" was_a_copy "$other"
	check "debian-12: its boot comes to its end" \
		timeout 120 qvm-run --service --pass-io --no-gui "$name" qubes.WaitForRunningSystem
	check "debian-12: that of the other too" \
		timeout 120 qvm-run --service --pass-io --no-gui "$other" qubes.WaitForRunningSystem
	is "debian-12: no unit failed" "" "$(in_qube "$name" 'systemctl list-units --failed --plain --no-legend')"
	is "debian-12: dom0 has set its clock; it does so itself later on" "inactive active" \
		"$(in_qube "$name" 'systemctl is-active qubes-sync-time-boot.timer qubes-sync-time.timer' | xargs)"
	is "debian-12: host name and machine id are its own" "$name $(qvm-prefs "$name" uuid | tr -d -)" \
		"$(in_qube "$name" 'echo $(hostname) $(cat /etc/machine-id)')"
	# Seconds since the boot at which they started, against the end of the waiting.
	started_before=$(in_qube "$name" 'at() { systemctl show --value -p "$2" "$1"; }
		end=$(at bulkhead-clone.service ExecMainExitTimestampMonotonic)
		for unit in dbus.service systemd-logind.service systemd-user-sessions.service qubes-misc-post.service; do
			[ "$(at $unit ExecMainStartTimestampMonotonic)" -gt "$end" ] || echo $unit
		done')
	is "debian-12: what is not to be shared starts after the identity" "" "$started_before"
	is "debian-12: the X server was there before, and what asks for random bytes" "yes yes" "$(in_qube "$name" '
		for unit in bulkhead-x asker; do
			[ $(systemctl show --value -p ExecMainStartTimestampMonotonic $unit.service) -lt \
			$(systemctl show --value -p ExecMainExitTimestampMonotonic bulkhead-clone.service) ] && echo yes
		done' | xargs)"
	check_rehearsal "$name"
	facts=$(root_in_qube "$name" "$unlike_facts")
	is "debian-12: what is to differ is found" "$(grep -c '^	say ' <<<"$unlike_facts")" "$(wc -l <<<"$facts")"
	unlike "$facts" "$(root_in_qube "$other" "$unlike_facts")"
	is "debian-12: no network device is frozen, no seed on disk, no key of the X server" "lo" \
		"$(root_in_qube "$name" 'cd /sys/class/net; ls; ls -d /var/lib/systemd/random-seed /home/user/.Xauthority 2>/dev/null')"
	if [ -e "$directory/keys" ]; then
		check_sshd "$directory" "$name" "$other"
	else
		skip "debian-12: keys of ssh" "Debian's archive does not answer"
	fi
	qvm-kill "$name" "$other"
	check "debian-12: nothing of them is left" no_traces
	check "debian-12: the template can be removed" qvm-remove --force deb-dvm deb-unlike
}

if [ -f "$BULKHEAD_TEMPLATES/debian-12.qcow2" ]; then
	check_systemd
else
	skip "debian-12: a copy" "no template debian-12"
fi

# --- crashes -----------------------------------------------------------------------------------

# Ends a process that works in the qube's run directory.
kill_process_of() {
	local directory

	for directory in /proc/[0-9]*; do
		[ "$(readlink "$directory/cwd" 2>/dev/null)" = "$(realpath -m "$BULKHEAD_ROOT/run/bulkhead/qubes/$1")" ] &&
			[[ $(readlink "$directory/exe") == *"$2"* ]] && kill -KILL "${directory#/proc/}"
	done
}

name=$(new_disposable)
kill_process_of "$name" qemu-system
check "a machine that dies leaves nothing" no_traces
name=$(new_disposable)
kill_process_of "$name" qrexec-daemon
check "a daemon that dies is replaced" patiently 20 in_qube "$name" true
kill -KILL "$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")"
sleep 0.5
start_daemon
is "a copy outlives bulkheadd" yes "$(in_qube "$name" 'echo yes')"
qvm-kill "$name"
check "and leaves nothing" no_traces
is "no process of a frozen one is left" "" "$(ls "$BULKHEAD_ROOT/run/bulkhead/frozen" 2>/dev/null)"
require "a disposable is frozen again" await_frozen "$(frozen_count)"

# --- the template goes -------------------------------------------------------------------------

qvm-prefs --default shared default_dispvm 2>/dev/null
check "the template can be removed" qvm-remove --force dvm
check "and its frozen disposable goes with it" patiently 10 eval \
	'[ -z "$(find "$BULKHEAD_ROOT"/var/lib/qubes/{frozen,appvms} -path "*dvm*" 2>/dev/null)" ]'

finish
