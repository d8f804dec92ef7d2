#!/bin/bash
# qvm-volume and qvm-pool.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"

uuid=00000000-0000-0000-0000-000000000000
daemon <<END
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid\napp1 class=AppVM state=Halted uuid=$uuid\napp2 class=AppVM state=Halted uuid=$uuid\n
admin.vm.volume.List dom0 = ok 
admin.vm.volume.List app1 = ok private\nkernel\n
admin.vm.volume.List app2 = ok kernel\n
admin.vm.volume.Info+private app1 = ok pool=varlibqubes\nvid=appvms/app1/private\nsize=2147483648\nusage=0\nrw=True\nsource=\npath=/x\nsave_on_stop=True\nsnap_on_start=False\nrevisions_to_keep=1\nephemeral=False\n
admin.vm.volume.Info+kernel app1 = ok pool=linux-kernel\nvid=6.1\nsize=1\nusage=1\nrw=False\n
admin.vm.volume.Info+kernel app2 = ok pool=linux-kernel\nvid=6.1\nsize=1\nusage=1\nrw=False\n
admin.vm.volume.Info+nope app1 = fail PermissionDenied Argument not in 'app1 volumes'
admin.vm.volume.Info+private nosuch = fail QubesVMNotFoundError No such domain: 'nosuch'
admin.vm.volume.ListSnapshots+private app1 = ok 
admin.vm.volume.ListSnapshots+kernel app1 = ok 
admin.vm.volume.ListSnapshots+kernel app2 = ok 
admin.vm.volume.ListSnapshots+root tpl = ok 1\n2\n
admin.vm.volume.Info+root tpl = ok pool=p\nvid=v\nsize=10\nusage=5\nis_outdated=False\n
admin.vm.volume.Revert+root tpl = ok
admin.vm.volume.Resize+private app1 = ok
admin.vm.volume.Set.revisions_to_keep+private app1 = ok
END

run qvm-volume
expect 0 'POOL:VOLUME                      VMNAME  VOLUME_NAME  REVERT_POSSIBLE
linux-kernel:6.1                 app1    kernel       No
linux-kernel:6.1                 app2    kernel       No
varlibqubes:appvms/app1/private  app1    private      No' ''
run qvm-volume ls -p varlibqubes app1
expect 0 'POOL:VOLUME                      VMNAME  VOLUME_NAME  REVERT_POSSIBLE
varlibqubes:appvms/app1/private  app1    private      No' ''
run qvm-volume info app1:private
expect 0 'pool               varlibqubes
vid                appvms/app1/private
rw                 True
source             
save_on_stop       True
snap_on_start      False
size               2147483648
usage              0
revisions_to_keep  1
ephemeral          False
List of available revisions (for revert): none' ''
run qvm-volume i tpl:root
expect 0 'pool         p
vid          v
size         10
usage        5
is_outdated  False
List of available revisions (for revert):
  1
  2' ''
run qvm-volume info tpl:root revisions
expect 0 '1
2' ''
run qvm-volume info app1:private size
expect 0 '2147483648' ''
run qvm-volume info nosuch:private
expect 1 '' "qvm-volume: error: no vm 'nosuch'"
run qvm-volume info app1:nope
expect 1 '' "qvm-volume: error: no volume 'nope' in qube 'app1'"
run qvm-volume info app1
expect_usage "'app1' is not of the form VMNAME:VOLUME"

forget_requests
run qvm-volume config app1:private revisions_to_keep -1
expect 0 '' ''
run qvm-volume revert tpl:root
expect 0 '' ''
run qvm-volume revert tpl:root 1
expect 0 '' ''
run qvm-volume resize app1:private 3G
expect 0 '' ''
run qvm-volume extend app1:private 3gib
expect 0 '' ''
expect_requests 'admin.vm.volume.Set.revisions_to_keep+private app1 <- -1
admin.vm.volume.ListSnapshots+root tpl
admin.vm.volume.Revert+root tpl <- 2
admin.vm.volume.Revert+root tpl <- 1
admin.vm.volume.Info+private app1
admin.vm.volume.Resize+private app1 <- 3000000000
admin.vm.volume.Info+private app1
admin.vm.volume.Resize+private app1 <- 3221225472'
run qvm-volume resize app1:private 1GiB
expect 1 '' 'Error: Refusing to shrink volume app1:private from 2147483648 to 1073741824 bytes.
A smaller volume loses what lies behind its new end. Shrink what is in it first, then use --force.'
run qvm-volume resize -f app1:private 1GiB
expect 0 '' ''
run qvm-volume resize app1:private 1T
expect_usage 'Invalid size: 1T.'
run qvm-volume revert app1:private
expect 1 '' 'Error: No snapshots available'
run qvm-volume nosuch
expect_usage "no such command: 'nosuch'"

daemon <<'END'
admin.pool.List dom0 = ok varlibqubes\nlinux-kernel\n
admin.pool.Info+varlibqubes dom0 = ok driver=file-reflink\nname=varlibqubes\ndir_path=/var/lib/qubes\nsize=100\nusage=5\n
admin.pool.Info+linux-kernel dom0 = ok driver=linux-kernel\nname=linux-kernel\n
admin.pool.ListDrivers dom0 = ok callback conf_id\nfile revisions_to_keep dir_path ephemeral_volatile\nnone\n
END
run qvm-pool
expect 0 'NAME          DRIVER
varlibqubes   file-reflink
linux-kernel  linux-kernel' ''
run qvm-pool drivers
expect 0 'DRIVER    OPTIONS
callback  conf_id
file      revisions_to_keep, dir_path, ephemeral_volatile
none      ' ''
run qvm-pool i varlibqubes
expect 0 'name      varlibqubes
driver    file-reflink
dir_path  /var/lib/qubes
size      100
usage     5' ''
run qvm-pool info nope
expect_usage "No such pools: ['nope']"

summary
