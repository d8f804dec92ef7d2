# What two copies of one frozen disposable must not have in common. Sourced by 86-disposables.sh.
# shellcheck shell=bash disable=SC2016 # commands are for the qube to expand

# Debian's ssh server, which no template has. False where there is no archive to take it from.
fetch_sshd() {
	local directory=$1

	(cd "$directory" && timeout 60 apt-get -qq download openssh-server openssh-sftp-server libwrap0 libnsl2 libtirpc3 2>/dev/null) || return 1
	mkdir "$directory/root"
	for package in "$directory"/*.deb; do dpkg-deb -x "$package" "$directory/root" || return 1; done
	# /lib is a link in the template.
	mkdir -p "$directory/root/usr/lib" && cp -a "$directory/root/lib/." "$directory/root/usr/lib/" &&
		rm -rf "$directory/root/lib" && tar -C "$directory/root" -cf "$directory/sshd.tar" .
}

# prepare_unlike TEMPLATE DIRECTORY: a program in the template that runs when a disposable is frozen and asks
# the kernel for random bytes when it is told to; and sshd, set up as its package does. The template's own host
# keys are left in DIRECTORY/keys.
prepare_unlike() {
	local template=$1 directory=$2

	root_in_qube "$template" 'cat >/usr/sbin/asker <<"END"
#!/usr/bin/perl
$SIG{USR1} = sub {
	my $bytes = "\0" x 16;
	open(my $file, ">", "/run/asked.new");
	print $file unpack("H*", $bytes), "\n" if syscall(318, $bytes, 16, 0) == 16;
	close($file);
	rename("/run/asked.new", "/run/asked");
};
sleep(1000) while (1);
END
		chmod 755 /usr/sbin/asker
		printf "[Service]\nExecStart=/usr/sbin/asker\n" >/etc/systemd/system/asker.service
		mkdir -p /etc/systemd/system/basic.target.wants
		ln -s ../asker.service /etc/systemd/system/basic.target.wants/; sync; echo prepared' | grep -qx prepared || return 1
	fetch_sshd "$directory" || return 0
	timeout 120 qvm-run --pass-io --no-gui --quiet --user root "$template" 'tar -C / --no-same-owner -xf -' <"$directory/sshd.tar"
	root_in_qube "$template" 'useradd --system --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd
		cp /usr/share/openssh/sshd_config /etc/ssh/
		for kind in ed25519 ecdsa "rsa -b 1024"; do
			ssh-keygen -q -t $kind -N "" -f "/etc/ssh/ssh_host_${kind%% *}_key" </dev/null
		done
		systemctl --quiet --root=/ enable ssh.service 2>/dev/null
		cut -d " " -f 1,2 /etc/ssh/ssh_host_*_key.pub; sync' >"$directory/keys"
	[ -s "$directory/keys" ]
}

# Lines of a name and of what is to be another one in each copy.
# shellcheck disable=SC2034 # for 86-disposables.sh
unlike_facts='
	say() { printf "%s %s\n" "$1" "$(printf %s "$2" | tr "\n" " ")"; }
	say host_name "$(hostname)"
	say machine_id "$(cat /etc/machine-id)"
	say machine_id_of_systemd "$(systemd-id128 machine-id)"
	say machine_id_of_the_bus "$(dbus-uuidgen --get)"
	say bus "$(dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId | sed -n "s/.*string \"\(.*\)\"/\1/p")"
	say boot_id "$(cat /proc/sys/kernel/random/boot_id)"
	say ids_in_the_journal "$(logger mark; journalctl -n 1 -o export | grep -aE "^_(BOOT|MACHINE)_ID=")"
	say random_bytes_of_a_frozen_process "$(systemctl kill -s USR1 asker
		for i in $(seq 100); do [ -e /run/asked ] && break; sleep 0.1; done; cat /run/asked)"
	say random_bytes "$(head -c 16 /dev/urandom | od -An -tx1)"
	say random_bytes_of_openssl "$(openssl rand -hex 16)"
	say random_bytes_of_a_new_process "$(perl -e "open(F, q(</proc/self/auxv)); read(F, \$v, 4096); %v = unpack(q(Q*), \$v);
		open(M, q(</proc/self/mem)); sysseek(M, \$v{25}, 0); sysread(M, \$b, 16); print unpack(q(H*), \$b)")"
	say seed_of_perl "$(PERL_HASH_SEED_DEBUG=1 perl -e 1 2>&1 | sed "s/.*HASH_SEED = \(0x[0-9a-f]*\).*/\1/")"
	say addresses_of_a_new_process "$(head -n 1 /proc/self/maps)"
	say temporary_name "$(mktemp --dry-run)"
	say uuid "$(cat /proc/sys/kernel/random/uuid)"'

# unlike NAMES-AND-VALUES OTHERS: each name is in both, with another value.
unlike() {
	local name value other

	while read -r name value; do
		other=$(sed -n "s/^$name //p" <<<"$2")
		if [ -n "$value" ] && [ -n "$other" ] && [ "$value" != "$other" ]; then
			ok "two copies differ: ${name//_/ }"
		else
			not_ok "two copies differ: ${name//_/ }"
			note "$value" "$other"
		fi
	done <<<"$1"
}

# check_sshd DIRECTORY FIRST SECOND: keys as a client is shown them.
check_sshd() {
	local directory=$1 name scan='for i in $(seq 150); do systemctl -q is-active ssh.service && break; sleep 0.2; done
		ssh-keyscan -T 30 127.0.0.1 2>/dev/null | cut -d " " -f 2,3'

	shift
	for name in "$@"; do root_in_qube "$name" "$scan" | sort >"$directory/keys.$name"; done
	for name in "$@"; do
		is "a copy shows keys of ssh" "ecdsa-sha2-nistp256 ssh-ed25519" "$(cut -d ' ' -f 1 "$directory/keys.$name" | xargs)"
	done
	is "no key of ssh is in two of them, nor in the template" "" "$(sort "$directory"/keys* | uniq -d)"
	is "sshd starts after its keys are made, and these after the identity" "" "$(root_in_qube "$1" '
		at() { systemctl show --value -p "$2" "$1"; }
		[ "$(at bulkhead-ssh-keys ExecMainStartTimestampMonotonic)" -gt "$(at bulkhead-clone ExecMainExitTimestampMonotonic)" ] || echo keys
		[ "$(at ssh ExecMainStartTimestampMonotonic)" -gt "$(at bulkhead-ssh-keys ExecMainExitTimestampMonotonic)" ] || echo sshd')"
}
