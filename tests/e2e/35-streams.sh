#!/bin/bash
# 200 channels at once through one virtio-serial port of a real qube, one of them stalled, every
# byte checked at both ends.
# shellcheck disable=SC2016,SC2317 # commands are for the qube to expand; functions are run by check
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

peer=${BULKHEAD_TEST_PEER:-}
[ -x "$peer" ] || skip_all "BULKHEAD_TEST_PEER names no vchan-test-peer-static (./bulkhead test builds it)"
use_shared_qube
xid=$(qvm-ls --raw-data --fields XID shared)
ports=560-759

check "the peer goes into the qube" sh -c \
	'qvm-run -p --no-gui -u root shared "cat >/run/peer && chmod 755 /run/peer" <"$1"' - "$peer"

# from_host, from_qube MODE BYTES [OPTION...]: who calls; the other end serves.
from_host() {
	local mode=$1 bytes=$2 server status

	shift 2
	timeout 400 qrexec-client -d shared "root:/run/peer serve $mode -d 0 -p $ports" </dev/null &
	server=$!
	timeout 300 "$peer" call "$mode" -d "$xid" -p "$ports" -b "$bytes" -t 280 "$@"
	status=$?
	# The client's end does not end a program that reads nothing.
	root_in_qube shared 'kill -KILL $(pidof peer)'
	wait "$server" 2>/dev/null
	return "$status"
}

from_qube() {
	local mode=$1 bytes=$2 server status

	shift 2
	timeout 400 "$peer" serve "$mode" -d "$xid" -p "$ports" </dev/null &
	server=$!
	timeout 300 qrexec-client -d shared \
		"root:/run/peer call $mode -d 0 -p $ports -b $bytes -t 280 $*" </dev/null
	status=$?
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	return "$status"
}

check "the host calls 200 channels, one of them stalled" from_host echo 40000 -s 600
check "the qube calls 200 channels, one of them stalled" from_qube echo 40000 -s 700
check "200 channels of data to the qube" from_host sink 100000
check "200 channels of data from the qube" from_host source 100000
is "the qube still answers" yes "$(in_qube shared 'echo yes')"

finish
