#!/bin/bash
# An installation to the system, as README.md has it, into a directory of its own: what belongs
# where is there, and the installed programs work on a private root.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-install.XXXXXX")
# shellcheck disable=SC2016 # expanded when the script ends
on_exit 'rm -rf "$work"'
destination=$work/system

require "it is configured as for the system" meson setup "$work/build" "$source_directory" \
	--buildtype=release --prefix=/usr --sysconfdir=/etc --localstatedir=/var -Dtests=false -Dwerror=false
require "it builds" ninja -C "$work/build"
require "it installs" env DESTDIR="$destination" meson install -C "$work/build" --no-rebuild

for file in usr/sbin/bulkheadd usr/sbin/qrexec-daemon usr/bin/qrexec-client usr/bin/qvm \
	usr/bin/qvm-run usr/bin/bulkhead-doctor usr/libexec/bulkhead/vchan-linkd usr/include/libvchan.h \
	usr/lib/systemd/system/bulkheadd.service usr/lib/sysusers.d/bulkhead.conf \
	etc/xdg/autostart/bulkhead-menus.desktop etc/xdg/autostart/bulkhead-windows.desktop \
	etc/xdg/autostart/qrexec-policy-agent.desktop \
	usr/lib/tmpfiles.d/bulkhead.conf etc/qubes/policy.d/README usr/share/man/man1/qvm-run.1 \
	usr/share/man/man8/bulkheadd.8 usr/share/bash-completion/completions/qvm-run; do
	check "/$file" test -e "$destination/$file"
done
is "the library can be linked against" "-L/usr/lib/x86_64-linux-gnu -lvchan" "$(
	PKG_CONFIG_PATH=$destination/usr/lib/x86_64-linux-gnu/pkgconfig pkg-config --keep-system-libs --libs vchan |
		sed 's/ *$//'
)"
is "nothing is for everybody to write" "" "$(find "$destination" ! -type l -perm /002)"
is "nothing changes its user" "" "$(find "$destination" -perm /6000)"
is "its pages are manual pages" "" "$(mandoc -T lint -W error "$destination"/usr/share/man/man1/qvm-*.1 2>&1)"

unit=$destination/usr/lib/systemd/system/bulkheadd.service
check "the unit starts the installed daemon" grep -qx "ExecStart=/usr/sbin/bulkheadd" "$unit"
check "qubes outlive a restart of the daemon" grep -qx "KillMode=process" "$unit"
check "there is a group for those who may" grep -q "^g qubes" "$destination/usr/lib/sysusers.d/bulkhead.conf"
if command -v systemd-sysusers >/dev/null; then
	check "and it can be made" systemd-sysusers --root="$destination" --no-pager bulkhead.conf
	check "now it is there" grep -q '^qubes:' "$destination/etc/group"
else
	skip "and it can be made" "no systemd-sysusers"
fi
if command -v systemd-analyze >/dev/null; then
	sed "s|/usr/sbin/|$destination/usr/sbin/|" "$unit" >"$work/bulkheadd.service"
	check "systemd understands the unit" systemd-analyze verify --man=no "$work/bulkheadd.service"
else
	skip "systemd understands the unit" "no systemd-analyze"
fi
is "nothing is written outside of usr and etc" "etc usr" "$(cd "$destination" && echo * | tr -s ' ')"

export BULKHEAD_ROOT=$work/root PATH=$destination/usr/bin:$destination/usr/sbin:$PATH
mkdir -p "$BULKHEAD_ROOT"
check "the installed daemon starts on a private root" start_daemon
is "the installed tool asks it" dom0 "$(qvm-ls --raw-list)"
check "a template can be made" qvm-create --class TemplateVM --label black tpl
check "and a qube" qvm-create --class AppVM --template tpl --label red one
is "which is there" "one|Halted|AppVM|red|tpl|-" "$(qvm-ls --raw-data one)"
stop_daemon

finish
