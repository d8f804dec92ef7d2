#!/bin/bash
# Start of a qube to the first answer of a program in it, against the same kernel, root and private
# volume booted by plain QEMU to a script that prints one line where our agents would start.
# Prints one line of figures a template; the goal for the overhead is 15 %.
#
# usage: tests/bench/boot.sh [ROUNDS]        (./bulkhead bench)
# shellcheck disable=SC2016 # commands are for the qube to expand
set -euo pipefail

rounds=${1:-5}
memory=400
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

median() {
	sort -n | sed -n "$(((rounds + 1) / 2))p"
}

# A private volume as a qube's second boot finds it, with a script that says when it is reached.
make_private() {
	local tree=$BULKHEAD_ROOT/private

	mkdir -p "$tree/config" "$tree/home/user" "$tree/usrlocal"
	printf '#!/bin/sh\necho reached >/dev/console\n' >"$tree/config/rc.local-early"
	chmod 755 "$tree/config/rc.local-early"
	chown 1000:1000 "$tree/home/user" 2>/dev/null || :
	rm -f "$BULKHEAD_ROOT/private.raw"
	/usr/sbin/mke2fs -q -t ext4 -m 0 -d "$tree" "$BULKHEAD_ROOT/private.raw" 2G >/dev/null
}

# Milliseconds from exec to the line.
plain_boot() {
	local template=$1 kernel=$2 start end pid console

	rm -f "$BULKHEAD_ROOT"/plain-*.qcow2
	qemu-img create -q -f qcow2 -F qcow2 -b "$BULKHEAD_TEMPLATES/$template.qcow2" "$BULKHEAD_ROOT/plain-root.qcow2"
	qemu-img create -q -f qcow2 -F raw -b "$BULKHEAD_ROOT/private.raw" "$BULKHEAD_ROOT/plain-private.qcow2"
	qemu-img create -q -f qcow2 "$BULKHEAD_ROOT/plain-volatile.qcow2" 10G
	start=$(now_ms)
	coproc QEMU { exec qemu-system-x86_64 -nodefaults -no-user-config -display none \
		-machine q35,accel=tcg -cpu max,-erms,-fsrm -m $memory -smp 2 -kernel "$kernel/vmlinux" -initrd "$kernel/initramfs" \
		-append "$(cat "$kernel/default-kernelopts-common.txt") bulkhead.name=plain" \
		-serial stdio -no-reboot -device virtio-rng-pci -device virtio-serial-pci \
		-drive "if=none,id=root,file=$BULKHEAD_ROOT/plain-root.qcow2" \
		-device virtio-blk-pci,drive=root,serial=root \
		-drive "if=none,id=private,file=$BULKHEAD_ROOT/plain-private.qcow2" \
		-device virtio-blk-pci,drive=private,serial=private \
		-drive "if=none,id=volatile,file=$BULKHEAD_ROOT/plain-volatile.qcow2" \
		-device virtio-blk-pci,drive=volatile,serial=volatile \
		-drive "if=none,id=modules,format=raw,readonly=on,file=$kernel/modules.img" \
		-device virtio-blk-pci,drive=modules,serial=modules 2>&1; }
	pid=$QEMU_PID
	console=${QEMU[0]}
	grep -q -m 1 reached <&"$console"
	end=$(now_ms)
	kill "$pid"
	wait "$pid" 2>/dev/null || :
	echo $((end - start))
}

# Milliseconds from the command to the answer.
our_boot() {
	local qube=$1 start end

	start=$(now_ms)
	qvm-start "$qube" >/dev/null 2>&1
	[ "$(in_qube "$qube" 'echo answer')" = answer ]
	end=$(now_ms)
	# Cleanly, for plain QEMU does not begin with a file system to be checked either.
	stop_qube "$qube" >/dev/null 2>&1
	echo $((end - start))
}

measure() {
	local template=$1 qube=bench-$1 kernel ours=() plain=() our_median plain_median

	kernel=$(echo "$BULKHEAD_TEMPLATES"/vm-kernels/*)
	new_qube "$qube" "$template" >/dev/null 2>&1
	qvm-prefs "$qube" memory $memory
	# The first start formats the private volume, which no later one does.
	qvm-start "$qube" >/dev/null 2>&1
	stop_qube "$qube" 2>/dev/null
	for _ in $(seq "$rounds"); do
		plain+=("$(plain_boot "$template" "$kernel")")
		ours+=("$(our_boot "$qube")")
	done
	our_median=$(printf '%s\n' "${ours[@]}" | median)
	plain_median=$(printf '%s\n' "${plain[@]}" | median)
	printf '%-10s  plain QEMU to one line: %6d ms   start to first answer: %6d ms   overhead: %d %%\n' \
		"$template" "$plain_median" "$our_median" \
		$(((our_median - plain_median) * 100 / plain_median))
	printf '%-10s  all: plain %s; ours %s\n' "" "${plain[*]}" "${ours[*]}"
}

use_instance
make_private
measure minimal
measure debian-12
