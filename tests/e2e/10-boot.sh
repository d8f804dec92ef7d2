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
	check "$template: names of the disks" patiently 20 \
		in_qube "$qube" '[ -e /dev/xvda ] && [ -e /dev/xvdb ] && [ -e /dev/xvdc ]'
}

use_instance
boots shared minimal
is "minimal: the template said what it can do" "debian 1 1" \
	"$(qvm-features minimal os-distribution) $(qvm-features minimal supported-rpc.qubes.Filecopy) $(qvm-features minimal vmexec)"

boots deb debian-12
is "debian-12: sudo asks for nothing" 0 "$(in_qube deb 'sudo -n id -u')"
check "debian-12: its boot comes to its end" \
	qvm-run --service --pass-io --no-gui deb qubes.WaitForRunningSystem
is "debian-12: no unit failed" "" "$(in_qube deb 'systemctl list-units --failed --plain --no-legend')"
is "debian-12: the template said what it can do" "debian 12 1" \
	"$(qvm-features debian-12 os-distribution) $(qvm-features debian-12 os-version) $(qvm-features debian-12 gui)"
matches "debian-12: and which programs it has" 'debian-xterm\.desktop - XTerm' "$(qvm-appmenus --get-available debian-12)"
menus=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-menus.XXXXXX")
on_exit 'rm -rf "$menus"'
export XDG_DATA_HOME=$menus
applications=$menus/applications
[ "$(id -u)" -ne 0 ] || applications=$BULKHEAD_ROOT/usr/local/share/applications
check "debian-12: menus of it can be written" qvm-appmenus --update deb
for program in debian-xterm l3afpad qubes-run-terminal; do
	icon=$(sed -n 's/^Icon=//p' "$applications/qubes-vm.deb.$program.desktop")
	matches "debian-12: $program has its own icon, in the label's colour" "^$program-[0-9a-f]{6}\.png$" "${icon##*/}"
	matches "debian-12: which is a picture" '^PNG image data, (48|64) x (48|64), 8-bit/color RGBA' "$(file -b "$icon")"
done
# What a person's programs say who opens what.
in_qube deb 'mkdir -p ~/.local/share/applications ~/.config
	printf "#!/bin/sh\necho by the handler >>\"\$1\"; sleep 1; echo done >>\"\$1\"\n" >~/edit && chmod 755 ~/edit
	printf "%s\n" "[Desktop Entry]" Type=Application Name=Edit "Exec=/home/user/edit %f" "MimeType=text/plain;" \
		>~/.local/share/applications/edit.desktop
	printf "%s\n" "[Default Applications]" text/plain=edit.desktop >~/.config/mimeapps.list
	echo text >~/note.txt'
is "debian-12: a file is opened by its kind, until its program ends" "text by the handler done" \
	"$(in_qube deb '/usr/lib/bulkhead/open-with-viewer ~/note.txt && cat ~/note.txt' | xargs)"
check "debian-12: it counts its updates" in_qube deb '/usr/lib/bulkhead/tell-updates'
matches "debian-12: and tells dom0" 'allow' "$(qrexec-policy-log --qube deb --service qubes.NotifyUpdates | tail -n 1)"
matches "debian-12: swap is on" xvdc\|vdc "$(in_qube deb 'cat /proc/swaps')"
is "debian-12: its clock is set after the boot, and later on" "active active" \
	"$(in_qube deb 'systemctl is-active qubes-sync-time-boot.timer qubes-sync-time.timer' | xargs)"
qubes-prefs clockvm shared
root_in_qube deb 'date -s "2 days ago" >/dev/null; systemctl start qubes-sync-time.service'
matches "debian-12: by the qube that keeps the time" '^-?[0-9]{1,4}$' "$(($(date +%s) - $(in_qube deb 'date +%s')))"
qubes-prefs clockvm ''
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
