# Displays without a screen, and what is to be seen on them. Sourced, after lib.sh or by others.
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR source=patience.sh
. "$(dirname "${BASH_SOURCE[0]}")/patience.sh"

# start_display SIZE: an X server of its own; sets DISPLAY and display_pid.
start_display() {
	local fifo number

	fifo=$(mktemp -u "${TMPDIR:-/tmp}/bulkhead-display.XXXXXX")
	mkfifo "$fifo"
	Xvfb -displayfd 8 -screen 0 "$1x24" -nolisten tcp >/dev/null 2>&1 8<>"$fifo" &
	# shellcheck disable=SC2034 # for who sources this
	display_pid=$!
	read -r -t 30 number <"$fifo"
	rm -f "$fifo"
	export DISPLAY=:$number
}

# windows_of QUBE [CLASS]: those of its windows that can be seen, one a line.
windows_of() {
	xdotool search --onlyvisible --class "^$1:${2-}" 2>/dev/null
}

has_window() {
	[ -n "$(windows_of "$@")" ]
}

has_no_window() {
	! has_window "$@"
}

# geometry WINDOW: sets X Y WIDTH HEIGHT of its inside, which the caller has declared. (xdotool is
# wrong about windows within a window manager's frame.)
geometry() {
	# Without a window xwininfo would wait for a click.
	[ -n "$1" ] || return 1
	eval "$(xwininfo -id "$1" | sed -n 's/.*Absolute upper-left X: */X=/p; s/.*Absolute upper-left Y: */Y=/p
		s/^ *Width: */WIDTH=/p; s/^ *Height: */HEIGHT=/p')"
}

# pixel WINDOW X Y: its colour as rrggbb; negative places count from the other side.
pixel() {
	local WIDTH=0 HEIGHT=0 X=0 Y=0 x=$2 y=$3

	geometry "$1"
	[ "$x" -ge 0 ] || x=$((WIDTH + x))
	[ "$y" -ge 0 ] || y=$((HEIGHT + y))
	# From the root: what a person sees, not what the window holds.
	import -silent -window root -crop "1x1+$((X + x))+$((Y + y))" -depth 8 txt:- 2>/dev/null |
		sed -n 's/.*#\([0-9A-Fa-f]\{6\}\).*/\1/p' | tr A-F a-f | tail -n 1
}

# has_border WINDOW RRGGBB: on all four sides, in the middle of each and near its ends.
has_border() {
	local WIDTH=0 HEIGHT=0 X=0 Y=0 place

	[ -n "${2-}" ] || return 1

	geometry "$1"
	for place in "0 $((HEIGHT / 2))" "-1 $((HEIGHT / 2))" "$((WIDTH / 2)) 0" "$((WIDTH / 2)) -1" \
		"0 0" "-1 0" "0 -1" "-1 -1"; do
		# shellcheck disable=SC2086 # two numbers
		[ "$(pixel "$1" $place)" = "$2" ] || return 1
	done
}

# focus WINDOW: as a click on its title would, with a window manager or without.
focus() {
	xdotool windowraise "$1" mousemove --window "$1" 60 8 2>/dev/null
	xdotool windowactivate "$1" >/dev/null 2>&1 || xdotool windowfocus "$1" 2>/dev/null
	sleep 0.5
}

# press KEYS...: with real key events of the display's X server.
press() {
	xdotool key --clearmodifiers --delay 80 "$@"
}

write() {
	xdotool type --delay 60 "$1"
}
