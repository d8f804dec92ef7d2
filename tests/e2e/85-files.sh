#!/bin/bash
# Files between two real qubes and dom0: copied and moved, whole or not at all, and taken back.
# shellcheck disable=SC2016 # commands are for the qube to expand
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_instance
work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-files.XXXXXX")
on_exit 'rm -rf "$work"'
export HOME=$work/home
mkdir "$HOME"

policy=$BULKHEAD_ROOT/etc/qubes/policy.d/10-files.policy
on_exit 'rm -f "$policy"'
mkdir -p "$(dirname "$policy")"
cat >"$policy" <<-'END'
	qubes.Filecopy  *                files-a  files-b   allow
	qubes.Filecopy  *                files-a  @default  allow target=files-b
	qubes.Filecopy  *                files-b  files-a   deny
	qubes.OpenInVM  *                files-a  files-b   allow
	qubes.OpenInVM  *                files-a  @dispvm   allow target=files-b
	qubes.OpenURL   *                files-a  files-b   allow
	qubes.ConnectTCP  +7777          files-a  files-b   allow
END

# One with a template, and one that is its own: dom0 believes more of what that says.
qvm-check --quiet files-a 2>/dev/null || new_qube files-a minimal
qvm-check --quiet files-b 2>/dev/null || new_qube files-b minimal --class StandaloneVM
for name in files-a files-b; do
	qvm-check --quiet --running "$name" 2>/dev/null || require "$name starts" start_qube "$name"
done

for name in files-a files-b; do
	root_in_qube "$name" 'rm -rf /home/user/QubesIncoming /home/user/.local /home/user/tree /home/user/one /home/user/x /tmp/v'
done

a() { in_qube files-a "$1"; }
b() { in_qube files-b "$1"; }

status_of() {
	local status=0

	"$@" >"$work/out" 2>&1 </dev/null || status=$?
	echo $status
}

sums='find . -type f | sort | xargs -r md5sum'

# --- from dom0 ------------------------------------------------------------------------------

cd "$work" || exit 1
mkdir -p tree/sub
head -c 3000000 /dev/urandom >tree/large
echo small >tree/sub/small
ln -s small tree/sub/link
is "dom0 copies a tree" 0 "$(status_of qvm-copy-to-vm files-a tree)"
is "it arrives as it is" "$(cd tree && eval "$sums")" \
	"$(a "cd ~/QubesIncoming/dom0/tree && $sums")"
is "nothing is hidden there" "tree" "$(a 'ls -A ~/QubesIncoming/dom0')"
is "a second time it exists" 17 "$(status_of qvm-copy-to-vm files-a tree/large tree)"
matches "and that is said" 'already exists' "$(cat "$work/out")"
is "then nothing arrives" "tree" "$(a 'ls -A ~/QubesIncoming/dom0')"
echo moved >moved
is "dom0 moves a file" 0 "$(status_of qvm-move-to-vm files-a moved)"
is "the original is gone" "" "$(ls moved 2>/dev/null)"
is "qvm-copy is not for dom0" 1 "$(status_of qvm-copy moved)"

id=$(qvm-transfer list | tail -n 1 | cut -d ' ' -f 1)
is "dom0 takes its move back" 0 "$(status_of qvm-transfer undo "$id")"
is "the original is there again" moved "$(cat moved)"
id=$(qvm-transfer list files-a | grep ' moved$' | cut -d ' ' -f 1)
is "and in the qube" 0 "$(status_of qvm-transfer undo files-a "$id")"
is "what arrived is gone" "tree" "$(a 'ls -A ~/QubesIncoming/dom0')"
is "to the trash" moved "$(a 'cat ~/.local/share/Trash/files/moved')"

# --- from qube to qube -----------------------------------------------------------------------

a 'cp -a ~/QubesIncoming/dom0/tree ~/tree && echo one >~/one'
is "a qube copies" 0 "$(status_of a 'cd && qvm-copy-to-vm files-b tree')"
is "the same arrives" "$(cd tree && eval "$sums")" "$(b "cd ~/QubesIncoming/files-a/tree && $sums")"
is "to whom dom0 chooses" 0 "$(status_of a 'cd && qvm-move one')"
is "a move arrives" one "$(b 'cat ~/QubesIncoming/files-a/one')"
is "and takes the original" "" "$(a 'ls ~/one 2>/dev/null')"
is "not back: refused" 126 "$(status_of b 'cd && echo x >x && qvm-move-to-vm files-a x')"
is "which takes nothing" x "$(b 'cat ~/x')"
is "nor to dom0" 126 "$(status_of b 'cd && qvm-copy-to-vm dom0 x')"

id=$(a "qvm-transfer list" | grep ' one$' | cut -d ' ' -f 1)
is "the sender takes its move back" 0 "$(status_of a "qvm-transfer undo $id")"
is "and has it" one "$(a 'cat ~/one')"
id=$(qvm-transfer list files-b | grep ' one$' | cut -d ' ' -f 1)
b 'echo edited >>~/QubesIncoming/files-a/one'
is "what was edited is not taken back" 1 "$(status_of qvm-transfer undo files-b "$id")"
is "it stays" "one edited" "$(b 'cat ~/QubesIncoming/files-a/one' | xargs)"
is "a qube asks another for its transfers: refused" 126 \
	"$(status_of a 'qrexec-client-vm files-b bulkhead.Transfer+list </dev/null')"

