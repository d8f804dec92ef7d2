#!/bin/bash
# Windows of two real qubes on a display of the host: borders, input, menus, the clipboard between
# them, ends of programs, daemons and qubes; with three window managers, one of them being none.
# shellcheck disable=SC2016,SC2317 # expanded at exit; functions are run by check
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=display.sh
. "$(dirname "${BASH_SOURCE[0]}")/display.sh"

for program in Xvfb xdotool import openbox metacity xclip; do
	command -v "$program" >/dev/null || skip_all "no $program (./bulkhead test installs it)"
done
use_instance
[ -f "$BULKHEAD_TEMPLATES/debian-12.qcow2" ] || skip_all "no template debian-12"

blue=3465a4
red=cc0000
# Under software emulation a program's start takes seconds.
slow=120

run_in() {
	timeout 120 qvm-run --pass-io --gui --quiet "$1" "(setsid $2 >/dev/null 2>&1 </dev/null &)" </dev/null
}

end_pid() {
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

file_has() {
	[ "$(in_qube "$1" "cat $2")" = "$3" ]
}

# A program that has just shown its window may not listen yet.
types() {
	local _

	for _ in 1 2 3 4; do
		focus "$1"
		press ctrl+c
		write "echo $2 >/tmp/typed"
		press Return
		patiently 5 file_has windows-blue /tmp/typed "$2" && return
	done
	return 1
}

is_popup_there() {
	[ "$(windows_of windows-blue | wc -l)" -gt "$1" ]
}

check_menu() {
	local window=$1 before popup

	before=$(windows_of windows-blue | wc -l)
	focus "$window"
	press alt+f
	check "$manager: a menu opens" patiently 40 is_popup_there "$before"
	popup=$(windows_of windows-blue | tail -n 1)
	for popup in $(windows_of windows-blue); do
		xwininfo -id "$popup" | grep -q 'Override Redirect State: yes' && break
	done
	check "$manager: the menu has the border of its qube" patiently 20 has_border "$popup" "$blue"
	press Escape
	sleep 1
}

# How soon a program has copied what it was told to only the program knows.
copies() {
	local pause

	for pause in 2 4 8 16; do
		press ctrl+a ctrl+c
		sleep $pause
		press ctrl+shift+c
		patiently 3 holds_between "$1" && return
	done
	return 1
}

# And how soon it has asked for what it is to paste.
pastes() {
	local pause

	for pause in 2 4 8 16; do
		press ctrl+c
		write 'cat >/tmp/pasted'
		press Return shift+Insert
		sleep $pause
		press Return ctrl+d
		patiently 3 file_has windows-red /tmp/pasted "$1" && return
	done
	return 1
}

# What is copied in one qube arrives in the other when both chords are pressed, and nowhere else.
check_clipboard() {
	local from=$1 to=$2 text=$3

	focus "$from"
	press ctrl+a
	write "$text"
	check "$manager: the chord copies" copies "$text"
	is "$manager: the host's own clipboard stays empty" "" "$(timeout 3 xclip -o -selection clipboard 2>/dev/null)"
	focus "$to"
	xdotool mousemove --window "$to" 60 60 click 1
	press ctrl+shift+v
	check "$manager: the other chord pastes, and nothing stays between" patiently 30 holds_between ""
	check "$manager: copied text arrives in the other qube" pastes "$text"
}

holds_between() {
	[ "$(cat "$BULKHEAD_ROOT/run/qubes/qubes-clipboard.bin")" = "$1" ]
}

check_resize() {
	local window=$1

	focus "$window"
	xdotool windowsize "$window" 500 280
	check "$manager: a resized window has its border" patiently 40 has_border "$window" "$blue"
}

check_minimise() {
	local window=$1

	xdotool windowminimize "$window"
	check "$manager: a minimised window goes" patiently 20 is_hidden "$window"
	xdotool windowmap "$window" windowactivate "$window" 2>/dev/null
	check "$manager: and comes back with its border" patiently 40 has_border "$window" "$blue"
}

# Some window managers leave such a window mapped, and only say so.
is_hidden() {
	! windows_of windows-blue | grep -qx "$1" || xprop -id "$1" WM_STATE _NET_WM_STATE | grep -Eq 'Iconic|HIDDEN'
}

# Where it is not allowed (guid.conf), the full screen is as much of it as a border leaves.
fills_screen() {
	local WIDTH=0 HEIGHT=0 X=0 Y=0 screen_width screen_height

	read -r screen_width screen_height < <(xdotool getdisplaygeometry)
	geometry "$1"
	[ "$WIDTH" -gt $((screen_width - 30)) ] && [ "$HEIGHT" -gt $((screen_height - 70)) ]
}

leaves_screen() {
	! fills_screen "$1"
}

check_fullscreen() {
	local window=$1

	focus "$window"
	press alt+Return
	check "$manager: what asks for the full screen fills it" patiently 40 fills_screen "$window"
	check "$manager: and keeps its border" patiently 40 has_border "$window" "$blue"
	focus "$window"
	press alt+Return
	check "$manager: and goes back" patiently 40 leaves_screen "$window"
	check "$manager: with its border" patiently 40 has_border "$window" "$blue"
}

check_close() {
	focus "$1"
	if [ "$manager" = none ]; then
		press ctrl+c
		write exit
		press Return
	else
		press alt+F4
	fi
	check "$manager: a closed window goes" patiently 60 has_no_window windows-blue xterm
}

has_icon() {
	xprop -id "$1" -notype 32c _NET_WM_ICON | head -c 40000 | grep -q "= $2, $2, "
}

has_layout() {
	in_qube windows-blue 'DISPLAY=:0 setxkbmap -query' | grep -q "layout: *$1\$"
}

wheel_window() {
	xdotool search --onlyvisible --name '\] wheel$' | grep -m 1 .
}

# What the wheel sends to a program of the terminal: `\e[M`, its button and the place.
check_wheel() {
	local window

	run_in windows-blue "xterm -title wheel -e sh -c \"stty raw -echo; printf '\\033[?1000h'; head -c 12 >/tmp/wheel\""
	check "a terminal for the wheel" patiently $slow wheel_window
	window=$(wheel_window)
	[ -n "$window" ] || return
	check "the wheel turns up and down in the qube" turns "$window"
}

# Until the program has begun to listen; then either way may be the first.
turns() {
	local _

	for _ in 1 2 3 4 5 6; do
		focus "$1"
		xdotool mousemove --window "$1" 60 60 click 4 click 5
		patiently 1 eval 'in_qube windows-blue "cut -c 4,10 /tmp/wheel" | grep -q "\`a\|a\`"' && return
	done
	return 1
}

has_shown() {
	grep -qF -- "$1" "$BULKHEAD_ROOT/shown"
}

# What no window manager has a part in.
check_once() {
	in_qube windows-blue 'DISPLAY=:0 notify-send "Mail <1>" "from dom0"' >/dev/null
	check "a notification has the name of its qube" patiently 60 has_shown '[windows-blue] Mail <1> from dom0'

	check "a program's icon has come, and is not the qube's" patiently 60 has_icon "$1" 48
	setxkbmap de
	check "the qube follows the host's keyboard layout" patiently 60 has_layout de,us
	is "which is dom0's property" de++ "$(qvm-prefs dom0 keyboard_layout)"
	setxkbmap us
	check "and back" patiently 60 has_layout us
	check_wheel
}

is_managed() {
	xprop -root _NET_SUPPORTING_WM_CHECK | grep -q 'window id'
}

start_manager() {
	manager_pid=
	[ "$manager" != none ] || return 0
	"$manager" >/dev/null 2>&1 &
	manager_pid=$!
	require "$manager manages windows" patiently 30 is_managed
	sleep 1
}

# Also when the script is ended.
end_display() {
	end_pid "$launcher_pid"
	[ -z "$manager_pid" ] || end_pid "$manager_pid"
	end_pid "$display_pid"
}

test_with() {
	local xterm editor other

	manager=$1
	start_display 1280x800
	start_manager
	qvm-start-daemon --watch >/dev/null 2>&1 &
	launcher_pid=$!
	run_in windows-blue 'xterm -geometry 70x20+40+60'
	run_in windows-red 'xterm -geometry 60x15+650+60'
	run_in windows-blue l3afpad
	check "$manager: a terminal's window" patiently $slow has_window windows-blue xterm
	check "$manager: another qube's" patiently $slow has_window windows-red xterm
	check "$manager: a GTK program's" patiently $slow has_window windows-blue l3afpad
	xterm=$(windows_of windows-blue xterm | head -n 1)
	other=$(windows_of windows-red xterm | head -n 1)
	editor=$(windows_of windows-blue l3afpad | head -n 1)
	if [ -z "$xterm" ] || [ -z "$other" ] || [ -z "$editor" ]; then
		note "$(xwininfo -root -tree)" "$(tail -n 5 "$BULKHEAD_ROOT"/var/log/qubes/guid.*.log)"
		end_display
		return
	fi
	# Side by side.
	xdotool windowmove "$xterm" 20 30 windowmove "$other" 660 30 windowmove "$editor" 300 360
	sleep 1
	for window in "$xterm" "$editor"; do
		xdotool windowraise "$window"
		check "$manager: blue on all four sides" patiently 40 has_border "$window" "$blue"
	done
	xdotool windowraise "$other"
	check "$manager: red on all four sides" patiently 40 has_border "$other" "$red"
	matches "$manager: the title names the qube" '"\[windows-blue\] ' "$(xprop -id "$xterm" _NET_WM_NAME)"
	check "$manager: typed text arrives" types "$xterm" "typed-$manager"
	check_menu "$editor"
	check_clipboard "$editor" "$other" "text-$manager"
	check_resize "$xterm"
	[ -z "${2-}" ] || check_once "$editor"
	if [ "$manager" != none ]; then
		check_minimise "$xterm"
		check_fullscreen "$xterm"
	fi

	check_close "$xterm"
	in_qube windows-blue 'pkill xterm; pkill l3afpad' >/dev/null
	in_qube windows-red 'pkill xterm' >/dev/null
	patiently 30 has_no_window windows-blue
	[ -n "${2-}" ] || end_display
}

gui_daemon_of() {
	pgrep -f "gui-daemon -N $1 " | head -n 1
}

test_restarts() {
	manager=restarts
	run_in windows-blue 'xterm -title stays'
	run_in windows-red xterm
	require "windows before" patiently $slow has_window windows-blue xterm
	root_in_qube windows-blue 'systemctl kill -s KILL qubes-gui-agent' >/dev/null
	sleep 1
	check "after the agent's crash the window is back" patiently $slow has_window windows-blue xterm
	check "with its border" patiently 40 has_border "$(windows_of windows-blue xterm | head -n 1)" "$blue"
	kill -KILL "$(gui_daemon_of windows-blue)"
	check "without its daemon it goes" patiently 30 has_no_window windows-blue
	check "the other qube's stays" has_window windows-red xterm
	check "a new daemon brings it back" patiently $slow has_window windows-blue xterm
	check "and it takes what is typed" type_in_restarted
	test_adoption
	test_servers
	qvm-kill windows-red >&2
	check "a killed qube's windows go" patiently 30 has_no_window windows-red
	check "those of the other stay" has_window windows-blue xterm
}

content_is() {
	local window

	window=$(windows_of windows-blue xterm | head -n 1)
	[ -n "$window" ] && [ "$(pixel "$window" 200 150)" = "$1" ]
}

# A new bulkheadd finds the window memory in the machine: new daemons show what is in it.
test_adoption() {
	in_qube windows-blue 'pkill xterm' >/dev/null
	patiently 30 has_no_window windows-blue
	run_in windows-blue "xterm -bg '#123456' -title adopted"
	check "a window of a colour" patiently $slow content_is 123456
	kill -KILL "$(cat "$BULKHEAD_ROOT/run/bulkheadd.pid")"
	sleep 1
	start_daemon
	check "without bulkheadd the window stays" content_is 123456
	kill -KILL "$(gui_daemon_of windows-blue)"
	patiently 30 has_no_window windows-blue
	check "after its restart a new daemon shows the window memory" patiently $slow content_is 123456
}

# Both X servers end and come back.
test_servers() {
	root_in_qube windows-blue 'pkill -KILL Xorg' >/dev/null
	check "the qube's X server ends: its windows go" patiently 30 has_no_window windows-blue
	check "those of the other stay" has_window windows-red xterm
	patiently 60 in_qube windows-blue 'DISPLAY=:0 setxkbmap -query'
	run_in windows-blue "xterm -bg '#654321'"
	check "its next one has windows again" patiently $slow content_is 654321
	end_pid "$manager_pid"
	end_pid "$display_pid"
	sleep 1
	Xvfb "$DISPLAY" -screen 0 1280x800x24 -nolisten tcp >/dev/null 2>&1 &
	display_pid=$!
	check "the host's X server is new: both qubes' windows are back" patiently $slow \
		eval 'content_is 654321 && has_window windows-red xterm'
	check "with their borders" patiently 40 has_border "$(windows_of windows-blue xterm | head -n 1)" "$blue"
}

type_in_restarted() {
	local window

	window=$(windows_of windows-blue xterm | head -n 1)
	xdotool mousemove --window "$window" 60 60 click 1
	types "$window" after
}

# Notifications of the host, to be read.
mkdir -p "$BULKHEAD_ROOT/programs"
printf '#!/bin/sh\necho "$@" >>%s/shown\n' "$BULKHEAD_ROOT" >"$BULKHEAD_ROOT/programs/notify-send"
chmod +x "$BULKHEAD_ROOT/programs/notify-send"
: >"$BULKHEAD_ROOT/shown"
PATH=$BULKHEAD_ROOT/programs:$PATH

launcher_pid='' manager_pid='' display_pid=''
on_exit 'kill $launcher_pid $manager_pid $display_pid 2>/dev/null'
for name in blue red; do
	qvm-check --quiet "windows-$name" 2>/dev/null ||
		new_qube "windows-$name" debian-12 --property memory=500 --label "$name"
	qvm-check --quiet --running "windows-$name" 2>/dev/null ||
		require "qube windows-$name starts" start_qube "windows-$name"
done
for manager in ${BULKHEAD_TEST_MANAGERS:-none openbox}; do
	test_with "$manager"
done
test_with metacity keep
test_restarts
end_display
qvm-kill windows-blue >&2
finish
