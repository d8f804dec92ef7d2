#!/bin/bash
# Calls between two qubes, with the policy daemon deciding each: first with agents as processes of
# this host and channels of the unix transport, then between two real qubes. Throughput is measured
# against a call from dom0 in the same run; that of files, in memory at both ends, against a bare call.
#
# usage: tests/bench/qube_calls.sh BUILD-DIRECTORY [MIB [MIB-OF-REAL-QUBES]]
# shellcheck disable=SC2016 # commands are for the qube to expand
set -euo pipefail

build=$1
unix_mib=${2:-1024}
real_mib=${3:-128}
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

time_command() {
	"$build/tests/bench/bench-time-command" "$@"
}

# rate MIB COMMAND...: MiB a second.
rate() {
	local mib=$1 start=$EPOCHREALTIME end

	shift
	"$@"
	end=$EPOCHREALTIME
	awk -v mib="$mib" -v us=$((${end/[.,]/} - ${start/[.,]/})) 'BEGIN { printf "%.0f", mib * 1e6 / us }'
}

use_instance
for name in left right; do
	qvm-check --quiet "$name" 2>/dev/null || new_qube "$name" minimal >/dev/null 2>&1
done
policy=$BULKHEAD_ROOT/etc/qubes/policy.d/10-bench.policy
printf '%s\n' 'test.Nothing * left right allow' 'test.Sink * left right allow' \
	'qubes.Filecopy * left right allow' >"$policy"
on_exit 'rm -f "$policy"'

# --- processes of this host -------------------------------------------------------------------

directory=$BULKHEAD_ROOT/bench-qubes
mkdir -p "$directory/rpc" "$directory/vchan"
ln -sf /bin/true "$directory/rpc/test.Nothing"
printf '#!/bin/bash\nexec cat >/dev/null\n' >"$directory/rpc/test.Sink"
memory=$(mktemp -d /dev/shm/bulkhead-bench.XXXXXX)
printf '#!/bin/sh\nHOME=%s exec %s\n' "$memory" "$build/src/filecopy/qfile-unpacker" >"$directory/rpc/qubes.Filecopy"
chmod 755 "$directory" "$directory/rpc" "$directory/rpc/test.Sink" "$directory/rpc/qubes.Filecopy"
mkdir -p "$BULKHEAD_ROOT/etc/pam.d"
cp "$source_directory/agent/pam.d/qrexec" "$BULKHEAD_ROOT/etc/pam.d/qrexec"

# At home in qubes, the agent is not among the programs of the host.
agent=$build/src/qrexec/qube/qrexec-agent
client=$build/src/qrexec/qube/qrexec-client-vm
pids=()

stop_unix() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || :
	wait "${pids[@]}" 2>/dev/null || :
	pids=()
}
on_exit 'stop_unix; rm -rf "$directory" "$memory"'

# start_unix NAME NUMBER: an agent and its daemon.
start_unix() {
	local uuid

	uuid=$(qvm-prefs "$1" uuid)
	VCHAN_DOMAIN=$2 QREXEC_SERVICE_PATH=$directory/rpc "$agent" -a "$directory/agent.$2" >/dev/null 2>&1 &
	pids+=($!)
	VCHAN_DOMAIN=0 BULKHEAD_LOG=error qrexec-daemon -D -u "$uuid" "$2" "$1" "${USER:-root}" >/dev/null 2>&1 &
	pids+=($!)
	while [ ! -e "$BULKHEAD_ROOT/run/qubes/qrexec.$1" ]; do sleep 0.05; done
}

sink_from_left() {
	head -c $((unix_mib << 20)) /dev/zero | VCHAN_DOMAIN=11 "$client" -a "$directory/agent.11" right test.Sink
}

sink_from_dom0() {
	head -c $((unix_mib << 20)) /dev/zero | VCHAN_DOMAIN=0 qrexec-client -d right 'DEFAULT:QUBESRPC test.Sink+ dom0'
}

files_from_left() {
	VCHAN_DOMAIN=11 HOME=$memory "$client" -a "$directory/agent.11" right qubes.Filecopy \
		"$build/src/filecopy/qfile-agent" "$memory/$1"
	rm -rf "$memory/QubesIncoming"
}

# best UNITS FUNCTION...: a second, of three, since others use the processors too.
best() {
	for _ in 1 2 3; do
		rate "$@"
		echo
	done | sort -n | tail -n 1
}

measure_files() {
	truncate -s "${unix_mib}M" "$memory/large"
	mkdir "$memory/small"
	head -c 4096 /dev/urandom >"$memory/block"
	seq 10000 | sed "s,^,$memory/small/," | xargs -n 1000 sh -c 'f=$1; shift; tee "$@" <"$f" >/dev/null' sh "$memory/block"
	printf 'unix: %d MiB as a file, best of 3: qube to qube %s MiB/s; through a bare call %s MiB/s\n' "$unix_mib" \
		"$(best "$unix_mib" files_from_left large)" "$(best "$unix_mib" sink_from_left)"
	printf 'unix: 10000 files of 4 KiB, best of 3: qube to qube %s files/s\n' "$(best 10000 files_from_left small)"
	rm -rf "$memory/large" "$memory/small"
}

