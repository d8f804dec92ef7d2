#!/bin/bash
# dom0's services for qubes, with a stand-in for the daemon: what they ask it to change, and what
# they leave alone.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/../tools/common.sh"
programs=$3
mkdir "$directory/rpc"
for name in FeaturesRequest GetDate GetRandomizedTime NotifyTools NotifyUpdates SyncAppMenus; do
	ln -s "$programs/host-services" "$directory/rpc/qubes.$name"
done

# call CALLER SERVICE PAYLOAD; who looks for leaks may not do so in a confined process.
call() {
	local -x ASAN_OPTIONS=detect_leaks=0

	: >"$directory/log"
	command_line="$2 of $1"
	# shellcheck disable=SC2059 # escapes in payloads
	printf -- "$3" | QREXEC_REMOTE_DOMAIN=$1 "$directory/rpc/$2" >"$directory/out" 2>"$directory/err"
	status=$?
}

# is WHAT EXPECTED ACTUAL
is() {
	checks=$((checks + 1))
	[ "$2" = "$3" ] || fail "$1 ($command_line)" "expected: $2" "got:      $3" "$(cat "$directory/err")"
}

# What was asked to change, a line each, without the time of the day.
changes() {
	grep -aE 'feature\.(Set|Remove)|tag\.Set' "$directory/log" |
		sed 's/[0-9]\{4\}-[0-9-]* [0-9:]*/TIME/' | xargs -d '\n'
}

overview='dom0 class=AdminVM state=Running uuid=0\ndeb class=TemplateVM state=Halted uuid=1 updateable=True label=black\nwork class=AppVM state=Running uuid=2 template=deb updateable=False label=red\n'
rules="bulkhead.vm.Overview dom0 = ok $overview
admin.vm.feature.Set+updates-available deb = ok
admin.vm.feature.Set+last-updates-check deb = ok
admin.vm.feature.Set+last-update deb = ok
admin.vm.feature.Set+gui deb = ok
admin.vm.feature.Set+qrexec deb = fail QubesValueError no
admin.vm.feature.Set+os-version deb = ok
admin.vm.feature.Set+supported-rpc.qubes.X work = ok
admin.vm.feature.List deb = ok os-version\n
admin.vm.feature.Get+os-version deb = ok 11
admin.vm.feature.List work = ok
admin.vm.volume.List work = ok root\n"
none='admin.vm.feature.Get+updates-available deb = fail QubesFeatureNotFoundError none'
current='admin.vm.volume.Info+root work = ok is_outdated=False\n'

daemon <<<"$rules
$none
$current"
call deb qubes.NotifyUpdates '5\n'
is "a template has updates" 0 $status
is "which is noted" "$(grep -acE 'feature.Set\+(updates-available|last-updates-check)' "$directory/log")" 2
call deb qubes.NotifyUpdates 0
is "it has none: that was known" 0 "$(grep -ac last-update+ "$directory/log")"
for bad in -1 1e3 '' ' ' "$(printf '%0100d' 5)"; do
	call deb qubes.NotifyUpdates "$bad"
	is "the count '$bad'" "1 " "$status $(changes)"
done
call work qubes.NotifyUpdates 3
is "an AppVM says that its template has" 2 "$(grep -ac 'feature.Set.*deb' "$directory/log")"
call work qubes.NotifyUpdates 0
is "that it has none does not count" "0 " "$status $(changes)"
call nobody qubes.NotifyUpdates 1
is "a caller that is not there" 1 $status
call ../x qubes.NotifyUpdates 1
is "a caller that can not be" 1 $status
is "nothing was started" 0 "$(grep -ac admin.vm.Start "$directory/log")"

daemon <<<"$rules
$none
admin.vm.volume.Info+root work = ok is_outdated=True\n"
call work qubes.NotifyUpdates 3
is "of an outdated AppVM nothing counts" "0 " "$status $(changes)"
daemon <<<"${rules/Halted uuid=1/Running uuid=1}
$none
$current"
call work qubes.NotifyUpdates 3
is "nor while the template runs" "0 " "$status $(changes)"
daemon <<<"$rules
admin.vm.feature.Get+updates-available deb = ok 1"
call deb qubes.NotifyUpdates 0
is "the updates were installed" 1 "$(grep -ac 'feature.Set+last-update ' "$directory/log")"

