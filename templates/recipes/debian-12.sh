# The template `debian-12`: Debian with systemd and our agent as a package; the home of a person's
# programs. Tuned to answer early under software emulation too.
# shellcheck shell=bash disable=SC2154

debian_12_packages=(
	# what makes it boot and what the agent needs
	systemd systemd-sysv udev dbus libpam-systemd kmod e2fsprogs fdisk sudo libpam0g
	# what a person expects to find
	bash-completion ca-certificates file iproute2 iputils-ping less nano netbase openssh-client
	procps psmisc tzdata xz-utils zstd
	# its windows, and what shows that there are some
	xserver-xorg-core xserver-xorg-video-dummy x11-xkb-utils fonts-dejavu-core fontconfig xterm l3afpad
	libxcb-composite0 libxcb-damage0 libxcb-icccm4 libxcb-randr0 libxcb-shm0 libxcb-xfixes0
	libxcb-xkb1 libxcb-xtest0
	# what programs find each other and the person by
	dbus-x11 libnotify-bin xdg-utils
	# icons of its programs, for the menus of the host
	libgdk-pixbuf-2.0-0 librsvg2-common webp-pixbuf-loader
)

# Of no use in a qube: terminals that nobody sees, keyboards of a console, the hardware of a real
# machine, housekeeping that the host does better.
debian_12_masked_units=(
	getty.target console-getty.service systemd-vconsole-setup.service
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
	e2scrub_reap.service systemd-pstore.service systemd-rfkill.service systemd-rfkill.socket
	systemd-fsck-root.service systemd-hwdb-update.service systemd-remount-fs.service
	systemd-machine-id-commit.service systemd-firstboot.service systemd-boot-system-token.service
	systemd-network-generator.service systemd-networkd.service systemd-timesyncd.service
	systemd-update-utmp-runlevel.service
	sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount
	sys-fs-fuse-connections.mount dev-hugepages.mount
	modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service
	modprobe@fuse.service modprobe@dm_mod.service modprobe@loop.service
)

# Each is a process at every boot; what they look for does not exist here.
debian_12_masked_generators=(
	systemd-cryptsetup-generator systemd-getty-generator systemd-gpt-auto-generator
	systemd-hibernate-resume-generator systemd-integritysetup-generator
	systemd-rc-local-generator systemd-run-generator systemd-system-update-generator
	systemd-sysv-generator systemd-veritysetup-generator systemd-bless-boot-generator
)

debian_12_tune() {
	local root=$1 name

	mkdir -p "$root/etc/systemd/system" "$root/etc/systemd/system-generators"
	for name in "${debian_12_masked_units[@]}"; do
		ln -sf /dev/null "$root/etc/systemd/system/$name"
	done
	for name in "${debian_12_masked_generators[@]}"; do
		ln -sf /dev/null "$root/etc/systemd/system-generators/$name"
	done
	# A journal in memory: an AppVM's would be thrown away, and flushing it costs. In small files:
	# one is memory from its beginning to its end, and each copy of a frozen disposable begins one.
	mkdir -p "$root/etc/systemd/journald.conf.d"
	printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\nRuntimeMaxFileSize=512K\n' \
		>"$root/etc/systemd/journald.conf.d/bulkhead.conf"
}

# Files that nothing in the image loads, 165 MB of 520: the drivers of OpenGL, which the X server
# brings along and which draw on processors only through a compiler (GLX is off in
# bulkhead-xorg.conf), and documentation. Packages that are installed later bring theirs.
debian_12_left_out=(
	'/usr/lib/x86_64-linux-gnu/libLLVM-*' '/usr/lib/x86_64-linux-gnu/libz3.so*'
	'/usr/lib/x86_64-linux-gnu/dri/*' '/usr/share/doc/*' '/usr/share/info/*'
)

# Copyright has to stay with what it is for.
debian_12_kept=('/usr/share/doc/*/copyright' '/usr/share/doc/bulkhead-agent/*')

# What is different in each qube, or belongs to the machine that built the image.
debian_12_clean() {
	local root=$1

	rm -f "$root/etc/hostname" "$root/etc/resolv.conf" "$root/packages.manifest"
	: >"$root/etc/machine-id"
	printf '127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
	printf '# The root, /rw, /home and /usr/local are mounted before this file is read.\n' \
		>"$root/etc/fstab"
	mkdir -p "$root/usr/lib/modules" "$root/rw"
	cp -a "$root/usr/local" "$root/usr/local.orig"
	cp -a "$root/home" "$root/home.orig"
	find "$root/var/log" -type f -delete
	rm -rf "$root"/var/cache/apt/*.bin "$root"/var/lib/apt/lists/* "$root"/tmp/* "$root"/run/*
}

# What each program would do for itself in a home that has no such cache. It counts only while the folders have
# the time that it tells, and files newer than that get it when the image is packed.
# shellcheck disable=SC2016
debian_12_cache_fonts='find "$1/usr/share/fonts" "$1/usr/local/share/fonts" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	chroot "$1" fc-cache --force --system-only'

# Programs that a call starts show their windows there.
debian_12_set_display() {
	printf 'DISPLAY=:0\n' >>"$1/etc/environment"
}

debian_12_make_tree() {
	local root=$1

	mkdir -p "$root"
	tar -C "$root" -xf "$work_directory/packages.tar" --exclude='./dev/*'
	LC_ALL=C sort "$root/packages.manifest" >"$work_directory/manifest"
	debian_12_tune "$root"
	debian_12_set_display "$root"
	debian_12_clean "$root"
}

build_debian_12() {
	local output=$1 packages path debs=$cache_directory/debs
	local -a unpacking=()

	need mmdebstrap mke2fs qemu-img meson ninja dpkg-deb
	say "debian-12: agent package"
	stage_agent "$work_directory/agent"
	"$source_directory/agent/build-deb" "$work_directory/agent" "$work_directory/agent.deb"

	say "debian-12: packages of Debian (one to three minutes)"
	packages=$(IFS=,; echo "${debian_12_packages[*]}")
	mkdir -p "$debs"
	for path in "${debian_12_left_out[@]}"; do
		unpacking+=("--dpkgopt=path-exclude=$path")
	done
	for path in "${debian_12_kept[@]}"; do
		unpacking+=("--dpkgopt=path-include=$path")
	done
	# shellcheck disable=SC2016
	fetch_packages minbase "$packages" "$work_directory/packages.tar" \
		--aptopt='Apt::Install-Recommends "false"' \
		--dpkgopt=path-exclude=/usr/share/man/* \
		--dpkgopt=path-exclude=/usr/share/locale/* \
		"${unpacking[@]}" \
		--skip=download/empty --skip=essential/unlink \
		--setup-hook='mkdir -p "$1/var/cache/apt/archives"' \
		--setup-hook="sync-in '$debs' /var/cache/apt/archives" \
		--customize-hook="$debian_12_cache_fonts" \
		--customize-hook="sync-out /var/cache/apt/archives '$debs'" \
		--customize-hook="copy-in '$work_directory/agent.deb' /tmp" \
		--customize-hook='chroot "$1" dpkg --install /tmp/agent.deb' \
		--customize-hook='sed -i -e /LLVM/d -e /libz3/d -e /dri/d -e /share.doc/d -e /share.info/d "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"' \
		--customize-hook='chroot "$1" dpkg-query --show --showformat="\${Package} \${Version} \${Architecture}\n" >"$1/packages.manifest"'
	say "debian-12: image"
	make_image debian-12 10G "$output/debian-12.qcow2"
	cp "$work_directory/manifest" "$output/debian-12.manifest"
	say "debian-12: $output/debian-12.qcow2"
}