measure_unix() {
	start_unix left 11
	start_unix right 12
	printf 'unix, %s: a call that does nothing, qube to qube:  ' "$1"
	VCHAN_DOMAIN=11 time_command -n 200 "$client" -a "$directory/agent.11" right test.Nothing
	printf 'unix, %s: the same, dom0 to qube:                  ' "$1"
	VCHAN_DOMAIN=0 time_command -n 200 qrexec-client -d right 'DEFAULT:QUBESRPC test.Nothing+ dom0'
	if [ "$1" = unprivileged ]; then
		printf 'unix: %d MiB through one call: qube to qube %s MiB/s, dom0 to qube %s MiB/s\n' "$unix_mib" \
			"$(rate "$unix_mib" sink_from_left)" "$(rate "$unix_mib" sink_from_dom0)"
		measure_files
	fi
	stop_unix
}

export VCHAN_TRANSPORT=unix VCHAN_SOCKET_DIR=$directory/vchan
QREXEC_NO_ROOT=1 measure_unix unprivileged
if [ "$(id -u)" -eq 0 ]; then
	measure_unix "with a login session"
fi
unset VCHAN_TRANSPORT VCHAN_SOCKET_DIR

# --- real qubes -------------------------------------------------------------------------------

start_qube left 2>/dev/null
start_qube right 2>/dev/null
root_in_qube right 'mkdir -p /usr/local/etc/qubes-rpc && cd /usr/local/etc/qubes-rpc &&
	printf "#!/bin/sh\n" >test.Nothing && printf "#!/bin/bash\nexec cat >/dev/null\n" >test.Sink && chmod 755 test.*'

# Timed inside the qube, so that the start of nothing but the caller counts.
printf 'real qubes: a call that does nothing, qube to qube:           '
in_qube left 'begin=$EPOCHREALTIME; for i in $(seq 40); do qrexec-client-vm right test.Nothing </dev/null; done
	end=$EPOCHREALTIME; echo $((${end/./} - ${begin/./})) | awk "{ printf \"mean %.2f ms\\n\", \$1 / 40000 }"'
printf 'real qubes: the start of a process there:                     '
in_qube left 'begin=$EPOCHREALTIME; for i in $(seq 40); do /bin/busybox true </dev/null; done
	end=$EPOCHREALTIME; echo $((${end/./} - ${begin/./})) | awk "{ printf \"mean %.2f ms\\n\", \$1 / 40000 }"'
printf 'real qubes: the same service, dom0 to qube:                   '
time_command -n 40 qrexec-client -d right 'user:QUBESRPC test.Nothing+ dom0'

# In large pieces, by the same command on both sides: `head -c` of busybox, which a small qube has,
# handles bytes one by one and in emulation takes longer than the call does.
zeros="dd if=/dev/zero bs=65536 count=$((real_mib * 16)) 2>/dev/null"

real_inside() {
	in_qube left "$zeros | cat >/dev/null"
}

real_to_dom0() {
	in_qube left "$zeros" >/dev/null
}

real_from_dom0() {
	bash -c "$zeros" | qrexec-client -d right 'user:QUBESRPC test.Sink+ dom0'
}

real_from_left() {
	in_qube left "$zeros | qrexec-client-vm right test.Sink"
}

printf 'real qubes: %d MiB through one call, best of 3: qube to dom0 %s MiB/s, dom0 to qube %s MiB/s, qube to qube %s MiB/s\n' \
	"$real_mib" "$(best "$real_mib" real_to_dom0)" "$(best "$real_mib" real_from_dom0)" \
	"$(best "$real_mib" real_from_left)"
printf 'real qubes: the same through a pipe inside the first qube: %s MiB/s\n' "$(best "$real_mib" real_inside)"

# A file, in memory at both ends: what the disks do is not the question.
file_mib=$((real_mib < 48 ? real_mib : 48))
root_in_qube left "mkdir -p /mnt/f && mount -t tmpfs none /mnt/f && chmod 777 /mnt/f &&
	dd if=/dev/zero of=/mnt/f/large bs=65536 count=$((file_mib * 16)) 2>/dev/null"
root_in_qube right 'mkdir -p /home/user/QubesIncoming &&
	mount -t tmpfs -o uid=1000,gid=1000,mode=700 none /home/user/QubesIncoming'

real_file() {
	in_qube left 'qvm-copy-to-vm right /mnt/f/large 2>/dev/null'
}

best_file() {
	for _ in 1 2 3; do
		rate "$file_mib" real_file
		echo
		root_in_qube right 'rm -rf /home/user/QubesIncoming/left' >&2
	done | sort -n | tail -n 1
}

printf 'real qubes: %d MiB as a file, best of 3: qube to qube %s MiB/s\n' "$file_mib" "$(best_file)"
qvm-kill left right >/dev/null 2>&1
