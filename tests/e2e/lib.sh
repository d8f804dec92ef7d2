# The harness of the end-to-end tests: a private instance of the whole system, qubes in it, and
# TAP. Sourced by each script, which ends with `finish`.
#
# BULKHEAD_TEMPLATES is where templates/build put the kernel and the templates. With
# BULKHEAD_E2E_ROOT set, all scripts share that instance and the runner removes it
# (tests/e2e/finish); without, a script has one of its own and removes it. BULKHEAD_PREFIX is where
# the programs under test were installed, if not in build/prefix.
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR source=patience.sh
. "$(dirname "${BASH_SOURCE[0]}")/patience.sh"

source_directory=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
prefix=${BULKHEAD_PREFIX:-$source_directory/build/prefix}
PATH=$prefix/bin:$prefix/sbin:$PATH

tests=0
failures=0

# --- TAP ------------------------------------------------------------------------------------

note() {
	printf '%s\n' "$@" | sed 's/^/# /'
}

ok() {
	tests=$((tests + 1))
	echo "ok $tests - $*"
}

not_ok() {
	tests=$((tests + 1))
	failures=$((failures + 1))
	echo "not ok $tests - $*"
}

# A single test that cannot run here.
skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# The whole script cannot run here.
skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# check WHAT COMMAND...: the command succeeds.
check() {
	local what=$1 output status=0

	shift
	output=$("$@" 2>&1) || status=$?
	if [ "$status" -eq 0 ]; then
		ok "$what"
	else
		not_ok "$what"
		note "status $status of: $*" "$output"
	fi
}

# require WHAT COMMAND...: a check without which the rest of the script makes no sense.
require() {
	local before=$failures

	check "$@"
	[ "$failures" -eq "$before" ] || finish
}

# check_fails WHAT COMMAND...: the command fails, and not by a signal or for not being there.
check_fails() {
	local what=$1 output status=0

	shift
	output=$("$@" 2>&1) || status=$?
	if [ "$status" -gt 0 ] && [ "$status" -lt 124 ]; then
		ok "$what"
	else
		not_ok "$what"
		note "status $status of: $*" "$output"
	fi
}

# is WHAT EXPECTED ACTUAL
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		note "expected: $2" "got:      $3"
	fi
}

# matches WHAT PATTERN ACTUAL, an extended regular expression
matches() {
	if [[ $3 =~ $2 ]]; then
		ok "$1"
	else
		not_ok "$1"
		note "expected a match of: $2" "got: $3"
	fi
}

finish() {
	echo "1..$tests"
	[ "$failures" -eq 0 ]
	exit
}

# on_exit COMMAND: also done when the script ends. Scripts set no trap of their own.
exit_commands=()

on_exit() {
	exit_commands+=("$1")
}

run_exit_commands() {
	local command

	for command in "${exit_commands[@]}"; do
		eval "$command"
	done
}
trap run_exit_commands EXIT

# --- the instance ---------------------------------------------------------------------------

daemon_log() {
	echo "$BULKHEAD_ROOT/var/log/qubes/bulkheadd.log"
}

daemon_alive() {
	local pid exe

	pid=$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid" 2>/dev/null) &&
		exe=$(readlink "/proc/$pid/exe" 2>/dev/null) &&
		# A daemon whose program was installed anew meanwhile is still the daemon.
		[ "${exe% (deleted)}" = "$(readlink -f "$(command -v bulkheadd)")" ]
}

start_daemon() {
	local ready=$BULKHEAD_ROOT/run/bulkheadd.ready

	if daemon_alive; then
		return
	fi
	mkdir -p "$(dirname "$(daemon_log)")" "$BULKHEAD_ROOT/run"
	rm -f "$ready"
	mkfifo "$ready"
	setsid bulkheadd --ready-fd 9 9>"$ready" >>"$(daemon_log)" 2>&1 </dev/null &
	echo $! >"$BULKHEAD_ROOT/run/bulkheadd.pid"
	disown
	if ! read -r -t 60 _ <"$ready"; then
		note "the daemon does not answer; its log:" "$(tail -n 20 "$(daemon_log)")"
		return 1
	fi
}

stop_daemon() {
	local pid

	daemon_alive || return 0
	pid=$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")
	kill "$pid"
	while [ -e "/proc/$pid" ]; do sleep 0.1; done
}

