#!/bin/bash
# policy-notify on a session bus of its own: what the desktop's notification service would be called
# with. There is no such service here, so that the program has to end with an error all the same.
#
#     notify.sh POLICY_NOTIFY
set -euo pipefail

program=$1
for name in dbus-run-session dbus-monitor; do
	if ! command -v "$name" >/dev/null; then
		echo "SKIP: there is no $name"
		exit 77
	fi
done
if [ -z "${NOTIFY_TEST_BUS-}" ]; then
	exec env NOTIFY_TEST_BUS=1 dbus-run-session -- "$0" "$program"
fi

log=$(mktemp)
trap 'kill "$monitor" 2>/dev/null || true; rm -f "$log"' EXIT
dbus-monitor --session "interface='org.freedesktop.Notifications'" >"$log" &
monitor=$!
until grep -q NameAcquired "$log"; do sleep 0.1; done

status=0
printf '{"resolution":"deny","source":"work","service":"qubes.Filecopy","argument":"+a","target":"<b>"}' |
	"$program" --notify 2>/dev/null || status=$?
[ "$status" = 1 ] || { echo "ended with $status"; exit 1; }

# The monitor hears of it in its own time.
for ((i = 0; i < 100; i++)); do
	grep -q "member=Notify" "$log" && break
	sleep 0.1
done
cat "$log"
grep -qF 'string "Denied: qubes.Filecopy"' "$log"
grep -qF 'string "<b>qubes.Filecopy</b> of qube <b>work</b> to <b>_b_</b>' "$log"
grep -qF 'argument: a"' "$log"
