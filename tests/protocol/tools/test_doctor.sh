#!/bin/bash
# bulkhead-doctor: its verdict follows from what is there.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"
doctor=$3

# verdict_of TOPIC COMMAND...: the verdict on a topic in the JSON.
verdict_of() {
	local topic=$1
	shift
	"$@" --json | tr -d '\n' | sed -n "s/.*{\"topic\": \"$topic\", \"verdict\": \"\([a-z]*\)\".*/\1/p"
}

expect_verdict() {
	checks=$((checks + 1))
	local verdict
	verdict=$(verdict_of "${@:2}")
	[ "$verdict" = "$1" ] || fail "$2: '$verdict', expected '$1'" "${@:3}"
}

# A machine with programs that answer as those would, and one without.
mkdir "$directory/good" "$directory/old" "$directory/none"
for bin in good old; do
	printf '#!/bin/sh\n' | tee "$directory/$bin/qemu-img" >"$directory/$bin/qemu-system-x86_64"
	chmod +x "$directory/$bin"/*
done
echo 'echo "QEMU emulator version 7.2.22 (Debian)"' >>"$directory/good/qemu-system-x86_64"
echo 'echo "QEMU emulator version 6.2.0"' >>"$directory/old/qemu-system-x86_64"
ok=(env PATH="$directory/good:/usr/bin:/bin" "$doctor")
expect_verdict ok qemu "${ok[@]}"
expect_verdict ok qemu-img "${ok[@]}"
expect_verdict missing qemu env PATH="$directory/old:/usr/bin:/bin" "$doctor"
expect_verdict missing qemu env PATH="$directory/none" "$doctor"
expect_verdict missing qemu-img env PATH="$directory/none" "$doctor"

run env PATH="$directory/none" "$doctor"
checks=$((checks + 1))
[ "$status" = 1 ] || fail "without QEMU: status $status"
grep -q 'apt-get install qemu-system-x86' "$directory/out" || fail 'without QEMU: no advice'
tail -n 1 "$directory/out" | grep -q 'can not run' || fail 'without QEMU: no verdict'

expect_verdict note bulkheadd "${ok[@]}"
expect_verdict note kernels "${ok[@]}"
expect_verdict note display env -u DISPLAY -u WAYLAND_DISPLAY "$doctor"
expect_verdict ok display env DISPLAY=:9 "$doctor"
mkdir -p "$BULKHEAD_ROOT/var/lib/qubes/vm-kernels/6.1"
expect_verdict ok kernels "${ok[@]}"
daemon </dev/null
expect_verdict ok bulkheadd "${ok[@]}"

# The processor decides first: without its flags nothing is said of /dev/kvm.
checks=$((checks + 1))
if grep -q '^flags.*\b\(vmx\|svm\)\b' /proc/cpuinfo; then
	"$doctor" --json | grep -q '/dev/kvm' || fail 'acceleration: /dev/kvm is not mentioned'
else
	"$doctor" --json | grep -q 'tcg will be used' || fail 'acceleration: not tcg'
fi
run "$doctor" extra
[ "$status" = 2 ] || fail "an argument: status $status"

summary
