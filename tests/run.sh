# The test suites of ./bulkhead test, and their counting. Sourced by ./bulkhead.
# shellcheck shell=bash disable=SC2154

passed=0
failed=0
skipped=0

count() {
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
	say "$4: $1 passed, $2 failed, $3 skipped"
}

# run_meson SUITE DIRECTORY: one test a program; what a failed one printed is shown.
run_meson() {
	local suite=$1 directory=$2 log=$2/meson-logs/testlog.json results ok bad skip

	say "$suite: running"
	rm -f "$log"
	meson test -C "$directory" --no-rebuild --suite "$suite" --print-errorlogs --num-processes 2 \
		--timeout-multiplier 3 \
		</dev/null | grep -E '(FAIL|TIMEOUT|SKIP|ERROR|^[^ ]*==|error:)' || :
	if [ ! -e "$log" ]; then
		say "$suite: no test ran"
		count 0 1 0 "$suite"
		return
	fi
	results=$(jq -r .result "$log")
	ok=$(grep -cE '^(OK|EXPECTEDFAIL)$' <<<"$results" || :)
	skip=$(grep -c '^SKIP$' <<<"$results" || :)
	bad=$(grep -cvE '^(OK|EXPECTEDFAIL|SKIP)?$' <<<"$results" || :)
	if [ "$bad" -gt 0 ]; then
		jq -r 'select(.result | test("^(OK|EXPECTEDFAIL|SKIP)$") | not)
			| "---- " + .name + ": " + .result, .stdout, .stderr // empty' "$log" | tail -n 400
	fi
	count "$ok" "$bad" "$skip" "$suite"
}

build_for_tests() {
	local directory=$1

	shift
	say "build: $(basename "$directory")"
	configure "$directory" "$@"
	quietly "build" ninja -C "$directory"
}

run_unit() {
	build_for_tests "$build_directory-test" --buildtype=debugoptimized -Dwerror=true \
		-Db_sanitize=address,undefined -Dman=disabled
	run_meson unit "$build_directory-test"
}

run_protocol() {
	build_for_tests "$build_directory-test" --buildtype=debugoptimized -Dwerror=true \
		-Db_sanitize=address,undefined -Dman=disabled
	run_meson protocol "$build_directory-test"
}

# Only the targets themselves are built with clang, not the whole tree once more.
run_fuzz() {
	local directory=$build_directory-fuzz targets

	say "build: $(basename "$directory")"
	CC=clang configure "$directory" --buildtype=debugoptimized -Dfuzz=true \
		-Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false -Dman=disabled
	targets=$(meson introspect --targets "$directory" |
		jq -r '.[] | select(.name | startswith("fuzz-")) | .filename[0]' |
		sed "s|^$directory/||")
	# shellcheck disable=SC2086 # one word a target
	quietly "build" ninja -C "$directory" $targets
	run_meson fuzz "$directory"
}

# count_tap FILE STATUS NAME: a script that fails without a failed test counts as one.
count_tap() {
	local file=$1 status=$2 bad skip ok

	bad=$(grep -c '^not ok' "$file" || :)
	skip=$(grep -ciE '^(ok|1\.\.0).*# skip' "$file" || :)
	ok=$(($(grep -c '^ok' "$file" || :) - $(grep -ciE '^ok.*# skip' "$file" || :)))
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		say "$3: ended with status $status"
		bad=1
	fi
	count "$ok" "$bad" "$skip" "$3"
}

# The end of a channel that also runs in a qube: static, and not sanitized.
build_test_peer() {
	local target=tests/protocol/vchan/vchan-test-peer-static

	configure "$build_directory-peer" --buildtype=release -Dwerror=false -Dman=disabled
	quietly "build" ninja -C "$build_directory-peer" "$target"
	export BULKHEAD_TEST_PEER=$build_directory-peer/$target
}

# run_scripts RESULTS SCRIPT...: on a private instance, and in it one booted qube, that they share
# (tests/e2e/lib.sh). What each printed is shown when it has ended, whole.
run_scripts() {
	local results=$1 script name status child

	shift
	BULKHEAD_E2E_ROOT=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-e2e.XXXXXX")
	export BULKHEAD_E2E_ROOT
	trap 'kill "$child"; wait "$child"; "$source_directory/tests/e2e/finish" "$BULKHEAD_E2E_ROOT"; exit 143' TERM INT
	for script; do
		name=$(basename "$script" .sh)
		status=0
		say "e2e: $name"
		# What a shell does in the background can not be interrupted, nor can what that starts.
		env --default-signal=INT timeout --kill-after=60 1800 "$script" \
			</dev/null >"$results/$name" 2>&1 &
		child=$!
		wait "$child" || status=$?
		flock "$results" cat "$results/$name"
		say "e2e: $name has ended"
		echo "$status" >"$results/$name.status"
	done
	"$source_directory/tests/e2e/finish" "$BULKHEAD_E2E_ROOT"
}

# Disposables take half of the time: they have an instance beside that of all others.
run_e2e() {
	local results others script status

	build_release
	build_template kernel
	build_template minimal
	build_template debian-12
	build_test_peer
	export BULKHEAD_TEMPLATES=$template_directory
	results=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-e2e-results.XXXXXX")
	run_scripts "$results" "$source_directory"/tests/e2e/*-disposables*.sh &
	others=$!
	# shellcheck disable=SC2064 # the pid and the name of now
	trap "kill $others 2>/dev/null; wait $others; rm -rf '$results'" EXIT
	for script in "$source_directory"/tests/e2e/[0-9]*.sh; do
		case $script in *-disposables*) ;; *) set -- "$@" "$script" ;; esac
	done
	(run_scripts "$results" "$@")
	wait $others
	for script in "$source_directory"/tests/e2e/[0-9]*.sh; do
		script=$(basename "$script" .sh)
		status=$(cat "$results/$script.status") || status=1
		count_tap "$results/$script" "$status" "e2e $script"
	done
	rm -rf "$results"
	trap - EXIT
}

run_suites() {
	local suite

	# shellcheck disable=SC2048,SC2086
	for suite in $*; do
		case $suite in
		unit | protocol | fuzz | e2e) "run_$suite" ;;
		*) fail "no test suite '$suite'" ;;
		esac
	done
	say "finished"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
