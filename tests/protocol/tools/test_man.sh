#!/bin/bash
# Every option that a command's --help shows is in its manual page, and the other way round; and
# every page is built.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"
man=$3
names=$4
doctor=$5
export PATH=$6:$PATH

options_of_help() {
	"$1" --help | sed -n 's/^  \(-.*\)/\1/p' | sed 's/  .*//' |
		grep -oE -- '--?[A-Za-z][A-Za-z-]*' | sort -u
}

options_of_page() {
	grep -E '^\*-' "$man/$1.1.scd" | grep -oE -- '\*--?[A-Za-z][A-Za-z-]*\*' | tr -d '*' | sort -u
}

for name in $names bulkhead-doctor; do
	checks=$((checks + 1))
	program=$name
	[ "$name" != bulkhead-doctor ] || program=$doctor
	[ "$(options_of_help "$program" | wc -l)" -ge 6 ] || fail "$name --help: no options found"
	difference=$(diff <(options_of_help "$program") <(options_of_page "$name")) ||
		fail "$name: help (<) and page (>) differ" "$difference"
done
for page in "$man"/*.scd; do
	checks=$((checks + 1))
	page=$(basename "$page" .scd)
	grep -q "'$page'" "$man/meson.build" || fail "$page: not in man/meson.build"
done

summary
