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

# States: what each costs; snapshots.
daemon <<END
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid\nwork class=AppVM state=Halted uuid=$uuid\n
admin.vm.volume.List dom0 = ok 
admin.vm.volume.List work = ok private\nkernel\n
admin.vm.volume.Info+private work = ok pool=p\nvid=w\n
admin.vm.volume.Info+kernel work = ok pool=linux-kernel\nvid=6.1\n
admin.vm.volume.ListSnapshots+private work = ok 1\n
admin.vm.volume.ListSnapshots+kernel work = ok 
bulkhead.vm.volume.ListStates+private work = ok id=1 kind=revision time=2026-01-01T00:00:00Z size=64 usage=4096 depth=2 name=before named=2026-01-03T00:00:00Z\nid=5 kind=current time=2026-01-02T00:00:00Z size=64 usage=8192 depth=1 name= named=\n
bulkhead.vm.volume.ListStates+kernel work = ok 
bulkhead.vm.volume.Snapshot+private work = ok
bulkhead.vm.volume.Delete+private work = ok
bulkhead.vm.volume.Work+private work = ok what=folding percent=43\n
END
states='VMNAME  VOLUME_NAME  STATE  KIND      SNAPSHOT  DATE                  BYTES_ON_DISK
work    private      1      revision  before    2026-01-03T00:00:00Z  4096
work    private      5      current   -         2026-01-02T00:00:00Z  8192'
run qvm-volume list --states
expect 0 "$states" ''
run qvm-volume list --states -p p work
expect 0 "$states" ''
run qvm-volume list --states -p linux-kernel
expect 0 'VMNAME  VOLUME_NAME  STATE  KIND  SNAPSHOT  DATE  BYTES_ON_DISK' ''
run qvm-volume info work:private states
expect 0 "$states" ''
run qvm-volume info work:private work
expect 0 'folding 43 %' ''
forget_requests
run qvm-volume snapshot work:private before
expect 0 '' ''
run qvm-volume snapshot --saved work:private before
expect 0 '' ''
run qvm-volume delete work:private before
expect 0 '' ''
expect_requests 'bulkhead.vm.volume.Snapshot+private work <- before
bulkhead.vm.volume.Snapshot+private work <- before saved
bulkhead.vm.volume.Delete+private work <- before'
run qvm-volume snapshot work:private
expect_usage 'the arguments are VMNAME:VOLUME and NAME'

# Content: from a file, from a stream, from another volume, none.
printf 'image' >"$directory/image"
target=$directory/target
daemon <<END
admin.vm.volume.Info+private work = ok size=9\n
internal.vm.volume.ImportBegin+private work = ok 5 $target
internal.vm.volume.ImportBegin+private work = ok 5 $target
internal.vm.volume.ImportBegin+private work = ok 9 $target
internal.vm.volume.ImportBegin+private work = ok 3 $target
internal.vm.volume.ImportEnd+private work = ok
internal.vm.volume.ImportEnd+private work = ok
internal.vm.volume.ImportEnd+private work = fail QubesException Data import failed: so
admin.vm.volume.CloneFrom+root tpl = ok token
admin.vm.volume.CloneTo+private work = ok
admin.vm.volume.Clear+private work = ok
END
: >"$target"
run qvm-volume import work:private "$directory/image"
expect 0 '' ''
[ "$(cat "$target")" = image ] || fail 'import: not copied'
: >"$target"
run_with image qvm-volume import --size 5 work:private -
expect 0 '' ''
[ "$(cat "$target")" = image ] || fail 'import: stream not copied'
run qvm-volume import --no-resize work:private "$directory/image"
expect 1 '' 'qvm-volume: error: Data import failed: so'
run_with image qvm-volume import --size 3 work:private -
expect 1 '' 'qvm-volume: error: Data import failed: so'
run grep Import "$directory/log"
expect 0 'internal.vm.volume.ImportBegin+private work <- 5
internal.vm.volume.ImportEnd+private work <- ok
internal.vm.volume.ImportBegin+private work <- 5
internal.vm.volume.ImportEnd+private work <- ok
internal.vm.volume.ImportBegin+private work
internal.vm.volume.ImportEnd+private work <- fail\nnot enough data (copied 5 bytes, expected 9 bytes)
internal.vm.volume.ImportBegin+private work <- 3
internal.vm.volume.ImportEnd+private work <- fail\ntoo much data (expected 3 bytes)' ''
run qvm-volume import work:private "$directory/none"
expect 1 '' "qvm-volume: error: cannot open '$directory/none': No such file or directory"
run qvm-volume import --size 5 --no-resize work:private "$directory/image"
expect_usage '--size and --no-resize cannot be used together'
forget_requests
run qvm-volume clone tpl:root work:private </dev/null
expect 1 'The content of volume work:private will be overwritten. Continue? [y/N] ' ''
run qvm-volume clone -f tpl:root work:private
expect 0 '' ''
run qvm-volume clear work:private </dev/null
expect 1 'The content of volume work:private will be removed. Continue? [y/N] ' ''
run qvm-volume clear --force work:private
expect 0 '' ''
expect_requests 'admin.vm.volume.CloneFrom+root tpl
admin.vm.volume.CloneTo+private work <- token
admin.vm.volume.Clear+private work'

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