# Ends everything that runs below the root directory, and removes it.
remove_instance() {
	if daemon_alive; then
		timeout 60 qvm-kill --all >/dev/null 2>&1 || :
		stop_daemon
	fi
	kill_leftovers
	rm -rf "$BULKHEAD_ROOT"
}

# Processes of this instance are known by its root directory in their environment or arguments. One
# that is ended may have been about to start another: it is over when a look finds none.
kill_leftovers() {
	local i

	for ((i = 0; i < 50; i++)); do
		kill_those_there || return 0
		sleep 0.1
	done
	note "not all processes of $BULKHEAD_ROOT end"
}

# False when there is none.
kill_those_there() {
	local directory pid found=1 programs

	programs=$(readlink -f "$prefix")
	for directory in /proc/[0-9]*; do
		pid=${directory#/proc/}
		[ "$pid" != $$ ] || continue
		case $(readlink "$directory/exe" 2>/dev/null) in
		*/qemu-system-* | "$programs"/*) ;;
		*) continue ;;
		esac
		if tr '\0' '\n' <"$directory/environ" 2>/dev/null | grep -qxF "BULKHEAD_ROOT=$BULKHEAD_ROOT" ||
			tr '\0' '\n' <"$directory/cmdline" 2>/dev/null | grep -qF "$BULKHEAD_ROOT/"; then
			kill -KILL "$pid" 2>/dev/null || :
			found=0
		fi
	done
	return $found
}

# Starts the instance. Skips the script where there is nothing to run.
use_instance() {
	command -v bulkheadd >/dev/null || skip_all "bulkheadd is not built (./bulkhead test builds it)"
	command -v qemu-system-x86_64 >/dev/null || skip_all "no qemu-system-x86_64"
	[ -n "${BULKHEAD_TEMPLATES:-}" ] || skip_all "BULKHEAD_TEMPLATES is not set"
	if [ -n "${BULKHEAD_E2E_ROOT:-}" ]; then
		export BULKHEAD_ROOT=$BULKHEAD_E2E_ROOT
	else
		BULKHEAD_ROOT=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-e2e.XXXXXX")
		export BULKHEAD_ROOT
		on_exit remove_instance
	fi
	if ! start_daemon || ! "$source_directory/templates/install" kernel "$BULKHEAD_TEMPLATES"; then
		not_ok "the instance starts"
		finish
	fi
}

# --- qubes ----------------------------------------------------------------------------------

# use_template NAME: in the instance, from the built image.
use_template() {
	qvm-check --quiet "$1" 2>/dev/null || {
		"$source_directory/templates/install" "$1" "$BULKHEAD_TEMPLATES" >&2 || {
			not_ok "template $1 is installed"
			finish
		}
	}
}

# new_qube NAME TEMPLATE [OPTIONS of qvm-create]
new_qube() {
	local name=$1 template=$2

	shift 2
	use_template "$template"
	qvm-create --class AppVM --template "$template" --label red "$@" "$name" >&2
}

# The qube that most tests share: an AppVM of `minimal`, running.
use_shared_qube() {
	use_instance
	qvm-check --quiet shared 2>/dev/null || new_qube shared minimal
	qvm-check --quiet --running shared 2>/dev/null || start_qube shared || {
		not_ok "the shared qube starts"
		finish
	}
}

console_of() {
	cat "$BULKHEAD_ROOT/var/log/qubes/guest-$1.log" 2>/dev/null
}

# Says on failure what the qube's console said last.
start_qube() {
	if ! qvm-start "$1" >&2; then
		note "console of $1:" "$(console_of "$1" | tail -n 30)" "daemon:" "$(tail -n 6 "$(daemon_log)")"
		return 1
	fi
}

# Says nothing of what the tool says to a person.
stop_qube() {
	qvm-shutdown --wait "$1" >&2
}

restart_qube() {
	stop_qube "$1" && start_qube "$1"
}

# in_qube NAME COMMAND: as the qube's user. root_in_qube: as root.
in_qube() {
	timeout 120 qvm-run --pass-io --no-gui --quiet "$1" "$2" </dev/null
}

root_in_qube() {
	timeout 120 qvm-run --pass-io --no-gui --quiet --user root "$1" "$2" </dev/null
}
