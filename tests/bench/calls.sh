#!/bin/bash
# Calls from dom0 into a real qube: time of whole calls, calls a second, throughput against the
# bare virtio-serial port of a machine of plain QEMU, and the memory of our processes.
#
# usage: tests/bench/calls.sh BUILD-DIRECTORY [MIB]        (./bulkhead bench)
# shellcheck disable=SC2016 # commands are for the qube to expand
set -euo pipefail

build=$1
mib=${2:-256}
memory=400
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

time_command() {
	"$build/tests/bench/bench-time-command" "$@"
}

seconds_of() {
	local start=$EPOCHREALTIME end

	"$@"
	end=$EPOCHREALTIME
	echo $((${end/[.,]/} - ${start/[.,]/})) | awk '{ print $1 / 1e6 }'
}

rate() {
	awk -v mib="$mib" -v seconds="$1" 'BEGIN { printf "%.0f", mib / seconds }'
}

to_qube() {
	head -c $((mib << 20)) /dev/zero | qrexec-client -d "$1" "user:cat >/dev/null"
}

from_qube() {
	qrexec-client -d "$1" "user:head -c $((mib << 20)) /dev/zero" </dev/null >/dev/null
}

# The same bytes through a bare port: the same kernel and root, the qube's end is head or cat.
# Prints the seconds to the qube and from it.
bare_port() {
	local kernel tree=$BULKHEAD_ROOT/bare-private

	kernel=$(echo "$BULKHEAD_TEMPLATES"/vm-kernels/*)
	mkdir -p "$tree/config" "$tree/home/user" "$tree/usrlocal"
	cat >"$tree/config/rc.local" <<-END
		#!/bin/sh
		for name in /sys/class/virtio-ports/*/name; do
			[ "\$(cat \$name)" = bench.bare ] && port=/dev/\$(basename \$(dirname \$name))
		done
		echo ready >\$port
		head -c $((mib << 20)) \$port >/dev/null
		echo taken >\$port
		head -c $((mib << 20)) /dev/zero >\$port
	END
	chmod 755 "$tree/config/rc.local"
	rm -f "$BULKHEAD_ROOT/bare-private.raw"
	truncate -s 1G "$BULKHEAD_ROOT/bare-private.raw"
	/usr/sbin/mke2fs -q -t ext4 -m 0 -d "$tree" "$BULKHEAD_ROOT/bare-private.raw" 1G
	qemu-img create -q -f qcow2 -F qcow2 -b "$BULKHEAD_TEMPLATES/minimal.qcow2" "$BULKHEAD_ROOT/bare-root.qcow2"
	qemu-img create -q -f qcow2 "$BULKHEAD_ROOT/bare-volatile.qcow2" 10G
	rm -f "$BULKHEAD_ROOT/bare.sock"
	qemu-system-x86_64 -nodefaults -no-user-config -display none -machine q35,accel=tcg -cpu max,-erms,-fsrm \
		-m $memory -smp 2 -kernel "$kernel/vmlinux" -initrd "$kernel/initramfs" \
		-append "$(cat "$kernel/default-kernelopts-common.txt") bulkhead.name=bare" \
		-no-reboot -device virtio-rng-pci -device virtio-serial-pci \
		-chardev "socket,id=bare,path=$BULKHEAD_ROOT/bare.sock,server=on,wait=off" \
		-device virtserialport,chardev=bare,name=bench.bare \
		-drive "if=none,id=root,file=$BULKHEAD_ROOT/bare-root.qcow2" \
		-device virtio-blk-pci,drive=root,serial=root \
		-drive "if=none,id=private,format=raw,file=$BULKHEAD_ROOT/bare-private.raw" \
		-device virtio-blk-pci,drive=private,serial=private \
		-drive "if=none,id=volatile,file=$BULKHEAD_ROOT/bare-volatile.qcow2" \
		-device virtio-blk-pci,drive=volatile,serial=volatile \
		-drive "if=none,id=modules,format=raw,readonly=on,file=$kernel/modules.img" \
		-device virtio-blk-pci,drive=modules,serial=modules >/dev/null 2>&1 &
	bare_pid=$!
	while [ ! -S "$BULKHEAD_ROOT/bare.sock" ]; do sleep 0.1; done
	timeout 120 "$build/tests/bench/bench-bare-port" "$BULKHEAD_ROOT/bare.sock" "$mib" ||
		echo "bare virtio-serial port: the qube's end did not answer within two minutes"
	kill "$bare_pid"
	wait "$bare_pid" 2>/dev/null || :
}

# Resident and proportional memory of all host processes of ours, in KiB.
print_memory() {
	local directory program rss pss total_rss=0 total_pss=0

	for directory in /proc/[0-9]*; do
		program=$(readlink "$directory/exe" 2>/dev/null) || continue
		case ${program##*/} in
		bulkheadd | vchan-linkd | qrexec-daemon) ;;
		*) continue ;;
		esac
		tr '\0' '\n' <"$directory/environ" | grep -qxF "BULKHEAD_ROOT=$BULKHEAD_ROOT" || continue
		rss=$(awk '/^Rss:/ { print $2 }' "$directory/smaps_rollup")
		pss=$(awk '/^Pss:/ { print $2 }' "$directory/smaps_rollup")
		printf '  %-15s %6d KiB resident, %6d KiB proportional\n' "${program##*/}" "$rss" "$pss"
		total_rss=$((total_rss + rss))
		total_pss=$((total_pss + pss))
	done
	printf '  %-15s %6d KiB resident, %6d KiB proportional (goal: under 8192)\n' together \
		$total_rss $total_pss
}

measure() {
	local template=$1 qube=calls-$1 to from

	new_qube "$qube" "$template" >/dev/null 2>&1
	start_qube "$qube" 2>/dev/null
	qvm-run --service --pass-io --no-gui "$qube" qubes.WaitForRunningSystem </dev/null >/dev/null 2>&1 || :
	root_in_qube "$qube" 'printf "#!/bin/sh\n" >/etc/qubes-rpc/test.Nothing
		chmod 755 /etc/qubes-rpc/test.Nothing'
	printf '%s: a call that does nothing, as root:          ' "$template"
	time_command -n 200 -c 8 qrexec-client -d "$qube" 'root:QUBESRPC test.Nothing+ dom0'
	printf '%s: the same in the login session of user:      ' "$template"
	time_command -n 200 -c 8 qrexec-client -d "$qube" 'user:QUBESRPC test.Nothing+ dom0'
	to=$(seconds_of to_qube "$qube")
	from=$(seconds_of from_qube "$qube")
	printf '%s: %d MiB through one call: to the qube %d MiB/s, from it %d MiB/s\n' "$template" \
		"$mib" "$(rate "$to")" "$(rate "$from")"
	if [ "$template" = minimal ]; then
		echo "memory of our processes for one running qube:"
		print_memory
	fi
	stop_qube "$qube" 2>/dev/null
}

# The daemon answers while it starts machines.
list_while_starting() {
	local i

	for i in 1 2 3 4 5; do
		qvm-create --class AppVM --template minimal --label gray "busy$i" 2>/dev/null
	done
	qvm-start busy1 busy2 busy3 busy4 busy5 >/dev/null 2>&1 &
	sleep 1
	printf 'qvm-ls while five qubes start:                         '
	time_command -n 200 qvm-ls
	wait
	qvm-kill busy1 busy2 busy3 busy4 busy5 >/dev/null 2>&1
}

use_instance
printf 'start of a process alone:                              '
time_command -n 200 -c 8 /bin/true
measure minimal
bare_port
list_while_starting
measure debian-12
