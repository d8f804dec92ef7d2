# Waiting for what comes by itself. Sourced by the other files here.
# shellcheck shell=bash

# Other work of the machine makes all of it slower, and nothing of it wrong.
patience=4

# patiently SECONDS COMMAND...: until it succeeds, so many seconds at most on a machine of its own.
patiently() {
	local end=$((SECONDS + patience * $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}