# --- opened in another qube -------------------------------------------------------------------

b 'rm -rf ~/QubesIncoming/files-a; mkdir -p /tmp/v; touch /tmp/v/open'
root_in_qube files-b 'printf "%s\n" "#!/bin/sh" "echo \"\$1\" >/tmp/v/opened" \
	"case \$1 in http*) ;; *) echo EDITED 2>/dev/null >\"\$1\" ;; esac" "exit 0" \
	>/usr/local/bin/open-with-viewer && chmod 755 /usr/local/bin/open-with-viewer'
is "a file is opened and edited there" 0 "$(status_of a 'cd && qvm-open-in-vm files-b one')"
is "and comes back" EDITED "$(a 'cat ~/one')"
matches "it was opened out of the way" '^/tmp/files-a-[A-Za-z0-9]+/one$' "$(b 'cat /tmp/v/opened')"
is "of which nothing stays" "" "$(b 'ls -d /tmp/files-a-* 2>/dev/null')"
a 'echo again >~/one'
is "one is only looked at" 0 "$(status_of a 'cd && qvm-open-in-vm --view-only files-b one')"
is "and does not come back" again "$(a 'cat ~/one')"
is "one goes where disposables go" 0 "$(status_of a 'cd && qvm-open-in-dvm one')"
is "and comes back from there" EDITED "$(a 'cat ~/one')"
is "an address is opened there" 0 "$(status_of a 'qvm-open-in-vm files-b "https://example.org/?a=b&c"')"
is "as it is" 'https://example.org/?a=b&c' "$(b 'cat /tmp/v/opened')"
is "another kind of address is not" 1 \
	"$(status_of a 'echo file:///etc/passwd | qrexec-client-vm files-b qubes.OpenURL')"

# --- programs, ports, and what a qube says of itself ---------------------------------------------

b 'mkdir -p ~/.local/share/applications/sub && printf "%s\n" "[Desktop Entry]" Name=Probe Icon=../../x \
	"Categories=Network;Evil;" "Exec=sh -c \"echo \$XDG_DATA_DIRS >/tmp/v/started; exit 3\"" \
	>~/.local/share/applications/sub/probe.desktop'
# shellcheck disable=SC2317 # run by status_of
start_program() { qvm-run --pass-io --service --no-gui files-b "qubes.StartApp+$1"; }
is "a program of the menu is started, its status is ours" 3 "$(status_of start_program sub-probe)"
is "one that is not there is not" 1 "$(status_of start_program probe)"
root_in_qube files-b 'touch /run/qubes-service/app-dispvm.sub-probe'
is "and one whose files open elsewhere" 3 "$(status_of start_program sub-probe)"
matches "finds those handlers first" '^/usr/share/qubes/xdg-override:' "$(b 'cat /tmp/v/started')"

applications=$HOME/.local/share/applications
[ "$(id -u)" -ne 0 ] || applications=$BULKHEAD_ROOT/usr/local/share/applications
is "dom0 asks for the menu" 0 "$(status_of qvm-sync-appmenus files-b)"
is "and has it" "files-b: Probe" \
	"$(sed -n 's/^Name=//p' "$applications/qubes-vm.files-b.sub-probe.desktop")"
rm -f "$applications"/qubes-vm.files-b.*
b '/usr/lib/bulkhead/desktop-entries list | qrexec-client-vm dom0 qubes.SyncAppMenus'
qvm-appmenus --update files-b
matches "the qube itself says what it has" '^Categories=Network;X-Qubes-VM;$' \
	"$(grep ^Categories "$applications/qubes-vm.files-b.sub-probe.desktop")"
is "a qube with a template does not" 1 \
	"$(status_of a '/usr/lib/bulkhead/desktop-entries list | qrexec-client-vm dom0 qubes.SyncAppMenus')"

root_in_qube files-b 'qvm-features-request os-distribution=test "supported-rpc.my.Service=1" service.x=1 --commit'
is "what a qube says of itself is noted" "test 1" \
	"$(qvm-features files-b os-distribution) $(qvm-features files-b supported-rpc.my.Service)"
is "but not everything" 1 "$(status_of qvm-features files-b service.x)"
a 'qvm-features-request os-distribution=test supported-rpc.my.Service=1 --commit'
is "of one with a template its services" 1 "$(qvm-features files-a supported-rpc.my.Service)"
is "and no more" 1 "$(status_of qvm-features files-a os-distribution)"
is "it has updates" 0 "$(status_of b 'echo 5 | qrexec-client-vm dom0 qubes.NotifyUpdates')"
is "which is noted" 1 "$(qvm-features files-b updates-available)"
is "it has none any more" 0 "$(status_of b 'echo 0 | qrexec-client-vm dom0 qubes.NotifyUpdates')"
is "which is, too" "" "$(qvm-features files-b updates-available)"
is "a number that is none" 1 "$(status_of b 'echo -1 | qrexec-client-vm dom0 qubes.NotifyUpdates')"
is "its template has updates" 0 "$(status_of a 'echo 2 | qrexec-client-vm dom0 qubes.NotifyUpdates')"
is "which is noted there" 1 "$(qvm-features minimal updates-available)"
qvm-features --unset minimal updates-available

