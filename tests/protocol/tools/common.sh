# Sourced by the tests of the tools: a private root, a stand-in for the daemon, and comparisons.
# Arguments of every test: the directory of the tools, and the program fake_qubesd.
# shellcheck shell=bash disable=SC2034

set -u
tools=$1
fake_qubesd=$2
failures=0
checks=0
daemon_pid=

directory=$(mktemp -d)
export BULKHEAD_ROOT=$directory/root
export PATH=$tools:$PATH
export COLUMNS=80 LC_ALL=C
unset DISPLAY
mkdir -p "$BULKHEAD_ROOT/run/qubes"

stop_daemon() {
	[ -z "$daemon_pid" ] || kill "$daemon_pid"
	daemon_pid=
}

finish() {
	stop_daemon
	rm -rf "$directory"
}
trap finish EXIT

# Starts the stand-in with the rules on stdin; one that runs already is ended.
daemon() {
	stop_daemon
	cat >"$directory/rules"
	: >"$directory/log"
	daemon_pid=$("$fake_qubesd" "$BULKHEAD_ROOT" "$directory/rules" "$directory/log") || exit 99
}

fail() {
	failures=$((failures + 1))
	printf 'FAIL: %s\n' "$1"
	shift
	printf '  %s\n' "$@"
}

# run COMMAND...: what it does is then in $status, $out and $err.
run() {
	command_line=$*
	"$@" >"$directory/out" 2>"$directory/err" </dev/null
	status=$?
}

# run_with INPUT COMMAND...
run_with() {
	local input=$1
	shift
	command_line=$*
	printf '%s' "$input" | "$@" >"$directory/out" 2>"$directory/err"
	status=$?
}

# expect STATUS STDOUT STDERR: exactly these, but for a last newline.
expect() {
	checks=$((checks + 1))
	local out err
	out=$(cat "$directory/out")
	err=$(cat "$directory/err")
	[ "$status" = "$1" ] || fail "$command_line: status $status, expected $1" "$err"
	[ "$out" = "$2" ] || fail "$command_line: stdout" "$(diff <(echo "$2") <(echo "$out"))"
	[ "$err" = "$3" ] || fail "$command_line: stderr" "$(diff <(echo "$3") <(echo "$err"))"
}

# expect_usage TEXT: status 2, a usage text, and "PROGRAM: error: TEXT" as the last line.
expect_usage() {
	checks=$((checks + 1))
	local last program=${command_line%% *}
	last=$(tail -n 1 "$directory/err")
	[ "$status" = 2 ] || fail "$command_line: status $status, expected 2" "$last"
	[ ! -s "$directory/out" ] || fail "$command_line: stdout is not empty"
	head -n 1 "$directory/err" | grep -q "^usage: $program" || fail "$command_line: no usage text"
	[ "$last" = "$program: error: $1" ] ||
		fail "$command_line: stderr" "$(diff <(echo "$program: error: $1") <(echo "$last"))"
}

# expect_requests TEXT: what the daemon was asked, in order; it begins anew.
expect_requests() {
	checks=$((checks + 1))
	local log
	log=$(cat "$directory/log")
	[ "$log" = "$1" ] || fail "$command_line: requests" "$(diff <(echo "$1") <(echo "$log"))"
	: >"$directory/log"
}

# The same in any order, for calls that are made at the same time.
expect_requests_sorted() {
	sort -o "$directory/log" "$directory/log"
	expect_requests "$1"
}

forget_requests() {
	: >"$directory/log"
}

summary() {
	echo "$checks checks, $failures failures"
	[ "$failures" = 0 ]
}