daemon <<<"$rules"
call deb qubes.FeaturesRequest 'os-version=12\ngui=1\n'
is "a template's features" 0 $status
is "are set" 2 "$(grep -ac 'feature.Set+\(os-version\|gui\) deb' "$directory/log")"
call deb qubes.FeaturesRequest 'os-version=11\n'
is "what is as it was" "0 " "$status $(changes)"
call deb qubes.FeaturesRequest ''
is "no requests" "0 " "$status $(changes)"
call deb qubes.FeaturesRequest 'qrexec=1\nos-version=12\n'
is "one that the daemon refuses" 1 $status
is "does not keep the others" 1 "$(grep -ac 'feature.Set+os-version' "$directory/log")"
call work qubes.FeaturesRequest 'gui=1\nsupported-rpc.qubes.X=1\n'
is "an AppVM has a say about services" 0 $status
is "and no more" 1 "$(grep -ac 'feature.Set' "$directory/log")"
call deb qubes.FeaturesRequest "$(printf 'x=1\\n%.0s' {1..20000})"
is "too much" "1 " "$status $(changes)"

daemon <<<"$rules
admin.property.Get+clockvm dom0 = ok default=False type=vm "
call work qubes.GetDate ''
is "nobody keeps the time" "0 " "$status $(cat "$directory/out")"
daemon <<<"$rules
admin.property.Get+clockvm dom0 = ok default=False type=vm dom0"
call work qubes.GetDate ''
is "dom0 does" 26 "$(stat -c %s "$directory/out")"
ASAN_OPTIONS=detect_leaks=0 QREXEC_REMOTE_DOMAIN=work "$directory/rpc/qubes.GetDate" nanoseconds >"$directory/out"
is "to the nanosecond" 36 "$(stat -c %s "$directory/out")"
daemon <<<"${rules/class=AppVM state=Running/class=AppVM state=Halted}
admin.property.Get+clockvm dom0 = ok default=False type=vm work"
call work qubes.GetDate ''
is "one that does not run: dom0" "0 26" "$status $(stat -c %s "$directory/out")"
call work qubes.GetRandomizedTime ''
is "a randomized time" 1 "$(grep -cE '^[0-9]{10}\.[0-9]{9}$' "$directory/out")"
difference=$(($(cut -d . -f 1 "$directory/out") - $(date +%s)))
is "is near" 1 $((difference >= -182 && difference <= 182))

# Menus. The writer is whoever runs the test: root has the system's, a person the own.
export HOME=$directory/home
export XDG_DATA_HOME=$HOME/data
applications=$XDG_DATA_HOME/applications
[ "$(id -u)" -ne 0 ] || applications=$BULKHEAD_ROOT/usr/local/share/applications
menu='foo.desktop:Name=Foo\nfoo.desktop:Categories=Network;Evil;\nfoo.desktop:Exec=evil\nbar.desktop:Name=Bar\nbad.desktop:Name=B;rm\nb x.desktop:Name=B\n'
menu_rules="$rules
admin.label.Get+red dom0 = ok 0xcc0000
admin.label.Get+black dom0 = ok 0x000000"
appmenus=$programs/qvm-appmenus
daemon <<<"$menu_rules"
call deb qubes.SyncAppMenus "$menu"
is "a template's menu" 0 $status
is "is kept" "bar.desktop:Name=Bar foo.desktop:Name=Foo foo.desktop:Categories=Network;" \
	"$(xargs -d '\n' <"$BULKHEAD_ROOT/var/lib/qubes/appmenus/deb/list")"
is "and written by no service" "" "$(ls "$applications" 2>/dev/null)"
run "$appmenus" --all
files=$(cd "$applications" 2>/dev/null && echo ./*)
is "is that of its qubes too" \
	"./qubes-vm.deb.bar.desktop ./qubes-vm.deb.foo.desktop ./qubes-vm.work.bar.desktop ./qubes-vm.work.foo.desktop" "$files"
is "starts there" "Exec=env \"BULKHEAD_ROOT=$BULKHEAD_ROOT\" \"$(readlink -f "$programs")/qvm-run\" -q -a --service -- work qubes.StartApp+foo" \
	"$(grep ^Exec= "$applications/qubes-vm.work.foo.desktop")"
icon=$(sed -n 's/^Icon=//p' "$applications/qubes-vm.work.foo.desktop")
is "has the sign of the label" "cc0000.png" "${icon##*/}"
is "which is a picture" "89504e47" "$(head -c 4 "$icon" | od -An -tx1 | tr -d ' ')"
if command -v desktop-file-validate >/dev/null; then
	is "parses" "" "$(desktop-file-validate "$applications"/*.desktop 2>&1 | grep -v X-Qubes-VM)"
fi
call deb qubes.SyncAppMenus 'foo.desktop:Name=Foo\n'
run "$appmenus" --all
is "what is gone goes" "2" "$(find "$applications" -name 'qubes-vm.*' | wc -l)"
call work qubes.SyncAppMenus "$menu"
is "an AppVM has none of its own" 1 $status
call deb qubes.SyncAppMenus "$(printf 'x\\n%.0s' {1..100001})"
is "too many lines" 1 $status
run "$appmenus" --all
is "change nothing" "2" "$(find "$applications" -name 'qubes-vm.*' | wc -l)"

