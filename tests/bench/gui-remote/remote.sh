#!/bin/bash
# The same moving picture, and the same key presses, carried from a qube's X server to the host's by
# gui-agent and gui-daemon, by Xpra and by VNC, one after the other on the same machine. The "qube" is
# a process of this host for all three: what is compared is the carrying, not the virtual machine.
# Xpra and VNC go over loopback TCP with their own settings (Xpra without its shared file, which two
# machines would not have). Goal: not below the others in pictures, not above them in time.
#
# usage: tests/bench/gui-remote/remote.sh GUI-DAEMON GUI-AGENT PAINTER WATCHER PAIR
set -uo pipefail

daemon=$1 agent=$2 painter=$3 watcher=$4 pair=$5
size="1280 800"
rate=60
seconds=6
presses=150
windows=100

# shellcheck source-path=SCRIPTDIR source=../../e2e/display.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/display.sh"

directory=$(mktemp -d /tmp/bench-gui-remote.XXXXXX)
export HOME=$directory XDG_RUNTIME_DIR=$directory XDG_CACHE_HOME=$directory BULKHEAD_LOG=error
export NO_AT_BRIDGE=1
pids=()

end_all() {
	local pid

	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	for pid in "${pids[@]}"; do
		wait "$pid" 2>/dev/null
	done
	pids=()
}

# shellcheck disable=SC2317 # by the trap
clean_up() {
	end_all
	kill "${host_pid-}" "${manager_pid-}" 2>/dev/null
	rm -rf "$directory"
}
trap clean_up EXIT

# start COMMAND...: in the background, ended after the set-up.
start() {
	"$@" >>"$directory/log" 2>&1 </dev/null &
	pids+=($!)
}

# free_display: a number that no X server has.
free_display() {
	local number=70

	while [ -e "/tmp/.X$number-lock" ] || [ -e "/tmp/.X11-unix/X$number" ]; do
		number=$((number + 1))
	done
	echo "$number"
}

# paint DISPLAY RATE [MORE-WINDOWS]: starts the painter in the qube.
paint() {
	# shellcheck disable=SC2086 # two numbers
	DISPLAY=$1 "$painter" $size "${@:2}" >>"$directory/log" 2>&1 </dev/null &
	painter_pid=$!
}

end_painter() {
	kill "$painter_pid" 2>/dev/null
	wait "$painter_pid" 2>/dev/null
	sleep 0.5
}

# measure NAME DISPLAY-OF-THE-QUBE
measure() {
	paint "$2" "$rate"
	sleep 3
	printf '%-10s %s\n' "$1" "$(timeout 60 "$watcher" frames "$seconds" "$host_pid" "${pids[@]}" 2>&1)"
	end_painter
	paint "$2" 0
	sleep 1
	printf '%-10s %s\n' "$1" "$(timeout 120 "$watcher" latency "$presses" 2>&1)"
	end_painter
}

# own_kib PROGRAM: memory of its own of a child of the pair.
own_kib() {
	local pid

	pid=$(pgrep -P "$pair_pid" -x "$1")
	awk -v page="$(getconf PAGESIZE)" '{ print ($2 - $3) * page / 1024 }' "/proc/$pid/statm"
}

# What a window costs, of 400x300 and with its content shown.
measure_windows() {
	local daemon_kib agent_kib

	paint "$1" 0
	sleep 2
	daemon_kib=$(own_kib gui-daemon)
	agent_kib=$(own_kib gui-agent)
	end_painter
	paint "$1" 0 "$windows"
	sleep 6
	printf '%-10s %s\n' bulkhead "$(awk -v d="$daemon_kib" -v D="$(own_kib gui-daemon)" \
		-v a="$agent_kib" -v A="$(own_kib gui-agent)" -v n="$windows" 'BEGIN {
			printf "memory: daemon %d KiB and %.1f a window, agent %d KiB and %.1f a window",
				d, (D - d) / n, a, (A - a) / n }')"
	end_painter
}

measure_ours() {
	local host=$DISPLAY

	start_display 1400x900
	pids+=("$display_pid")
	local qube=$DISPLAY

	export DISPLAY=$host
	start "$pair" "$daemon" "$agent" "$directory" "$qube"
	pair_pid=${pids[-1]}
	sleep 1
	measure bulkhead "$qube"
	measure_windows "$qube"
	end_all
}

# measure_xpra NAME [OPTION-OF-THE-CLIENT...]
measure_xpra() {
	local name=$1 number

	shift
	number=$(free_display)
	start xpra start ":$number" --daemon=no --bind-tcp="127.0.0.1:$((14500 + number))" \
		--xvfb="Xvfb -screen 0 1400x900x24 -nolisten tcp -noreset +extension Composite" \
		--mdns=no --pulseaudio=no --notifications=no --webcam=no --printing=no --dbus-launch= \
		--dbus-proxy=no --systemd-run=no --start-new-commands=no --sharing=no --html=off
	patiently 60 xpra info "tcp://127.0.0.1:$((14500 + number))/" || return 1
	start xpra attach "tcp://127.0.0.1:$((14500 + number))/" --mmap=no --opengl=no --speaker=off \
		--microphone=off --webcam=no --notifications=no --clipboard=no --printing=no --tray=no \
		"$@"
	sleep 4
	measure "$name" ":$number"
	end_all
}

measure_vnc() {
	local number

	number=$(free_display)
	# shellcheck disable=SC2086 # two numbers
	start Xvnc ":$number" -geometry "${size/ /x}" -depth 24 -SecurityTypes None -localhost \
		-rfbport "$((5900 + number))"
	patiently 30 test -e "/tmp/.X11-unix/X$number"
	start xtigervncviewer -SecurityTypes None "127.0.0.1::$((5900 + number))"
	sleep 2
	measure vnc ":$number"
	end_all
}

# need PROGRAM...: or this part is left out.
need() {
	local program

	for program; do
		command -v "$program" >/dev/null && continue
		echo "$program is not installed"
		return 1
	done
}

need Xvfb openbox || exit 77
start_display 1600x1000
host_pid=$display_pid
openbox >/dev/null 2>&1 </dev/null &
manager_pid=$!
echo "a picture of ${size/ /x}, offered $rate times a second; all processors' time but the painter's"
echo "(goal: more pictures and less time than the others)"
measure_ours
if need xpra; then
	measure_xpra xpra || echo "xpra does not start"
	# What it does when told to save processor time rather than bytes.
	measure_xpra xpra-rgb --encoding=rgb --speed=100 --compress=0 || echo "xpra does not start"
fi
need Xvnc xtigervncviewer && measure_vnc
[ -z "${BENCH_KEEP_LOG-}" ] || cp "$directory/log" "$BENCH_KEEP_LOG"
exit 0
