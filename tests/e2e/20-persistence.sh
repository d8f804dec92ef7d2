#!/bin/bash
# What a qube keeps and what it forgets (spec guest.md section 4; cases 108, 109, 110 of 10.5).
# shellcheck disable=SC2016 # commands are for the qube to expand
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

use_instance
qvm-check --quiet keeper 2>/dev/null || new_qube keeper minimal
require "the qube starts" start_qube keeper

# 108: a fresh private volume
is "108: /rw is ext4" ext4 "$(in_qube keeper "awk '\$2 == \"/rw\" { print \$3 }' /proc/mounts")"
is "108: home of user" "user 700" "$(in_qube keeper 'stat -c "%U %a" /home/user')"
is "108: uid" 1000 "$(in_qube keeper 'id -u')"
is "108: files of /rw/config" "qubes-firewall-user-script rc.local suspend-module-blacklist" \
	"$(in_qube keeper 'cd /rw/config && echo *')"
is "108: rc.local can be executed" 755 "$(in_qube keeper 'stat -c %a /rw/config/rc.local')"

# 109, 110: what is changed now
root_in_qube keeper '
	mkdir -p /etc/kept-dir && echo a >/etc/kept-dir/a && echo b >/etc/kept-file
	mkdir -p /etc/real && echo c >/etc/real/c && ln -s /etc/real /etc/link
	mkdir -p /rw/config/qubes-bind-dirs.d
	echo "binds+=( /etc/kept-dir \"/etc/kept-file\" /etc/link/c /etc/missing )" \
		>/rw/config/qubes-bind-dirs.d/50.conf
	printf "#!/bin/sh\necho ran >/run/rc-local-ran\n" >/rw/config/rc.local
	echo forgotten >/etc/forgotten
	echo tool >/usr/local/bin/tool
	# these exist on the private volume before the next boot binds them
	for path in /etc/kept-dir /etc/kept-file /etc/real/c; do
		mkdir -p "/rw/bind-dirs$(dirname $path)" && cp -a $path "/rw/bind-dirs$path"
	done
	mkdir -p /rw/bind-dirs/etc/link && cp -a /etc/real/c /rw/bind-dirs/etc/link/c'
in_qube keeper 'echo mine >/home/user/mine'
require "it starts again" restart_qube keeper
is "110: a change of the root is gone" no "$(in_qube keeper 'test -e /etc/forgotten && echo yes || echo no')"
is "110: the home stays" mine "$(in_qube keeper 'cat /home/user/mine')"
is "110: /usr/local stays" tool "$(in_qube keeper 'cat /usr/local/bin/tool')"
is "109: a kept directory" a "$(in_qube keeper 'cat /etc/kept-dir/a')"
is "109: a kept file" b "$(in_qube keeper 'cat /etc/kept-file')"
is "109: a path whose parent does not exist is made" c "$(in_qube keeper 'cat /etc/link/c')"
is "109: a missing path is skipped" no "$(in_qube keeper 'test -e /etc/missing && echo yes || echo no')"
is "rc.local ran" ran "$(in_qube keeper 'cat /run/rc-local-ran')"
root_in_qube keeper 'echo changed >>/etc/kept-file; echo new >/etc/kept-dir/new'
root_in_qube keeper 'echo "binds+=( /etc/nsswitch.conf /etc/of-link )" \
	>>/rw/config/qubes-bind-dirs.d/50.conf'
require "it starts a third time" restart_qube keeper
is "109: changes are kept over a boot" "b changed" "$(in_qube keeper 'echo $(cat /etc/kept-file)')"
is "109: new files too" new "$(in_qube keeper 'cat /etc/kept-dir/new')"
is "109: a file of the root was copied" yes \
	"$(in_qube keeper 'cmp -s /etc/nsswitch.conf /rw/bind-dirs/etc/nsswitch.conf && echo yes')"

# 110: the template changes under a running qube
is "110: before" no "$(in_qube keeper 'test -e /etc/of-template && echo yes || echo no')"
require "the template starts" start_qube minimal
root_in_qube minimal 'echo new >/etc/of-template; ln -s of-template /etc/of-link'
is "template: keeps its root" persistent-full "$(in_qube minimal 'cd /run/qubes && echo persistent-*')"
require "the template stops" stop_qube minimal
is "110: the running qube does not see it" no \
	"$(in_qube keeper 'test -e /etc/of-template && echo yes || echo no')"
require "it starts a fourth time" restart_qube keeper
is "110: after its start it does" new "$(in_qube keeper 'cat /etc/of-template')"
is "109: a symbolic link is followed" new "$(in_qube keeper 'cat /rw/bind-dirs/etc/of-template')"

# 108: a damaged file system is not formatted
root_in_qube keeper 'sync; dd if=/dev/urandom of=/dev/xvdb bs=1024 seek=1 count=1 conv=fsync 2>/dev/null
	echo b >/proc/sysrq-trigger' || :
timeout 60 qvm-kill keeper >/dev/null 2>&1 || :
require "it starts with a damaged private volume" start_qube keeper
is "108: it comes up without the volume" no \
	"$(in_qube keeper 'grep -q " /rw ext4" /proc/mounts && echo yes || echo no')"
matches "108: and says why" "left as it is" "$(console_of keeper)"
check "it can be repaired from within" root_in_qube keeper 'e2fsck -y /dev/xvdb; test $? -lt 4'
require "it starts after the repair" restart_qube keeper
is "108: nothing is lost" mine "$(in_qube keeper 'cat /home/user/mine')"

stop_qube keeper
check "the qube is removed" qvm-remove --force keeper
finish
