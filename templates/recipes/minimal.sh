# The template `minimal`: busybox, bash, the C library, our small init and agents; no systemd.
# For tests and for small service qubes.
# shellcheck shell=bash disable=SC2154

minimal_packages=busybox-static,bash,coreutils,libpam-modules,e2fsprogs,base-files

# The packages are only unpacked, so that no database of dpkg names them afterwards.
# shellcheck disable=SC2016
list_downloaded='for package in "$1"/var/cache/apt/archives/*.deb; do
	dpkg-deb --show --showformat="\${Package} \${Version} \${Architecture}\n" "$package"
done >"$1/packages.manifest"'

# Of coreutils only cat: busybox's copies with sendfile(), and the kernel keeps a pipe locked while
# sendfile() waits for a socket. A program between the two, as every one that a call starts, would
# then hold up whoever reads the pipe.
# shellcheck disable=SC2016
keep_only_cat='dpkg-deb --fsys-tarfile "$1"/var/cache/apt/archives/coreutils_*.deb | tar -t |
	grep "bin/." | grep -v "/cat\$" | (cd "$1" && xargs rm -f)'

# Accounts, groups and what programs look up in /etc.
minimal_configure() {
	local root=$1

	cat >"$root/etc/passwd" <<-'END'
		root:x:0:0:root:/root:/bin/sh
		user:x:1000:1000:user:/home/user:/bin/bash
		nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
	END
	cat >"$root/etc/group" <<-'END'
		root:x:0:
		tty:x:5:
		qubes:x:98:user
		user:x:1000:
		nogroup:x:65534:
	END
	printf '%s:*:19000:0:99999:7:::\n' root user nobody >"$root/etc/shadow"
	chmod 0640 "$root/etc/shadow"
	printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
	printf '/bin/sh\n/bin/bash\n' >"$root/etc/shells"
	mkdir -p "$root/etc/skel" "$root/home" "$root/usr/lib/modules" "$root/usr/local.orig"
	mkdir -p "$root/usr/local/bin" "$root/usr/local/sbin" "$root/usr/local/lib" "$root/usr/local/share"
	cp -a "$root/usr/local/." "$root/usr/local.orig"
	install -m 0644 /dev/null "$root/etc/fstab"
	cat >"$root/etc/profile" <<-'END'
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	END
	rm -f "$root/etc/hostname" "$root/etc/hosts" "$root/etc/resolv.conf"
}

# busybox under all its names, but where a program of a package has one of them.
minimal_link_busybox() {
	local root=$1 applet

	for applet in $("$root/bin/busybox" --list); do
		case $applet in
		busybox | init | linuxrc | sulogin) continue ;;
		esac
		[ -e "$root/usr/bin/$applet" ] || [ -e "$root/usr/sbin/$applet" ] ||
			ln -s busybox "$root/usr/bin/$applet"
	done
}

minimal_make_tree() {
	local root=$1

	mkdir -p "$root"
	tar -C "$root" -xf "$work_directory/packages.tar" --exclude='./usr/share/doc/*' \
		--exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./dev/*' \
		--exclude='./var/lib/apt/*' --exclude='./var/cache/*'
	minimal_configure "$root"
	minimal_link_busybox "$root"
	cp -a "$work_directory/agent/." "$root/"
	ln -sf ../lib/bulkhead/qube-init "$root/usr/sbin/init"
	chown -R 0:0 "$root"
	LC_ALL=C sort "$root/packages.manifest" >"$work_directory/manifest"
	rm "$root/packages.manifest"
}

build_minimal() {
	local output=$1

	need mmdebstrap mke2fs qemu-img meson ninja
	say "minimal: packages"
	fetch_packages extract "$minimal_packages" "$work_directory/packages.tar" \
		--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
		--extract-hook="$list_downloaded" --extract-hook="$keep_only_cat"
	say "minimal: agents"
	stage_agent "$work_directory/agent"
	"$source_directory/agent/install" "$work_directory/agent"
	rm -rf "$work_directory/agent/usr/include" "$work_directory/agent/usr/lib/systemd"
	rm -rf "$work_directory/agent/etc/apt"
	# No X server, no windows, no pictures.
	rm -rf "$work_directory/agent/etc/X11" "$work_directory"/agent/usr/lib/bulkhead/gui-agent \
		"$work_directory"/agent/usr/lib/bulkhead/{image-rgba,set-monitor-layout,icon-sender,notification-proxy,window-rehearsal,qubes-session,qubes-keyboard}
	say "minimal: image"
	make_image minimal 10G "$output/minimal.qcow2"
	cp "$work_directory/manifest" "$output/minimal.manifest"
	say "minimal: $output/minimal.qcow2"
}
