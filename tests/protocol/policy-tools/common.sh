# For the tests of the policy tools: a private root with a policy, and checks that name what they
# check. $PROGRAMS is the build directory of the tools, $POLICY_PROGRAMS that of the engine's.
# shellcheck shell=bash disable=SC2034,SC2317

set -u
root=$(mktemp -d /tmp/bulkhead-policy-XXXXXX)
trap 'rm -rf "$root"' EXIT
export BULKHEAD_ROOT=$root BULKHEAD_LOG=error
policy=$root/etc/qubes/policy.d
mkdir -p "$policy/include" "$root/run/qubes/policy.d" "$root/var/log/qubes"
failed=0 count=0

fail() {
	failed=1
	printf 'not ok %d - %s\n' "$count" "$1"
	shift
	printf '#   %s\n' "$@"
}

# expect NAME EXPECTED ACTUAL
expect() {
	count=$((count + 1))
	if [ "$2" = "$3" ]; then
		printf 'ok %d - %s\n' "$count" "$1"
	else
		fail "$1" "expected: $2" "got:      $3"
	fi
}

# expect_run NAME STATUS OUTPUT COMMAND...: standard output only
expect_run() {
	local name=$1 status=$2 wanted=$3 got code
	shift 3
	got=$("$@" 2>"$root/stderr")
	code=$?
	expect "$name" "$status: $wanted" "$code: $got"
}

# expect_has NAME TEXT FILE
expect_has() {
	count=$((count + 1))
	if grep -qF -- "$2" "$3"; then
		printf 'ok %d - %s\n' "$count" "$1"
	else
		fail "$1" "no '$2' in:" "$(cat "$3")"
	fi
}

finish() {
	printf '1..%d\n' "$count"
	exit "$failed"
}
