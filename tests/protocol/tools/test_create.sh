#!/bin/bash
# qvm-create, qvm-clone, qvm-remove.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"

uuid=00000000-0000-0000-0000-000000000000
classes='admin.vmclass.List dom0 = ok AdminVM\nAppVM\nDispVM\nRemoteVM\nStandaloneVM\nTemplateVM\n'
labels='admin.label.List dom0 = ok red\norange\nblue\n'

daemon <<END
$classes
$labels
admin.vm.Create.AppVM+tpl dom0 = ok
admin.vm.Create.AppVM+tpl dom0 = fail QubesVMAlreadyExistsError Qube already exists: x1
admin.vm.Create.AppVM dom0 = ok
admin.vm.Create.DispVM dom0 = ok
admin.vm.CreateInPool.AppVM dom0 = ok
admin.vm.property.Set+memory x1 = ok
admin.vm.property.Set+vcpus x1 = fail QubesValueError Failed to parse property value as int
END
run qvm-create --class AppVM --template tpl --label red x1
expect 0 '' ''
expect_requests_sorted 'admin.label.List dom0
admin.vm.Create.AppVM+tpl dom0 <- name=x1 label=red
admin.vmclass.List dom0'
run qvm-create -t tpl -l red x1
expect 1 '' 'app: Error creating VM: Qube already exists: x1'
forget_requests
run qvm-create --label blue --prop memory=500 --property vcpus=many x1
expect 2 '' 'app: Error setting property vcpus (but VM created): Failed to parse property value as int'
expect_requests_sorted 'admin.label.List dom0
admin.vm.Create.AppVM dom0 <- name=x1 label=blue
admin.vm.property.Set+memory x1 <- 500
admin.vm.property.Set+vcpus x1 <- many
admin.vmclass.List dom0'
run qvm-create --disp x1
expect 0 '' ''
expect_requests_sorted 'admin.label.List dom0
admin.vm.Create.DispVM dom0 <- name=x1 label=red
admin.vmclass.List dom0'
run qvm-create -l red -p private=fast -p root=slow x1
expect 0 '' ''
run qvm-create -l red -P fast x1
expect 0 '' ''
expect_requests_sorted 'admin.label.List dom0
admin.label.List dom0
admin.vm.CreateInPool.AppVM dom0 <- name=x1 label=red pool:private=fast pool:root=slow
admin.vm.CreateInPool.AppVM dom0 <- name=x1 label=red pool=fast
admin.vmclass.List dom0
admin.vmclass.List dom0'

run qvm-create x1
expect_usage '--label option is mandatory'
run qvm-create --label red
expect_usage 'VMNAME is mandatory'
run qvm-create --label pink x1
expect_usage "no such label: 'pink'; available: red, orange, blue"
run qvm-create --class Foo --label red x1
expect_usage "no such domain class: 'Foo'"
run qvm-create --label red -p private x1
expect_usage 'Pool argument must be of form: -p volume_name=pool_name'
run qvm-create --label red -r "$directory/none" x1
expect_usage 'File pointed by --root-copy-from/--root-move-from does not exist'
run qvm-create --help-classes
expect 0 'AdminVM
AppVM
DispVM
RemoteVM
StandaloneVM
TemplateVM' ''

# A root image goes where the daemon says, by way of the socket for programs of dom0.
printf 'image' >"$directory/image"
: >"$directory/target"
daemon <<END
$classes
$labels
admin.vm.Create.StandaloneVM dom0 = ok
internal.vm.volume.ImportBegin+root x1 = ok 5 $directory/target
internal.vm.volume.ImportBegin+root x1 = ok 9 $directory/target
internal.vm.volume.ImportEnd+root x1 = ok
END
run qvm-create -C StandaloneVM -l red -r "$directory/image" x1
expect 0 '' ''
[ "$(cat "$directory/target")" = image ] || fail 'root image: not copied'
[ -e "$directory/image" ] || fail 'root image: removed'
run qvm-create -C StandaloneVM -l red -R "$directory/image" x1
expect 3 '' 'app: Error importing root volume (but VM created): not enough data (copied 5 bytes, expected 9 bytes)'
[ -e "$directory/image" ] || fail 'root image: removed after a failure'
run tail -n 2 "$directory/log"
expect 0 'internal.vm.volume.ImportBegin+root x1 <- 5
internal.vm.volume.ImportEnd+root x1 <- fail\nnot enough data (copied 5 bytes, expected 9 bytes)' ''
run qvm-create -C AppVM -l red -r "$directory/image" x1
expect_usage '--root-copy-from/--root-move-from: a qube of class AppVM has no own root volume'

