#!/bin/bash
# Makes the picture of the README: the windows of two running qubes, on a display of its own, scaled
# down.
#
# usage: docs/pictures/windows.sh OUTPUT.png QUBE...        (with BULKHEAD_ROOT as of the instance)
set -uo pipefail

[ $# -ge 2 ] || { echo "usage: docs/pictures/windows.sh OUTPUT.png QUBE..." >&2; exit 2; }
source_directory=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../../tests/show-windows.sh
. "$source_directory/tests/show-windows.sh"
output=$1
shift
work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-picture.XXXXXX")
trap 'end_shown_windows; rm -rf "$work"' EXIT
unset DISPLAY
show_windows "$work" "$@" || { echo "windows.sh: the windows do not appear" >&2; exit 1; }
convert "$shown_picture" -resize 60% -colors 128 "$output"
echo "$output"
