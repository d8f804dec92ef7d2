#!/bin/bash
# The commands of a person in a qube, with a stand-in for qrexec-client-vm that joins them to the
# receiver as the agent would.
# shellcheck disable=SC2016,SC2317 # what viewers run; functions are run by yes and no
# shellcheck source=tests/protocol/filecopy/common.sh
script=$(realpath "$0")
. "$(dirname "$script")/common.sh"

stand_in() {
	mkdir -p "$work/bin"
	cat >"$work/bin/qrexec-client-vm" <<'END'
#!/bin/bash
printf '%s\n' "$*" >"$WORK/call"
[ ! -e "$WORK/refused" ] || exit 126
while [[ $1 == -* ]]; do
	case $1 in
	-p) printf '%s' "$2" >"$WORK/prefix"; shift ;;
	--) shift; break ;;
	esac
	shift
done
service=$2
shift 2
export QREXEC_REMOTE_DOMAIN=source
argument=${service#*+}
[ "$argument" != "$service" ] || argument=
case $service in
qubes.Filecopy*)
	mkfifo "$WORK/back"
	# When this one is ended the sender is, and the receiver sees it.
	set -m
	{
		"$@" <"$WORK/back" | HOME=$WORK/there "$PROGRAMS/qfile-unpacker" ${argument:+"--$argument"} >"$WORK/back"
		exit "${PIPESTATUS[0]}"
	} &
	trap 'kill $(pgrep -g $! qfile-agent)' TERM
	wait $!
	exit
	;;
qubes.ConnectTCP+*) exec cat ;;
qubes.OpenInVM) exec "$SERVICES/open-file-server" ;;
esac
END
	chmod +x "$work/bin/qrexec-client-vm"
	for name in qvm-copy qvm-move qvm-copy-to-vm qvm-move-to-vm; do
		ln -s "$programs/qvm-copy-in-qube" "$work/bin/$name"
	done
	ln -s "$services/qvm-open-in-vm" "$work/bin/qvm-open-in-vm"
	ln -s "$services/qvm-open-in-vm" "$work/bin/qvm-open-in-dvm"
	rm -f "$work/back"
}
export WORK=$work PROGRAMS=$programs SERVICES=$services PATH=$work/bin:$PATH

# The links to the front end are followed to find what is beside it.
user() {
	rm -f "$work/back"
	HOME=$work/here "$@" 2>"$work/err" </dev/null
}

new_place && stand_in
mkdir dir && echo x >dir/x
user qvm-copy dir/
is "qvm-copy" 0 $?
yes "arrives" [ -f "$incoming/dir/x" ]
matches "asks for the default target" '^--filter-escape-chars-stderr -- @default qubes.Filecopy .*qfile-agent' "$work/call"
echo y >y
user qvm-move-to-vm other y
is "qvm-move-to-vm" 0 $?
no "takes it" [ -e y ]
matches "asks for that qube" ' other qubes.Filecopy ' "$work/call"
matches "and hints at the short form" "qvm-move FILE" "$work/err"

odd=$(printf 'a\nb') && echo z >"$odd"
user qvm-copy "$odd"
is "an odd name" 0 $?
matches "asks for all names" 'qubes.Filecopy\+allow-all-names' "$work/call"

for argument in '' . .. / dir/.. nowhere; do
	rm -f "$work/call"
	no "'$argument' is refused" user qvm-copy "$argument"
	no "before anything is asked" [ -e "$work/call" ]
done
mkdir bad && ln -s /etc/passwd bad/link
no "a link that leads out" user qvm-copy bad
matches "is named" "'bad/link': the link leads out" "$work/err"
user qvm-copy --ignore-symlinks bad
is "but can be left out" 0 $?

touch "$work/refused"
echo w >w
user qvm-move w
is "refused by policy" 126 $?
yes "takes nothing" [ -e w ]
rm "$work/refused"
user qvm-copy
is "no file" 2 $?
user qvm-copy-to-vm other
is "no file for a qube" 2 $?

: >empty
rm -f "$work/back"
HOME=$work/here PROGRESS_TYPE=console qvm-copy --with-progress empty 2>"$work/err" </dev/null
is "progress of nothing" 0 $?
matches "is shown" 'sent 0/0 KB, 1 file' "$work/err"
head -c 3000000 /dev/zero >large
rm -f "$work/back"
exec 8>"$work/numbers"
HOME=$work/here PROGRESS_TYPE=gui SAVED_FD_1=8 qvm-copy large 2>"$work/err" </dev/null
exec 8>&-
is "numbers for a window" 3000000 "$(tail -n 1 "$work/numbers")"
yes "that only grow" sort -nc "$work/numbers"

# The window of the file manager: a stand-in for zenity that notes what it is told.
cat >"$work/bin/zenity" <<'END'
#!/bin/bash
printf '%s\n' "$*" >>"$WORK/windows"
case $1 in
--progress)
	[ ! -e "$WORK/cancel" ] || { head -n 1 >/dev/null; exit 1; }
	cat >"$WORK/percents"
	;;
