#!/bin/bash
# Power states and who may do what when; what happens to a qube whose machine misbehaves.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_shared_qube

state_of() {
	qvm-ls --raw-data --fields STATE "$1"
}

# shellcheck disable=SC2317 # run by check
is_halted() {
	[ "$(state_of "$1")" = Halted ]
}

machine_pid() {
	local directory

	for directory in /proc/[0-9]*; do
		[ "$(readlink "$directory/cwd" 2>/dev/null)" = "$(realpath "$BULKHEAD_ROOT/run/bulkhead/qubes/$1")" ] || continue
		case $(readlink "$directory/exe") in
		*qemu-system*) echo "${directory#/proc/}" ;;
		esac
	done
}

is "a running qube" Running "$(state_of shared)"
check_fails "starting a running qube is refused" qvm-start shared
check "unless it is to be skipped" qvm-start --skip-if-running shared
check "it pauses" qvm-pause shared
is "a paused qube" Paused "$(state_of shared)"
check_fails "a paused qube is not shut down without force" qvm-shutdown shared
check "it goes on" qvm-unpause shared
is "and answers" on "$(in_qube shared 'echo on')"
check_fails "a running qube can not be unpaused" qvm-unpause shared
check_fails "its name is taken" qvm-create --class AppVM --template minimal --label red shared
check_fails "it can not be removed while it runs" qvm-remove --force shared
check_fails "its template can not be removed" qvm-remove --force minimal

# The machine's process dies.
machine=$(machine_pid shared)
matches "the machine runs as a user of its own" '^2[0-9]{9}$' "$(stat -c %u "/proc/$machine" 2>/dev/null)"
in_qube shared 'echo precious >/home/user/precious; sync'
kill -KILL "$machine"
check "a killed machine is a halted qube" patiently 10 is_halted shared
is "nothing of it runs on" "" "$(machine_pid shared)"
check_fails "a call says that it does not run" qvm-run -n -p --no-gui shared true
is "a call starts it again, and what was synced is there" precious \
	"$(in_qube shared 'cat /home/user/precious')"

# Its kernel panics. (A kernel that may reboot after one second ends the same way.)
timeout 30 qvm-run -p --no-gui -u root shared 'echo c >/proc/sysrq-trigger' >/dev/null 2>&1 </dev/null
check "a panic halts the qube" patiently 30 is_halted shared
matches "the log says so" 'panic|reboot' "$(grep 'shared' "$(daemon_log)" | tail -n 3)"

# One that never answers.
check "a qube with little patience" qvm-clone shared silent
check "boots to nothing" qvm-prefs silent kernelopts "init=/bin/true rdinit=/nonexistent"
check "five seconds" qvm-prefs silent qrexec_timeout 5
output=$(qvm-start silent 2>&1)
matches "the start fails and says what happened" 'qrexec agent|panic|rebooted|powered' "$output"
is "and leaves it halted" Halted "$(state_of silent)"
is "with no process" "" "$(machine_pid silent)"

check "more memory than there is" qvm-prefs silent memory 4000000
output=$(qvm-start silent 2>&1)
matches "is told clearly" 'memory' "$output"
is "and leaves it halted" Halted "$(state_of silent)"
check "it is removed" qvm-remove --force silent
check_fails "nothing of it is left" ls -d "$BULKHEAD_ROOT/var/lib/qubes/appvms/silent"

finish
