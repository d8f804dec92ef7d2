# The kernel that qubes run, from Debian's package, unpacked and not installed:
#
#     VERSION/vmlinuz        for KVM
#     VERSION/vmlinux        the same uncompressed, for software emulation
#     VERSION/initramfs      our own program and the drivers it loads
#     VERSION/modules.img    the modules, a read-only disk of each qube
#     VERSION/default-kernelopts-common.txt
# shellcheck shell=bash disable=SC2154

# Drivers that are modules in Debian's kernel and needed before the modules disk is mounted.
# button and evdev tell a small init about the power button.
initramfs_modules=(virtio_pci virtio_blk virtio_console virtio-rng button evdev)

kernel_options='root=/dev/mapper/dmroot console=ttyS0 quiet nomodeset panic=-1'

download_kernel() {
	local package

	package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
	[ -n "$package" ] || fail "apt does not know linux-image-cloud-amd64: apt-get update"
	mkdir -p "$cache_directory/packages"
	say "kernel: downloading $package"
	(cd "$cache_directory/packages" && quietly apt-get download "$package")
	# Several versions may lie there: the newest is what apt just wanted.
	kernel_package=$(find "$cache_directory/packages" -name "${package}_*.deb" | sort -V | tail -n 1)
	[ -n "$kernel_package" ] || fail "package '$package' was not downloaded"
}

make_initramfs() {
	local tree=$1 version=$2 output=$3 archive=$work_directory/initramfs module path number=10

	mkdir -p "$archive/modules"
	install -m 0755 "$work_directory/agent/usr/lib/bulkhead/qube-initramfs" "$archive/init"
	for module in "${initramfs_modules[@]}"; do
		modprobe -d "$tree" -S "$version" --show-depends "$module" ||
			fail "kernel '$version': no module '$module'"
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' |
		while read -r path; do
			install -m 0644 "$path" "$archive/modules/$number-${path##*/}"
			echo "/modules/$number-${path##*/}"
			number=$((number + 1))
		done >"$work_directory/order"
	[ -s "$work_directory/order" ] || fail "kernel '$version': no modules"
	install -m 0644 "$work_directory/order" "$archive/modules/order"
	find "$archive" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	(cd "$archive" && find . -print0 | LC_ALL=C sort -z |
		cpio --quiet --null --create --format=newc --owner=0:0 --reproducible) >"$output"
}

build_kernel() {
	local output=$1 tree=$work_directory/kernel version target

	need apt-get dpkg-deb cpio modprobe depmod lz4 mke2fs meson ninja
	download_kernel
	say "kernel: unpacking"
	dpkg-deb -x "$kernel_package" "$tree"
	version=$(basename "$tree"/lib/modules/*)
	target=$output/vm-kernels/$version
	mkdir -p "$target"
	depmod -b "$tree" "$version"

	install -m 0644 "$tree/boot/vmlinuz-$version" "$target/vmlinuz"
	"$source_directory/templates/extract-vmlinux" "$target/vmlinuz" "$target/vmlinux"
	say "kernel: initramfs"
	stage_agent "$work_directory/agent"
	make_initramfs "$tree" "$version" "$target/initramfs"
	say "kernel: modules disk"
	make_filesystem "$tree/lib/modules" "$target/modules.img" 160M -O '^has_journal,^metadata_csum' -m 0
	echo "$kernel_options" >"$target/default-kernelopts-common.txt"
	say "kernel: $target"
}
