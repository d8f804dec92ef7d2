#!/bin/bash
# Both templates boot, answer, and stop when asked.
# shellcheck disable=SC2016 # commands are for the qube to expand
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

boots() {
	local qube=$1 template=$2

	qvm-check --quiet "$qube" 2>/dev/null || check "$template: a qube is created" new_qube "$qube" "$template"
	require "$template: the qube starts" start_qube "$qube"
	is "$template: a program answers" hello "$(in_qube "$qube" 'echo hello')"
	is "$template: the host name is the qube's" "$qube" "$(in_qube "$qube" hostname)"
	is "$template: programs run as user" user "$(in_qube "$qube" 'id -un')"
	is "$template: in group qubes" "yes" "$(in_qube "$qube" 'id -Gn | grep -qw qubes && echo yes')"
	is "$template: root can be asked for" 0 "$(root_in_qube "$qube" 'id -u')"
	is "$template: set-up is finished" yes \
		"$(in_qube "$qube" 'test -e /run/qubes-service-environment && echo yes')"
	is "$template: markers" "persistent-rw-only this-is-appvm" \
		"$(in_qube "$qube" 'cd /run/qubes && echo persistent-* this-is-*')"
	matches "$template: services are on" "meminfo-writer" "$(in_qube "$qube" 'ls /run/qubes-service')"
	is "$template: modules of the kernel are there" yes \
		"$(in_qube "$qube" 'test -d /lib/modules/$(uname -r)/kernel && echo yes')"
	is "$template: names of the disks" "/dev/xvda /dev/xvdb /dev/xvdc" \
		"$(in_qube "$qube" 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -e /dev/xvda ] && [ -e /dev/xvdc ] && break; sleep 1; done; echo /dev/xvd[abc]')"
}

use_instance
boots shared minimal

boots deb debian-12
is "debian-12: sudo asks for nothing" 0 "$(in_qube deb 'sudo -n id -u')"
check "debian-12: its boot comes to its end" \
	qvm-run --service --pass-io --no-gui deb qubes.WaitForRunningSystem
is "debian-12: no unit failed" "" "$(in_qube deb 'systemctl list-units --failed --plain --no-legend')"
matches "debian-12: swap is on" xvdc\|vdc "$(in_qube deb 'cat /proc/swaps')"
check "debian-12: stops when asked" stop_qube deb
is "debian-12: is halted" Halted "$(qvm-ls --raw-data --fields STATE deb)"

# A shutdown in the middle of a boot: asked for before systemd's own programs look at the button.
# needs_recovery: what a file system says that was not unmounted.
private_features() {
	local raw

	raw=$(mktemp "${TMPDIR:-/tmp}/bulkhead-private.XXXXXX")
	qemu-img convert -O raw "$(find "$BULKHEAD_ROOT/var/lib/qubes/appvms/deb" -name 'private*.qcow2' | sort -V | tail -n 1)" "$raw" &&
		dumpe2fs -h "$raw" 2>/dev/null | grep '^Filesystem features'
	rm -f "$raw"
}

PATH=$PATH:/usr/sbin
require "debian-12: the qube starts again" start_qube deb
check "debian-12: stops in the middle of its boot" timeout 100 qvm-shutdown --wait deb
is "debian-12: is halted" Halted "$(qvm-ls --raw-data --fields STATE deb)"
matches "debian-12: by itself" 'powered itself off' "$(grep '\[deb\].*machine stopped' "$(daemon_log)" | tail -n 1)"
features=$(private_features)
matches "debian-12: its private volume can be read" 'has_journal' "$features"
is "debian-12: and was unmounted" "" "$(grep -o needs_recovery <<<"$features")"

finish
