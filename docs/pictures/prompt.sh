#!/bin/bash
# Makes prompt.png: the window of a question, on a display of its own.
#
#     docs/pictures/prompt.sh BUILD_DIRECTORY [FILE]
#
# Needs Xvfb, xdotool, socat and ImageMagick.
set -euo pipefail

programs=${1:?the build directory}/src/qrexec/prompt
programs=$(realpath "$programs")
picture=${2:-$(dirname "$0")/prompt.png}
directory=$(mktemp -d)

finish() {
	kill "$agent" "$display" 2>/dev/null || true
	rm -rf "$directory"
}
agent='' display=''
trap finish EXIT

mkfifo "$directory/number"
Xvfb -displayfd 1 -screen 0 900x600x24 -nolisten tcp -noreset >"$directory/number" 2>/dev/null &
display=$!
read -r number <"$directory/number"
export DISPLAY=:$number

BULKHEAD_PROMPT_DIRECTORY=$programs "$programs/qrexec-policy-agent" -s "$directory/agent" &
agent=$!
until [ -S "$directory/agent" ]; do sleep 0.1; done

# What the policy daemon would send.
{
	printf 'policy.Ask dom0 name dom0\0'
	cat <<-'END'
	{"source": "untrusted", "service": "qubes.Filecopy", "argument": "+",
	 "targets": ["work", "vault", "personal", "@dispvm:debian-12-dvm"], "default_target": "work",
	 "icons": {"untrusted": "appvm-red", "work": "appvm-blue", "vault": "appvm-black",
	           "personal": "appvm-yellow", "@dispvm:debian-12-dvm": "dispvm-red"},
	 "terms": ["once", "hour", "stop", "always"]}
	END
} | socat -t 30 - "UNIX-CONNECT:$directory/agent" >/dev/null &

window=$(xdotool search --sync --onlyvisible --name '^Operation execution$')
# The buttons come to life after a second.
sleep 2
import -window "$window" "$picture"