esac
END
chmod +x "$work/bin/zenity"
ln -s "$programs/qubes-fs-tree-check" "$work/bin/"
window() {
	rm -f "$work/back" "$work/windows"
	HOME=$work/here bash "$(dirname "$service")/../lib/copy-with-window" "$@" 2>"$work/err" </dev/null
}
service=$(dirname "$script")/../../../agent/qubes-rpc/qubes.Filecopy
# As qrexec-client-vm does, whose stdout it was.
sed -i 's/^service=\$2$/service=$2; exec 8>\&1; export SAVED_FD_1=8/' "$work/bin/qrexec-client-vm"
rm -rf "${incoming:?}"/*
window qvm-copy large 'y; echo'
is "a window: a file that is not there" 1 $?
matches "says so" "^--error --no-markup .*'y; echo': No such file" "$work/windows"
window qvm-copy large
is "a window: a copy" "0 3000000" "$? $(stat -c %s "$incoming/large")"
is "it ends at all" 100 "$(tail -n 1 "$work/percents")"
window qvm-move large
is "a window: refused" 1 $?
matches "says why" '^--error --no-markup .*already exists' "$work/windows"
rm "$incoming/large" && touch "$work/cancel" && truncate -s 3G large
window qvm-move large
no "a window that is closed" [ $? -eq 0 ]
yes "takes nothing" [ -s large ]
is "and nothing arrives" "" "$(for _ in {1..100}; do [ -n "$(ls -A "$incoming" 2>/dev/null)" ] || break; sleep 0.1; done; ls -A "$incoming" 2>/dev/null)"
rm large "$work/cancel"

# The service's own argument is one of two; any other is refused before a byte is read.
for argument in allow-all-namesX allow-all-name --allow-all-names +; do
	echo unread | { HOME=$work/there sh "$service" "$argument" 2>/dev/null; echo "$? $(cat)" >"$work/rest"; }
	is "the argument '$argument'" "1 unread" "$(cat "$work/rest")"
done

# Opening in another qube.
new_place && stand_in
cat >"$work/viewer" <<'END'
#!/bin/sh
echo "$1" >"$WORK/viewed"
cp "$1" "$WORK/content" 2>/dev/null
[ ! -e "$WORK/edit" ] || . "$WORK/edit"
END
chmod +x "$work/viewer"
export BULKHEAD_VIEWER=$work/viewer
echo content >doc.txt
chmod 0640 doc.txt
before=$(stat -c '%i %Y' doc.txt)
user qvm-open-in-vm other doc.txt
is "open and close" 0 $?
matches "the viewer got it" '^/tmp/source-[A-Za-z0-9]*/doc.txt$' "$work/viewed"
is "it is not replaced" "$before" "$(stat -c '%i %Y' doc.txt)"
no "nothing stays there" ls -d "$(dirname "$(cat "$work/viewed")")"
echo 'echo CONTENT >"$1"' >"$work/edit"
user qvm-open-in-dvm doc.txt
is "open and edit" 0 $?
is "the edited file comes back" CONTENT "$(cat doc.txt)"
is "with the mode of the original" 640 "$(stat -c %a doc.txt)"
matches "a disposable was asked for" ' @dispvm qubes.OpenInVM' "$work/call"
echo 'chmod u+w "$1"; echo CHANGED >"$1"' >"$work/edit"
user qvm-open-in-vm --view-only other doc.txt
is "view only" 0 $?
is "brings nothing back" CONTENT "$(cat doc.txt)"
echo 'echo HALF >"$1"; kill -KILL $PPID' >"$work/edit"
user qvm-open-in-vm other doc.txt
no "a viewer that is killed" [ $? -eq 0 ]
is "changes nothing" CONTENT "$(cat doc.txt)"
is "and leaves nothing beside it" doc.txt "$(ls -A)"
rm -rf /tmp/source-??????
# Edited here and there: neither is lost.
echo "echo THERE >\"\$1\"; echo HERE >'$PWD/doc.txt'" >"$work/edit"
user qvm-open-in-vm other doc.txt
is "edited at both ends" "1 HERE THERE" "$? $(cat doc.txt doc.txt.?????? | xargs)"
matches "says where" "'doc.txt': it has changed here meanwhile: .*doc.txt\." "$work/err"
rm doc.txt.??????
mkdir other && ln -s ../doc.txt other/link
echo 'echo LINKED >"$1"' >"$work/edit"
user qvm-open-in-vm other other/link
is "a link to a file" "0 LINKED ../doc.txt" "$? $(cat doc.txt) $(readlink other/link)"
rm -r other "$work/edit"

