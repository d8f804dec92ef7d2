# Two qubes' windows on a display, for the demo and for the picture in the README. Sourced.
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR source=e2e/display.sh
. "$(dirname "${BASH_SOURCE[0]}")/e2e/display.sh"

# show_windows DIRECTORY QUBE...: a terminal of each on the display; without a display on a virtual
# one, of which a picture goes into the directory. Sets shown_picture, or leaves it empty.
show_windows() {
	local directory=$1 column=40 qube launcher_log=$1/qvm-start-daemon.log

	shift
	shown_picture=
	display_pid=
	if [ -z "${DISPLAY-}" ]; then
		command -v Xvfb >/dev/null && command -v import >/dev/null || return 1
		start_display 1280x800
		if command -v openbox >/dev/null; then
			openbox >/dev/null 2>&1 &
		fi
		shown_picture=$directory/windows.png
	fi
	setsid qvm-start-daemon --watch >"$launcher_log" 2>&1 </dev/null &
	show_launcher_pid=$!
	for qube in "$@"; do
		timeout 180 qvm-run --quiet --gui "$qube" \
			"(setsid xterm -geometry 70x20+$column+$((column + 60)) >/dev/null 2>&1 </dev/null &)" </dev/null
		column=$((column + 420))
	done
	[ -n "$shown_picture" ] || return 0
	for qube in "$@"; do
		patiently 120 has_window "$qube" xterm || return 1
		focus "$(windows_of "$qube" xterm | head -n 1)"
		write "echo I am \$(hostname)"
		press Return
	done
	sleep 2
	import -silent -window root "$shown_picture"
}

# Ends what show_windows started for a virtual display; windows on a real one stay.
end_shown_windows() {
	[ -n "${display_pid-}" ] || return 0
	kill "$show_launcher_pid" "$display_pid" 2>/dev/null
	wait "$show_launcher_pid" "$display_pid" 2>/dev/null || :
}
