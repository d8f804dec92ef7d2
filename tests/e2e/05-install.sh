#!/bin/bash
# Installation to the system, staged into a directory: what README.md promises is there.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v meson >/dev/null || skip_all "no meson"
work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-install.XXXXXX")
# shellcheck disable=SC2016 # expanded when the script ends
on_exit 'rm -rf "$work"'
stage=$work/stage

require "configured for the system" meson setup "$work/build" "$source_directory" --prefix=/usr \
	--sysconfdir=/etc --localstatedir=/var --buildtype=release -Dtests=false -Dwerror=false
require "built" ninja -C "$work/build"
require "installed below DESTDIR" env DESTDIR="$stage" meson install -C "$work/build" --no-rebuild

for program in usr/sbin/bulkheadd usr/bin/qvm-ls usr/bin/qvm-run usr/bin/bulkhead-doctor usr/bin/qrexec-client; do
	check "/$program is there" test -x "$stage/$program"
done
is "the daemon runs" 0 "$("$stage/usr/sbin/bulkheadd" --version >/dev/null; echo $?)"
unit=$stage/usr/lib/systemd/system/bulkheadd.service
check "the unit starts the installed daemon" grep -qx "ExecStart=/usr/sbin/bulkheadd" "$unit"
check "qubes outlive a restart of the daemon" grep -qx "KillMode=process" "$unit"
check "there is a group for those who may" grep -q "^g qubes" "$stage/usr/lib/sysusers.d/bulkhead.conf"
if command -v systemd-sysusers >/dev/null; then
	mkdir -p "$stage/etc"
	check "and it can be made" systemd-sysusers --root="$stage" --no-pager bulkhead.conf
	check "now it is there" grep -q '^qubes:' "$stage/etc/group"
else
	skip "and it can be made" "no systemd-sysusers"
fi
if command -v systemd-analyze >/dev/null; then
	sed "s|/usr/sbin/|$stage/usr/sbin/|" "$unit" >"$work/bulkheadd.service"
	check "systemd understands the unit" systemd-analyze verify --man=no "$work/bulkheadd.service"
else
	skip "systemd understands the unit" "no systemd-analyze"
fi
is "nothing is written outside of usr and etc" "etc usr" "$(cd "$stage" && echo * | tr -s ' ')"

finish
