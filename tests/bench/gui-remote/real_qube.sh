#!/bin/bash
# A moving picture and key presses from a real qube (debian-12): the painter runs in the qube, the
# watcher on a virtual display of the host. Pictures a second, processor time of the host without the
# qube's machine, and the time from the key to the pixel.
#
# usage: tests/bench/gui-remote/real_qube.sh BUILD-DIRECTORY        (./bulkhead bench)
# shellcheck disable=SC2016,SC2034 # expanded at exit
set -uo pipefail

build=$1/tests/bench/gui-remote
size="640 400"
rate=30
# shellcheck source-path=SCRIPTDIR source=../../e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
# shellcheck source-path=SCRIPTDIR source=../../e2e/display.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/display.sh"

# paint RATE: the painter in the qube, which it ends when another is started.
paint() {
	timeout 120 qvm-run --pass-io --gui --quiet gui-bench \
		"pkill painter; (setsid /tmp/painter $size $1 >/dev/null 2>&1 </dev/null &)" </dev/null
}

use_instance
[ -f "$BULKHEAD_TEMPLATES/debian-12.qcow2" ] || skip_all "no template debian-12"
use_template debian-12 >/dev/null
start_display 1280x1024
on_exit 'kill $display_pid 2>/dev/null'
openbox >/dev/null 2>&1 </dev/null &
manager_pid=$!
on_exit 'kill $manager_pid 2>/dev/null'
qvm-create --class AppVM --template debian-12 --label blue gui-bench || exit 1
on_exit 'qvm-kill gui-bench >/dev/null 2>&1; qvm-remove -f gui-bench >/dev/null 2>&1'
setsid qvm-start-daemon --watch >"$BULKHEAD_ROOT/windows.log" 2>&1 </dev/null &
launcher_pid=$!
on_exit 'kill $launcher_pid 2>/dev/null'
timeout 300 qvm-start gui-bench || exit 1
timeout 120 qvm-run --pass-io --quiet gui-bench 'cat >/tmp/painter && chmod 755 /tmp/painter' \
	<"$build/bench-gui-painter" || exit 1
paint "$rate"
sleep 5
echo "a picture of ${size/ /x} in a real qube, offered $rate times a second; the host's display and gui-daemon"
timeout 100 "$build/bench-gui-watcher" frames 8 "$display_pid" "$launcher_pid"
paint 0
sleep 3
timeout 200 "$build/bench-gui-watcher" latency 100
