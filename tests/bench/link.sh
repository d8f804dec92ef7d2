#!/bin/bash
# The link against the bare virtio-serial port: both in one virtual machine of plain QEMU, in turns,
# each way, between the same two programs' ends; then the same bytes through one call. Prints the
# rates, the ratios, and the memory of vchan-linkd.
#
# usage: tests/bench/link.sh BUILD-DIRECTORY [MIB [ROUNDS]]        (./bulkhead bench)
# BULKHEAD_TEMPLATES is where templates/build put the kernel and the template `minimal`, whose
# vchan-linkd is the qube's end.
set -euo pipefail

build=$1
mib=${2:-128}
rounds=${3:-5}
bytes=$((mib << 20))
domain=7
peer=$build/tests/protocol/vchan/vchan-test-peer
directory=$(mktemp -d)
pids=()

clean_up() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || :
	wait
	rm -rf "$directory"
}
trap clean_up EXIT

# What the qube does: both ends of the comparison wait for the host's.
make_private_image() {
	local tree=$directory/private

	mkdir -p "$tree/config" "$tree/home/user" "$tree/usrlocal" "$tree/bench"
	cp "$peer-static" "$tree/bench/peer"
	cp "$build/tests/bench/bench-bare-port-static" "$tree/bench/bare"
	cat >"$tree/config/rc.local" <<-END
		#!/bin/sh
		/rw/bench/peer serve sink -d 0 -p 600 -x &
		/rw/bench/peer serve source -d 0 -p 601 -x &
		i=0
		while [ \$i -lt $rounds ]; do
			/rw/bench/bare qube bench.bare $mib
			i=\$((i + 1))
		done &
	END
	chmod 755 "$tree/config/rc.local"
	truncate -s 1G "$directory/private.raw"
	/usr/sbin/mke2fs -q -t ext4 -m 0 -d "$tree" "$directory/private.raw" 1G
}

start_machine() {
	local kernel

	kernel=$(echo "$BULKHEAD_TEMPLATES"/vm-kernels/*)
	qemu-img create -q -f qcow2 -F qcow2 -b "$(readlink -f "$BULKHEAD_TEMPLATES/minimal.qcow2")" \
		"$directory/root.qcow2"
	qemu-img create -q -f qcow2 "$directory/volatile.qcow2" 10G
	qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-machine q35,accel=tcg -cpu max,-erms,-fsrm -m 400 -smp 2 \
		-kernel "$kernel/vmlinux" -initrd "$kernel/initramfs" \
		-append "$(cat "$kernel/default-kernelopts-common.txt") bulkhead.name=bench" \
		-device virtio-rng-pci -device virtio-serial-pci,disable-legacy=on \
		-chardev "socket,id=bare,path=$directory/bare.sock,server=on,wait=off" \
		-device virtserialport,chardev=bare,name=bench.bare \
		-chardev "socket,id=link,path=$directory/link.sock,server=on,wait=off" \
		-device virtserialport,chardev=link,name=org.bulkhead.vchan \
		-drive "if=none,id=root,file=$directory/root.qcow2" \
		-device "virtio-blk-pci,drive=root,serial=root" \
		-drive "if=none,id=private,format=raw,file=$directory/private.raw" \
		-device "virtio-blk-pci,drive=private,serial=private" \
		-drive "if=none,id=volatile,file=$directory/volatile.qcow2" \
		-device "virtio-blk-pci,drive=volatile,serial=volatile" \
		-drive "if=none,id=modules,format=raw,readonly=on,file=$kernel/modules.img" \
		-device "virtio-blk-pci,drive=modules,serial=modules" >/dev/null 2>&1 &
	pids+=($!)
	while [ ! -S "$directory/link.sock" ]; do sleep 0.1; done
}

# seconds_of COMMAND...
seconds_of() {
	local start=$EPOCHREALTIME end

	"$@" >/dev/null
	end=$EPOCHREALTIME
	echo $((${end/[.,]/} - ${start/[.,]/})) | awk '{ print $1 / 1e6 }'
}

# MB/s of `bytes` in so many seconds
rate() {
	awk -v bytes="$bytes" -v seconds="$1" 'BEGIN { printf "%.1f", bytes / seconds / 1e6 }'
}

# The rate that a caller of channels prints.
link_rate() {
	timeout 300 "$peer" call "$1" -d "$domain" -p "$2" -b "$bytes" -x -t 280 |
		sed -n 's|.*, \([0-9.]*\) MB/s|\1|p'
}

# The middle one of numbers on lines.
median() {
	sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

compare() {
	local i line

	for ((i = 0; i < rounds; i++)); do
		line=$(timeout 300 "$build/tests/bench/bench-bare-port" host "$directory/bare.sock" "$mib")
		[[ $line =~ to\ the\ qube\ ([0-9.]+)\ MB/s,\ from\ it\ ([0-9.]+) ]]
		echo "${BASH_REMATCH[1]}" >>"$directory/raw-to"
		echo "${BASH_REMATCH[2]}" >>"$directory/raw-from"
		link_rate sink 600 >>"$directory/link-to"
		link_rate source 601 >>"$directory/link-from"
	done
}

print_comparison() {
	local way raw link

	for way in to from; do
		raw=$(median <"$directory/raw-$way")
		link=$(median <"$directory/link-$way")
		awk -v way="$way" -v raw="$raw" -v link="$link" -v mib="$mib" -v rounds="$rounds" 'BEGIN {
			printf "%s the qube, %d MiB, median of %d: bare port %.0f MB/s, link %.0f MB/s: %.0f %%\n",
				way, mib, rounds, raw, link, 100 * link / raw }'
	done
}

to_qube() {
	head -c "$bytes" /dev/zero | "$build/src/qrexec/host/qrexec-client" -d bench "root:cat >/dev/null"
}

from_qube() {
	"$build/src/qrexec/host/qrexec-client" -d bench "root:dd if=/dev/zero bs=64k count=$((mib * 16)) 2>/dev/null" \
		</dev/null
}

measure_calls() {
	mkdir -p "$BULKHEAD_ROOT/run/qubes" "$BULKHEAD_ROOT/var/log/qubes"
	"$build/src/qrexec/host/qrexec-daemon" -D -q -u 11111111-1111-4111-8111-111111111111 \
		"$domain" bench root >"$directory/daemon.log" 2>&1 &
	pids+=($!)
	for ((i = 0; i < 600; i++)); do
		[ ! -e "$BULKHEAD_ROOT/run/qubes/qrexec.bench" ] || break
		sleep 0.1
	done
	printf 'one call, %d MiB: to the qube %s MB/s, from it %s MB/s\n' "$mib" \
		"$(rate "$(seconds_of to_qube)")" "$(rate "$(seconds_of from_qube)")"
}

ninja -C "$build" src/vchan/vchan-linkd src/qrexec/host/qrexec-daemon \
	src/qrexec/host/qrexec-client tests/bench/bench-bare-port tests/bench/bench-bare-port-static \
	tests/protocol/vchan/vchan-test-peer tests/protocol/vchan/vchan-test-peer-static >/dev/null
export BULKHEAD_ROOT=$directory/root VCHAN_TRANSPORT=link
mkdir -p "$BULKHEAD_ROOT"
make_private_image
start_machine
"$build/src/vchan/vchan-linkd" --host "$domain" --port-socket "$directory/link.sock" 2>/dev/null &
linkd=$!
pids+=("$linkd")
compare
print_comparison
measure_calls
awk '/^VmRSS/ { print "vchan-linkd on the host, afterwards: " $2 " KiB resident" }' "/proc/$linkd/status"
