#!/bin/bash
# qvm-prefs and qubes-prefs.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"

daemon <<'END'
admin.vm.property.GetAll app1 = ok label default=False type=label red\nautostart default=True type=bool False\nbackup_timestamp default=True type=int \ndefault_dispvm default=True type=vm \ndns default=True type=str \nnetvm default=False type=vm \nkernelopts default=False type=str a\\nb\n
admin.vm.property.GetAll nosuch = fail QubesVMNotFoundError No such domain: 'nosuch'
admin.vm.property.Get+label app1 = ok default=False type=label red
admin.vm.property.Get+netvm app1 = ok default=True type=vm 
admin.vm.property.Get+dns app1 = ok default=True type=str 
admin.vm.property.Get+memory app1 = ok default=True type=int 
admin.vm.property.Get+nosuch app1 = fail QubesNoSuchPropertyError Invalid property 'nosuch' of app1
admin.vm.property.Set+vcpus app1 = fail QubesValueError Failed to parse property value as int
admin.vm.property.Set+memory app1 = ok
admin.vm.property.Set+netvm app1 = ok
admin.vm.property.Set+kernel app1 = ok
admin.vm.property.Set+qrexec_timeout app1 = ok
admin.vm.property.Set+nosuch app1 = fail QubesNoSuchPropertyError Invalid property 'nosuch' of app1
admin.vm.property.Reset+memory app1 = ok
admin.vm.property.List app1 = ok label\nnetvm\n
admin.vm.property.Help+label app1 = ok Colour of the borders of the windows of this qube, which is a promise that they are its and nobody else's.
admin.vm.property.Help+netvm app1 = ok Qube that gives this one its network.
admin.property.GetAll dom0 = ok clockvm default=True type=vm \ndefault_kernel default=True type=str \n
admin.property.Set+default_netvm dom0 = ok
admin.property.Get+clockvm dom0 = ok default=True type=vm 
END

run qvm-prefs app1
expect 0 'autostart         D  False
backup_timestamp  U
default_dispvm    D  None
dns               D  
kernelopts        -  a
b
label             -  red
netvm             -  None' ''
expect_requests 'admin.vm.property.GetAll app1'
run qvm-prefs --hide-default app1
expect 0 'kernelopts        -  a
b
label             -  red
netvm             -  None' ''

run qvm-prefs app1 label
expect 0 'red' ''
run qvm-prefs -g app1 label
expect 0 'red' ''
run qvm-prefs app1 netvm
expect 0 '' ''
run qvm-prefs app1 memory
expect 0 '' ''
run qvm-prefs app1 nosuch
expect_usage "no such property: 'nosuch'"
run qvm-prefs nosuch
expect_usage "no such domain: 'nosuch'"
run qvm-prefs
expect_usage 'the following arguments are required: VMNAME'

forget_requests
run qvm-prefs app1 memory 400
expect 0 '' ''
run qvm-prefs app1 netvm nOnE
expect 0 '' ''
run qvm-prefs app1 netvm ''
expect 0 '' ''
run qvm-prefs -s app1 kernel None
expect 0 '' ''
run qvm-prefs app1 qrexec-timeout 100
expect 0 '' ''
run qvm-prefs --default app1 memory
expect 0 '' ''
expect_requests 'admin.vm.property.Set+memory app1 <- 400
admin.vm.property.Set+netvm app1
admin.vm.property.Set+netvm app1
admin.vm.property.Set+kernel app1 <- None
admin.vm.property.Set+qrexec_timeout app1 <- 100
admin.vm.property.Reset+memory app1'
run qvm-prefs app1 vcpus many
expect 1 '' 'qvm-prefs: error: Failed to parse property value as int'
run qvm-prefs app1 nosuch 1
expect_usage "no such property: 'nosuch'"
run qvm-prefs app1 memory 1 2
expect_usage "too many arguments: '2'"

run qvm-prefs --help-properties app1
expect 0 "  label  Colour of the borders of the windows of this qube, which is a promise
         that they are its and nobody else's.
  netvm  Qube that gives this one its network." ''

run qubes-prefs
expect 0 'clockvm         D  None
default_kernel  D  ' ''
run qubes-prefs default-netvm None
expect 0 '' ''
run qubes-prefs clockvm
expect 0 '' ''

summary
