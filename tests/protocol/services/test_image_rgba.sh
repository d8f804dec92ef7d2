#!/bin/bash
# The service qubes.GetImageRGBA with real images, against what another program makes of them.
#
# usage: test_image_rgba.sh IMAGE-RGBA
set -u
program=$1
directory=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-image.XXXXXX")
trap 'rm -rf "$directory"' EXIT
command -v convert >/dev/null || { echo "SKIP: no ImageMagick to make images"; exit 77; }
failures=0

# ask LINE [FILE]: what comes lies in out, the status in status.
ask() {
	status=0
	{ printf '%s\n' "$1"; [ $# -lt 2 ] || cat "$2"; } |
		XDG_DATA_DIRS=$directory/data XDG_DATA_HOME=$directory/own timeout 60 "$program" \
			>"$directory/out" 2>"$directory/err" || status=$?
}

is() {
	[ "$2" = "$3" ] || {
		echo "not ok: $1: expected '$2', got '$3'; $(cat "$directory/err")"
		failures=$((failures + 1))
	}
}

# the_same WHAT IMAGE: the answer is the image's pixels.
the_same() {
	{ identify -format '%w %h\n' "$2" && convert "$2" -depth 8 rgba:-; } >"$directory/expected"
	is "$1" "0 same" "$status $(cmp -s "$directory/out" "$directory/expected" && echo same)"
}

# refused WHAT WORD: nothing came, and stderr has the word.
refused() {
	is "$1" "1 0 $2" "$status $(stat -c %s "$directory/out") $(grep -o -m 1 "$2" "$directory/err")"
}

icons=$directory/data/icons/hicolor
mkdir -p "$icons/48x48/apps" "$icons/scalable/apps" "$directory/own"
convert -size 40x30 gradient:red-blue -alpha set -channel A -evaluate set 50% "PNG32:$directory/a.png"
convert "$directory/a.png" -alpha off "BMP3:$directory/a.bmp"
convert -size 48x48 plasma:fractal "PNG24:$icons/48x48/apps/probe.png"
convert -size 9000x1 xc:white "PNG24:$directory/wide.png"

ask "$directory/a.png"
the_same "a file" "$directory/a.png"
ask - "$directory/a.png"
the_same "what follows" "$directory/a.png"
ask bmp:- "$directory/a.bmp"
the_same "of a named format, without opacity" "$directory/a.bmp"
ask xdgicon:probe
the_same "an icon" "$icons/48x48/apps/probe.png"

ask jpg:- "$directory/a.png"
refused "bytes of another format" decoded
ask "$directory/wide.png"
refused "too wide an image" pixels
head -c 30 "$directory/a.png" >"$directory/short.png"
ask "$directory/short.png"
refused "an image that ends early" decoded
ask - /dev/null
refused "nothing" kind
ask "$directory/none"
refused "a file that is not there" none
ask "$directory"
refused "a directory" read
ask xdgicon:nothing
refused "an icon that is not there" nothing
ask text:/etc/passwd
refused "another prefix" neither
ask "$(printf 'a%.0s' {1..5000})"
refused "too long a line" line

if ls /usr/lib/*/gdk-pixbuf-2.0/*/loaders/*svg* >/dev/null 2>&1; then
	printf '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="8"><rect width="16" height="8" fill="#00ff00"/></svg>' \
		>"$icons/scalable/apps/drawn.svg"
	ask xdgicon:drawn
	is "a drawing is as large as a menu wants it" "0 64 32" "$status $(head -n 1 "$directory/out")"
	is "in its colours" "00ff00ff" "$(tail -c 4 "$directory/out" | od -An -tx1 | tr -d ' \n')"
fi
[ "$failures" -eq 0 ]
