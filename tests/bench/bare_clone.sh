# A qube that was booted by plain QEMU and saved, and clones of it: what copies of disposables are
# compared with. Sourced by disposables.sh, after lib.sh.
# shellcheck shell=bash disable=SC2154

bare_directory=$BULKHEAD_ROOT/bare
bare_memory_mib=400

# The qube says when it is idle, and then answers each line on its console with another.
bare_private() {
	local tree=$bare_directory/private

	mkdir -p "$tree/config" "$tree/home/user" "$tree/usrlocal"
	cat >"$tree/config/rc.local" <<-'END'
		#!/bin/bash
		if [ "${1-}" != waiting ]; then
			setsid "$0" waiting </dev/ttyS0 >/dev/ttyS0 2>&1 &
			exit 0
		fi
		idle=0
		while [ $idle -lt 3 ]; do
			read -r _ _ _ _ before _ </proc/stat
			sleep 1
			read -r _ _ _ _ after _ </proc/stat
			if [ $((after - before)) -ge $((88 * $(nproc))) ]; then idle=$((idle + 1)); else idle=0; fi
		done
		stty -echo
		echo it-is-idle
		while read -r _; do echo it-answers; done
	END
	chmod 755 "$tree/config/rc.local"
	chown 1000:1000 "$tree/home/user" 2>/dev/null || :
	/usr/sbin/mke2fs -q -t ext4 -m 0 -d "$tree" "$bare_directory/private.raw" 2G >/dev/null
}

# bare_qemu DISKS-PREFIX SHARE [OPTIONS]: monitor on the fifos hmp.in and hmp.out, console on tty.
bare_qemu() {
	local disks=$1 share=$2 kernel disk devices=()

	shift 2
	kernel=$(echo "$BULKHEAD_TEMPLATES"/vm-kernels/*)
	for disk in root private volatile; do
		devices+=(-drive "if=none,id=$disk,file=$bare_directory/$disks-$disk.qcow2"
			-device "virtio-blk-pci,drive=$disk,serial=$disk")
	done
	qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-object "memory-backend-file,id=m,size=${bare_memory_mib}M,mem-path=$bare_memory,share=$share" \
		-machine q35,accel=tcg,memory-backend=m -cpu max,-erms,-fsrm -m $bare_memory_mib -smp 2 \
		-kernel "$kernel/vmlinux" -initrd "$kernel/initramfs" \
		-append "$(cat "$kernel/default-kernelopts-common.txt") bulkhead.name=plain bulkhead.gui=1 tsc=reliable maxcpus=1 noreplace-smp" \
		-chardev "pipe,id=tty,path=$bare_directory/tty" -serial chardev:tty \
		-chardev "pipe,id=hmp,path=$bare_directory/hmp" -mon chardev=hmp \
		-device virtio-rng-pci -device virtio-serial-pci "${devices[@]}" \
		-drive "if=none,id=modules,format=raw,readonly=on,file=$kernel/modules.img" \
		-device virtio-blk-pci,drive=modules,serial=modules "$@" >/dev/null 2>"$bare_directory/errors" &
	bare_pid=$!
}

# Opened for both directions: neither end waits for the other.
bare_open() {
	exec {bare_hmp}<>"$bare_directory/hmp.in" {bare_said}<>"$bare_directory/hmp.out" \
		{bare_tty}<>"$bare_directory/tty.in" {bare_console}<>"$bare_directory/tty.out"
}

bare_close() {
	kill "$bare_pid" 2>/dev/null
	wait "$bare_pid" 2>/dev/null
	exec {bare_hmp}>&- {bare_said}>&- {bare_tty}>&- {bare_console}>&-
	rm -f "$bare_directory"/{hmp,tty}.{in,out}
	mkfifo "$bare_directory"/{hmp,tty}.{in,out}
}

# bare_await DESCRIPTOR TEXT: until it was said; the end of a read is no end of the wait.
bare_await() {
	timeout 300 grep -a -q -m 1 "$2" <&"$1"
}

# Boots, waits until it is idle, and saves it.
bare_make() {
	local template=$1

	mkdir -p "$bare_directory"
	bare_memory=$(mktemp "${BARE_TMPFS:-/dev/shm}/bulkhead-bare.XXXXXX")
	on_exit "rm -f $bare_memory"
	bare_private
	mkfifo "$bare_directory"/{hmp,tty}.{in,out}
	qemu-img create -q -f qcow2 -F qcow2 -b "$BULKHEAD_TEMPLATES/$template.qcow2" "$bare_directory/made-root.qcow2"
	qemu-img create -q -f qcow2 -F raw -b "$bare_directory/private.raw" "$bare_directory/made-private.qcow2"
	qemu-img create -q -f qcow2 "$bare_directory/made-volatile.qcow2" 10G
	truncate -s "${bare_memory_mib}M" "$bare_memory"
	bare_open
	bare_qemu made on
	bare_await "$bare_console" it-is-idle || return 1
	printf 'migrate_set_capability x-ignore-shared on\nstop\nmigrate "exec:cat >%s"\ninfo migrate\n' \
		"$bare_directory/devices" >&"$bare_hmp"
	until [ -s "$bare_directory/devices" ] && printf 'info migrate\n' >&"$bare_hmp" &&
		timeout 1 grep -a -q -m 1 'status: completed' <&"$bare_said"; do sleep 0.2; done
	printf 'quit\n' >&"$bare_hmp"
	sleep 1
	bare_close
}

# Milliseconds from nothing, its overlays included, to the line.
bare_clone() {
	local begun disk asking

	bare_open
	begun=$(milliseconds)
	for disk in root private volatile; do
		qemu-img create -q -f qcow2 -F qcow2 -b "$bare_directory/made-$disk.qcow2" \
			"$bare_directory/clone-$disk.qcow2"
	done
	bare_qemu clone off -incoming defer
	printf 'migrate_set_capability x-ignore-shared on\nmigrate_incoming "exec:cat %s"\n' \
		"$bare_directory/devices" >&"$bare_hmp"
	# It was saved at rest, and what comes before its state is loaded is lost.
	while sleep 0.02; do
		printf 'cont\n' >&"$bare_hmp"
		printf 'go\n' >&"$bare_tty"
	done &
	asking=$!
	bare_await "$bare_console" it-answers || echo "no line of a bare clone" >&2
	echo $(($(milliseconds) - begun))
	kill "$asking"
	wait "$asking" 2>/dev/null
	bare_close
}