qubes-prefs clockvm files-b
matches "the time comes from the qube that keeps it" '^20[0-9-]{8}T[0-9:]{8},[0-9]{9}\+00:00$' \
	"$(a 'qrexec-client-vm @default qubes.GetDate+nanoseconds </dev/null')"
root_in_qube files-a 'date -s "2030-01-01 00:00:00" >/dev/null; qvm-sync-clock'
is "a qube sets its clock by it" "$(date +%Y)" "$(a 'date +%Y')"
qubes-prefs clockvm ''
is "from nobody nothing comes" "" "$(a 'qrexec-client-vm @default qubes.GetDate </dev/null')"
matches "a time near it" '^[0-9]{10}\.[0-9]{9}$' "$(a 'qrexec-client-vm dom0 qubes.GetRandomizedTime </dev/null')"

b '(busybox nc -ll -p 7777 -e cat >/dev/null 2>&1 </dev/null &) ; sleep 0.3'
a 'qvm-connect-tcp 7000:files-b:7777 && qvm-connect-tcp 7001:files-b:7778'
is "a port of another qube" through "$(a '(echo through; sleep 1) | busybox nc -w 20 127.0.0.1 7000 | head -n 1')"
is "one that the policy refuses" "" "$(a '(echo through; sleep 1) | busybox nc -w 20 127.0.0.1 7001 | head -n 1')"

# --- what goes wrong ---------------------------------------------------------------------------

hidden() { b 'ls -A ~/QubesIncoming/files-a 2>/dev/null' | xargs; }

# shellcheck disable=SC2317 # run by check
is_arriving() {
	[ -n "$(hidden)" ]
}

# shellcheck disable=SC2317 # run by check
is_gone() {
	! is_arriving
}

a 'truncate -s 1G ~/huge; head -c 30000000 /dev/zero >~/large'
(a 'cd && qvm-copy-to-vm files-b huge' >/dev/null 2>&1 &)
check "something arrives" patiently 20 is_arriving
a 'kill -KILL $(pidof qfile-agent qrexec-client-vm)'
check "a sender that is killed leaves nothing" patiently 10 is_gone

b 'mkdir -p ~/QubesIncoming'
root_in_qube files-b 'mount -t tmpfs -o size=8m,uid=1000,gid=1000,mode=700 none /home/user/QubesIncoming'
is "a full disk" 28 "$(status_of a 'cd && qvm-move-to-vm files-b one large')"
matches "is named" 'disk of the other side is full' "$(cat "$work/out")"
is "leaves nothing" "" "$(hidden)"
is "takes nothing" EDITED "$(a 'cat ~/one')"
root_in_qube files-b 'umount /home/user/QubesIncoming'

# A sender that is not ours, and lies.
# hostile WHAT EXPRESSION-OF-PRINTF
hostile() {
	a "(printf '$2'; head -c 100000 /dev/zero) | timeout 60 qrexec-client-vm files-b qubes.Filecopy >/dev/null 2>&1"
	is "$1 leaves nothing" "" "$(hidden)"
}
zero='\000\000\000\000'
mode='\244\201\000\000'
hostile "a name with dots" "\\005$(printf '\\000%.0s' 1 2 3)$mode$zero$zero$zero$zero$zero${zero}../x\\000"
hostile "a name that is too long" "\\000\\100\\000\\000$mode$zero$zero$zero$zero$zero$zero"
hostile "an endless file" "\\002\\000\\000\\000$mode\\377\\377\\377\\377\\377\\377\\377\\177$zero$zero$zero${zero}a\\000"
hostile "a device" "\\002\\000\\000\\000\\244\\041\\000\\000$zero$zero$zero$zero$zero${zero}a\\000"
is "nothing is outside either" "" "$(b 'find / -xdev -newer /tmp/v/open -name x -path "*Incoming*" 2>/dev/null')"

# The receiving qube is killed in the middle; after its start nothing is half there.
(a 'cd && qvm-move-to-vm files-b huge' >/dev/null 2>&1 &)
check "something arrives again" patiently 20 is_arriving
qvm-kill files-b
patiently 20 eval '[ "$(qvm-ls --raw-data --fields STATE files-b)" = Halted ]'
require "files-b starts again" start_qube files-b
is "a move to a qube that died takes nothing" $((1 << 30)) "$(a 'stat -c %s ~/huge; rm ~/huge')"
is "it works again" 0 "$(status_of a 'cd && qvm-move-to-vm files-b one')"
is "and nothing half is there" one "$(hidden)"

finish