# Clone: created, then filled piece by piece.
daemon <<'END'
admin.vm.property.GetAll src = ok klass default=True type=str AppVM\nlabel default=False type=label red\ntemplate default=False type=vm tpl\nmemory default=False type=int 500\nname default=False type=str src\nqid default=False type=int 3\nuuid default=False type=str u\nvcpus default=True type=int 2\nnetvm default=False type=vm \n
admin.vm.Create.AppVM+tpl dom0 = ok
admin.vm.property.Set+memory new = ok
admin.vm.property.Set+netvm new = ok
admin.vm.tag.List src = ok created-by-dom0\nwork\n
admin.vm.tag.Set+work new = ok
admin.vm.feature.List src = ok service.cups\npreload-dispvm\n
admin.vm.feature.Get+service.cups src = ok 1
admin.vm.feature.Set+service.cups new = ok
admin.vm.volume.List src = ok root\nprivate\nvolatile\n
admin.vm.volume.Info+root new = ok pool=p\nsave_on_stop=False\n
admin.vm.volume.Info+private new = ok pool=p\nsave_on_stop=True\n
admin.vm.volume.Info+volatile new = ok pool=p\nsave_on_stop=False\n
admin.vm.volume.CloneFrom+private src = ok TOKEN
admin.vm.volume.CloneTo+private new = ok
admin.vm.volume.CloneTo+private new = fail StoragePoolException no space left
admin.vm.Remove new = ok
END
run qvm-clone src new
expect 0 '' ''
expect_requests 'admin.vm.property.GetAll src
admin.vm.Create.AppVM+tpl dom0 <- name=new label=red
admin.vm.property.Set+memory new <- 500
admin.vm.property.Set+netvm new
admin.vm.tag.List src
admin.vm.tag.Set+work new
admin.vm.feature.List src
admin.vm.feature.Get+service.cups src
admin.vm.feature.Set+service.cups new <- 1
admin.vm.notes.Get src
admin.vm.firewall.Get src
admin.vm.volume.List src
admin.vm.volume.Info+root new
admin.vm.volume.Info+private new
admin.vm.volume.CloneFrom+private src
admin.vm.volume.CloneTo+private new <- TOKEN
admin.vm.volume.Info+volatile new'
# A failure leaves no half-made qube behind.
run qvm-clone src new
expect 1 '' "qvm-clone: error: volume 'private': no space left"
run tail -n 1 "$directory/log"
expect 0 'admin.vm.Remove new' ''
run qvm-clone src
expect_usage 'the arguments are VMNAME and NEWVM'

# A standalone qube from a template is a clone without the template's private data.
daemon <<END
$classes
$labels
admin.vm.property.GetAll tpl = ok klass default=True type=str TemplateVM\nlabel default=False type=label black\n
admin.vm.Create.StandaloneVM dom0 = ok
admin.vm.tag.List tpl = ok
admin.vm.feature.List tpl = ok
admin.vm.volume.List tpl = ok root\nprivate\n
admin.vm.volume.Info+root alone = ok save_on_stop=True\n
admin.vm.volume.CloneFrom+root tpl = ok TOKEN
admin.vm.volume.CloneTo+root alone = ok
END
run qvm-create --standalone -t tpl -l red alone
expect 0 '' ''

# Remove: asks, and explains who needs the qube.
daemon <<END
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid\napp1 class=AppVM state=Halted uuid=$uuid\ndisp2600 class=DispVM state=Halted uuid=$uuid\nnd class=DispVM state=Halted uuid=$uuid\n
admin.vm.Remove app1 = fail QubesVMInUseError Domain is in use: 'app1'; see %s
admin.vm.Remove nd = ok
admin.property.GetAll dom0 = ok default_dispvm default=False type=vm app1\nclockvm default=True type=vm app1\n
admin.vm.property.GetAll dom0 = ok label default=False type=label black\n
admin.vm.property.GetAll app1 = ok name default=False type=str app1\n
admin.vm.property.GetAll disp2600 = ok template default=False type=vm app1\n
admin.vm.property.GetAll nd = ok template default=False type=vm app1\nnetvm default=True type=vm app1\n
END
run_with 'y
' qvm-remove app1
expect 1 '  app1
Are you sure? [y/N] ' "This will completely remove the selected VM(s)...
VM app1 cannot be removed. It is in use as:
 - global property default_dispvm
 - template for disp2600
 - template for nd
qvm-remove: error: Domain is in use: 'app1'; see %s"
run_with 'n
' qvm-remove app1
expect 1 '  app1
Are you sure? [y/N] ' 'This will completely remove the selected VM(s)...'
run qvm-remove app1
expect 1 '  app1
Are you sure? [y/N] ' 'This will completely remove the selected VM(s)...'
forget_requests
run qvm-remove -f nd
expect 0 '' ''
expect_requests 'admin.vm.List dom0
admin.vm.Remove nd'
run qvm-remove -f dom0
expect 1 '' "qvm-remove: error: Domain 'dom0' cannot be removed"
run qvm-remove nosuch
expect_usage "no such domain: 'nosuch'"

summary