daemon <<<"$menu_rules
admin.vm.feature.Get+menu-items work = ok bar.desktop foo.desktop
admin.vm.feature.Set+menu-items work = ok"
call deb qubes.SyncAppMenus "$menu"
run "$appmenus" --get-available work
is "the programs that there are" "bar.desktop - Bar foo.desktop - Foo" "$(xargs -d '\n' <"$directory/out")"
run "$appmenus" --get-whitelist work
is "those that are shown" "bar.desktop foo.desktop" "$(xargs <"$directory/out")"
run_with 'foo.desktop
' "$appmenus" --set-whitelist - work
is "another choice" "0 1" "$status $(grep -ac 'feature.Set+menu-items work' "$directory/log")"
daemon <<<"$menu_rules
admin.vm.feature.Get+menu-items work = ok bar.desktop"
run "$appmenus" --all
is "written anew" "qubes-vm.work.bar.desktop" "$(cd "$applications" && echo qubes-vm.work.*)"
run "$appmenus" --remove work
is "removed" "0 " "$status $(cd "$applications" && find . -name 'qubes-vm.work.*')"
run "$appmenus"
is "no qube" 2 $status

# In a session: all at the start, then what changes.
daemon <<<"$menu_rules
admin.Events dom0 = stream 1\\x00\\x00connection-established\\x00\\x001\\x00\\x00domain-delete\\x00vm\\x00deb\\x00\\x00"
"$appmenus" --watch 2>"$directory/err" &
watcher=$!
for _ in {1..100}; do
	files=$(cd "$applications" && find . -name 'qubes-vm.*' | sort | xargs)
	[ "$files" != "./qubes-vm.work.bar.desktop ./qubes-vm.work.foo.desktop" ] || break
	sleep 0.1
done
is "the watcher" "./qubes-vm.work.bar.desktop ./qubes-vm.work.foo.desktop" "$files"
kill $watcher
wait $watcher 2>/dev/null

# And what a qube says of its programs meanwhile.
daemon <<<"$menu_rules
admin.Events dom0 = stream 1\x00\x00connection-established\x00\x00"
"$appmenus" --watch 2>"$directory/err" &
watcher=$!
for _ in {1..100}; do
	[ ! -e "$applications/qubes-vm.deb.foo.desktop" ] || break
	sleep 0.1
done
call deb qubes.SyncAppMenus 'new.desktop:Name=New\n'
for _ in {1..100}; do
	files=$(cd "$applications" && find . -name 'qubes-vm.*' | sort | xargs)
	[ "$files" != "./qubes-vm.deb.new.desktop ./qubes-vm.work.new.desktop" ] || break
	sleep 0.1
done
is "it takes up a new list" "./qubes-vm.deb.new.desktop ./qubes-vm.work.new.desktop" "$files"
kill $watcher
wait $watcher 2>/dev/null

# A person who may read what dom0 keeps, and not write it.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	daemon <<<"$menu_rules"
	call deb qubes.SyncAppMenus "$menu"
	chmod 755 "$directory"
	chmod 666 "$BULKHEAD_ROOT/run/qubesd.sock"
	mkdir "$directory/person"
	chown 65534 "$directory/person"
	run env XDG_DATA_HOME="$directory/person" setpriv --reuid=65534 --clear-groups "$appmenus" --update work
	entry=$directory/person/applications/qubes-vm.work.foo.desktop
	is "has menus" "0 Name=work: Foo" "$status $(grep ^Name= "$entry")"
	icon=$(sed -n 's/^Icon=//p' "$entry")
	is "with pictures that are theirs" "$directory/person/bulkhead/menus/.labels/cc0000.png 89504e47" \
		"$icon $(head -c 4 "$icon" | od -An -tx1 | tr -d ' ')"
fi

# The manual pages have the options that there are.
man=$(dirname "$0")/../../../man
ln -sf "$appmenus" "$directory/qvm-appmenus"
for name in qvm-appmenus qvm-sync-appmenus; do
	command_line=$name
	[ -L "$directory/$name" ] || ln -s "$appmenus" "$directory/$name"
	is "the page of $name" "$(grep -oE '^\*-.*' "$man/$name.1.scd" | grep -oE -- '\*--?[A-Za-z][A-Za-z-]*\*' |
		tr -d '*' | sort -u | xargs)" "$("$directory/$name" --help | sed -n 's/^  \(-.*\)/\1/p' | sed 's/  .*//' |
		grep -oE -- '--?[A-Za-z][A-Za-z-]*' | sort -u | xargs)"
done
ln -sf "$appmenus" "$directory/qvm-sync-appmenus"
run "$directory/qvm-sync-appmenus" nobody
is "a qube that is not there" 1 $status

echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