echo 'echo SAVED >"$1"; exit 3' >"$work/edit"
user qvm-open-in-vm other doc.txt
is "a viewer that ends with a status of its own" "0 SAVED" "$? $(cat doc.txt)"
echo 'exit 3' >"$work/edit"
user qvm-open-in-vm other doc.txt
is "which is that of the call when nothing was stored" "3 SAVED" "$? $(cat doc.txt)"
cat >"$work/bin/zenity" <<'END'
#!/bin/bash
printf '%s\n' "$*" >>"$WORK/windows"
END
chmod +x "$work/bin/zenity"
HOME=$work/here bash "$(dirname "$script")/../../../agent/lib/open-with-window" qvm-open-in-dvm nowhere 2>"$work/err" </dev/null
is "in a window: what is not there" 1 $?
matches "is named" "^--error --no-markup .*'nowhere': No such file" "$work/windows"
rm "$work/edit" "$work/windows"

odd='a b;$(x).txt' && cp doc.txt "$odd"
user qvm-open-in-vm other "$odd"
matches "an odd name becomes harmless" '/a_b___x_.txt$' "$work/viewed"

# raw NAME: what the server makes of a name.
raw() {
	{ printf '%b' "$1" && head -c 256 /dev/zero; } | head -c 256 |
		QREXEC_REMOTE_DOMAIN=source "$services/open-file-server" >/dev/null 2>&1
}
for name in '../../x' '..' '.' '' 'view-only-' 'view-only-..' 'a/b'; do
	no "the name '$name'" raw "$name"
done
yes "a name like an option" raw '-rf'
matches "is none" '/_rf$' "$work/viewed"
head -c 100 /dev/zero | QREXEC_REMOTE_DOMAIN=source "$services/open-file-server" 2>/dev/null
is "half a name" 1 $?

user qvm-open-in-vm other https://example.org/
matches "an address" ' other qubes.OpenURL' "$work/call"
is "is sent as a line" https://example.org/ "$(cat "$work/prefix")"
url() {
	rm -f "$work/viewed"
	printf '%b' "$1" | "$services/open-url" 2>/dev/null
}
for line in 'file:///etc/passwd' 'javascript:alert(1)' '-h' 'https://a\nhttps://b\n' 'https://a b' '' \
	'https://\033' "https://$(printf '%0100000d' 0)"; do
	no "address '${line:0:30}'" url "$line"
	no "is not opened" [ -e "$work/viewed" ]
done
url 'https://example.org/?a=b\n'
is "a good one is" 'https://example.org/?a=b' "$(cat "$work/viewed")"
BULKHEAD_OPENED_FOR=x setsid -w qvm-open-in-dvm doc.txt 2>"$work/err" </dev/null
is "opened for another qube already, nobody to ask" 1 $?

# Programs of the menu.
menu=$work/data/applications
mkdir -p "$menu/kde"
cat >"$menu/kde/app.desktop" <<END
[Desktop Entry]
Name=App
Exec=$work/started --flag "two words" %U 100%%
[Desktop Action x]
Exec=false
END
printf '[Desktop Entry]\nName=Hidden\nNoDisplay=true\nExec=true\n' >"$menu/hidden.desktop"
printf '#!/bin/sh\nprintf "%%s|" "$@" >"$WORK/arguments"\nexit 7\n' >"$work/started"
chmod +x "$work/started"
entries() {
	XDG_DATA_HOME=$work/none XDG_DATA_DIRS=$work/data "$services/desktop-entries" "$@"
}
is "the menu" "kde-app.desktop:Name=App kde-app.desktop:Exec=qubes.StartApp+kde-app" \
	"$(entries list | xargs)"
entries start kde-app
is "a program is started, its status is ours" 7 $?
is "with its words" '--flag|two words|100%|' "$(cat "$work/arguments")"
for id in app nothing ../kde/app kde/app ''; do
	no "the id '$id'" entries start "$id" 2>/dev/null
done

# A port of another qube; there, somebody says everything again.
for forward in '' : :: 1:2 0:x:1 :x:0 :x:65536 x:y:z ':-x:1' 99999::1; do
	"$services/qvm-connect-tcp" "$forward" 2>/dev/null
	is "the forward '$forward'" 2 $?
done
port=$((20000 + RANDOM % 20000))
"$services/qvm-connect-tcp" --foreground "$port:other:22" 2>"$work/err" &
forward=$!
for _ in {1..100}; do
	{ exec 9<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null && break
	sleep 0.05
done
echo through >&9
read -r -t 20 line <&9
is "a connection" through "$line"
matches "is a call" '^-T -- other qubes.ConnectTCP\+22$' "$work/call"
exec 8<>"/dev/tcp/127.0.0.1/$port"
echo second >&8
read -r -t 20 line <&8
is "and another beside it" second "$line"
"$services/qvm-connect-tcp" "$port::22" 2>"$work/err"
is "the port is taken" 1 $?
exec 8<&- 9<&-
kill $forward
wait $forward 2>/dev/null
# In the background it keeps nothing of who started it.
output=$(timeout 20 "$services/qvm-connect-tcp" "$port:other:22" 2>&1)
is "in the background" "0 " "$? $output"
background=$(pgrep -f "qvm-connect-tcp $port:other:22")
is "it stays" 1 "$(wc -w <<<"$background")"
# shellcheck disable=SC2086 # none or more of it
kill $background

summary
