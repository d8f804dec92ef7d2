# Both ends of a file copy, joined as a call joins them. Sourced; the caller ends with `summary`.
# shellcheck shell=bash disable=SC2034
set -uo pipefail
programs=$1
services=${2-}
work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-filecopy.XXXXXX")
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
unset XDG_DATA_HOME PROGRESS_TYPE FILECOPY_TOTAL_BYTES
failures=0
checks=0

fail() {
	failures=$((failures + 1))
	echo "FAIL: $1"
	shift
	[ $# -eq 0 ] || printf '  %s\n' "$@"
}

# is WHAT EXPECTED ACTUAL
is() {
	checks=$((checks + 1))
	[ "$2" = "$3" ] || fail "$1" "expected: $2" "got:      $3"
}

# yes WHAT COMMAND..., no WHAT COMMAND...
yes() {
	local what=$1
	shift
	checks=$((checks + 1))
	"$@" >/dev/null 2>&1 || fail "$what"
}

no() {
	local what=$1
	shift
	checks=$((checks + 1))
	! "$@" >/dev/null 2>&1 || fail "$what"
}

# matches WHAT PATTERN FILE
matches() {
	checks=$((checks + 1))
	grep -qE "$2" "$3" || fail "$1" "no line like: $2" "$(cat "$3")"
}

summary() {
	echo "$checks checks, $failures failures"
	[ "$failures" -eq 0 ]
	exit
}

# Fresh homes for both sides, and a directory for the originals, which becomes the current one.
new_place() {
	cd "$work" || exit 1
	chmod -R u+rwx ./* 2>/dev/null
	rm -rf ./*
	mkdir there here files
	incoming=$work/there/QubesIncoming/source
	# An answer that does not come.
	mkfifo quiet
	exec 6<>quiet
	cd files || exit 1
}

# receive [OPTIONS]: the receiver, on stdin and stdout.
receive() {
	HOME=$work/there QREXEC_REMOTE_DOMAIN=${source-source} "$programs/qfile-unpacker" "$@" \
		2>"$work/receiver.err"
}

# copy OPTIONS... FILE...: the sender's status; the receiver's is in $received. Options of the
# receiver come from the array `receiver_options`.
receiver_options=()
copy() {
	local status=0
	rm -f "$work/answer"
	mkfifo "$work/answer"
	{
		HOME=$work/here "$programs/qfile-agent" "$@" <"$work/answer" 2>"$work/sender.err"
		echo $? >"$work/sender.status"
	} | {
		receive "${receiver_options[@]}" >"$work/answer"
		echo $? >"$work/receiver.status"
	}
	received=$(cat "$work/receiver.status")
	status=$(cat "$work/sender.status")
	return "$status"
}

# pack FILE...: the stream of a copy, on stdout; another receiver takes it, so that the sender ends.
pack() {
	local scratch
	scratch=$(mktemp -d "$work/pack.XXXXXX")
	mkfifo "$scratch/answer"
	# shellcheck disable=SC2094 # the answer is a fifo
	HOME=$scratch "$programs/qfile-agent" "$@" <"$scratch/answer" 2>/dev/null |
		tee >(HOME=$scratch QREXEC_REMOTE_DOMAIN=pack "$programs/qfile-unpacker" \
			>"$scratch/answer" 2>/dev/null)
	wait
	rm -rf "$scratch"
}

here() {
	HOME=$work/here "$programs/qvm-transfer-in-qube" "$@"
}

there() {
	HOME=$work/there "$programs/qvm-transfer-in-qube" "$@"
}

# The number in the code of a result record.
code_of() {
	od -An -tu4 -N4 "$1" | tr -d ' '
}
