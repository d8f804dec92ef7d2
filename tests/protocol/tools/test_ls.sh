#!/bin/bash
# qvm-ls: one round trip, and exactly the tables that users know.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"

uuid=00000000-0000-0000-0000-000000000000
daemon <<END
bulkhead.vm.Overview dom0 = ok app1 class=AppVM state=Halted uuid=$uuid label=red template=tpl netvm=\ndisp2600 class=DispVM state=Halted uuid=$uuid label=red template=app1 netvm=\ndom0 class=AdminVM state=Running uuid=$uuid label=black\nlonely class=StandaloneVM state=Running uuid=$uuid label=a\\\\sb netvm=app1\n
admin.vm.List dom0 = ok app1 class=AppVM state=Halted uuid=$uuid\ndisp2600 class=DispVM state=Halted uuid=$uuid\ndom0 class=AdminVM state=Running uuid=$uuid\nlonely class=StandaloneVM state=Running uuid=$uuid\n
END

run qvm-ls
expect 0 'NAME      STATE    CLASS         LABEL  TEMPLATE  NETVM
app1      Halted   AppVM         red    tpl       -
disp2600  Halted   DispVM        red    app1      -
dom0      Running  AdminVM       black  -         -
lonely    Running  StandaloneVM  a b    -         app1' ''
expect_requests 'bulkhead.vm.Overview dom0 <- label\ntemplate\nnetvm\n'

run qvm-ls --raw-data -O name,state,netvm
expect 0 'app1|Halted|-
disp2600|Halted|-
dom0|Running|-
lonely|Running|app1' ''

run qvm ls --json -O name,netvm app1
expect 0 '[
 {"name": "app1", "netvm": null}
]' ''

run qvm-ls --json -O Name,LABEL lonely
expect 0 '[
 {"name": "lonely", "label": "a b"}
]' ''

run qvm-ls --tree -O name,netvm
expect 0 'NAME      NETVM
app1      -
└─lonely  app1
disp2600  -
dom0      -' ''

run qvm-ls --all --exclude app1 --raw-data -O name
expect 0 'disp2600
lonely' ''
run qvm-ls --raw-data -O name 'd*' lonely
expect 0 'disp2600
dom0
lonely' ''
run qvm-ls --running --raw-data -O name
expect 0 'dom0
lonely' ''
run qvm-ls --class AppVM DispVM --raw-data -O name
expect 0 'app1
disp2600' ''
run qvm-ls --label red --halted --raw-data -O name --sort name --reverse
expect 0 'disp2600
app1' ''
run qvm-ls --netvm-is app1 --raw-data -O name,foo
expect 0 'lonely|-' ''

run qvm-ls -O name nosuch
expect_usage "no such domain: 'nosuch'"
run qvm-ls -O name 'x*'
expect_usage "no such domain: 'x*'"
run qvm-ls --exclude app1
expect_usage '--exclude can only be used with --all'
run qvm-ls --all app1
expect_usage 'VMNAME and --all cannot be used together'
run qvm-ls -o nosuch
expect_usage "no such format: 'nosuch'; --help-formats lists them"
run qvm-ls --sort memory
expect_usage "--sort: column 'memory' is not shown"
run qvm-ls --internal maybe
expect_usage '--internal: the value is y or n'
run qvm-ls --nosuch
expect_usage "unknown option '--nosuch'"

# A list of names alone needs no properties.
daemon <<END
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid extra=word\nb class=AppVM state=Halted uuid=$uuid\na class=AppVM state=Halted uuid=$uuid\n
END
run qvm-ls --raw-list
expect 0 'a
b
dom0' ''
expect_requests 'admin.vm.List dom0'

# A daemon without the extension: one call for each qube.
daemon <<END
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid\napp1 class=AppVM state=Halted uuid=$uuid\n
admin.vm.property.GetAll dom0 = ok label default=False type=label black\n
admin.vm.property.GetAll app1 = ok label default=False type=label red\ntemplate default=False type=vm tpl\nnetvm default=True type=vm \nmemory default=True type=int \nkernelopts default=False type=str a\\\\\\\\b\\\\nc\n
END
run qvm-ls
expect 0 'NAME  STATE    CLASS    LABEL  TEMPLATE  NETVM
app1  Halted   AppVM    red    tpl       -
dom0  Running  AdminVM  black  -         -' ''
run qvm-ls --raw-data -O name,initialmem,kernelopts app1
expect 0 'app1|-|a\b c' ''

# Features, tags, memory and volumes are asked only for the qubes that are left, all at once.
daemon <<END
bulkhead.vm.Overview dom0 = ok app1 class=AppVM state=Running uuid=$uuid virt_mode=pvh debug=True autostart=True\napp2 class=TemplateVM state=Paused uuid=$uuid virt_mode=hvm updateable=True\ndom0 class=AdminVM state=Running uuid=$uuid updateable=True\n
admin.vm.List dom0 = ok app1 class=AppVM state=Running uuid=$uuid\napp2 class=TemplateVM state=Paused uuid=$uuid\ndom0 class=AdminVM state=Running uuid=$uuid\n
admin.vm.feature.Get+internal app1 = ok 1
admin.vm.feature.Get+internal app2 = fail QubesFeatureNotFoundError Feature not set for domain app2: internal
admin.vm.feature.Get+internal dom0 = fail QubesFeatureNotFoundError Feature not set for domain dom0: internal
admin.vm.tag.List app1 = ok a\nb\n
admin.vm.tag.List app2 = ok c\n
admin.vm.tag.List dom0 = ok 
admin.vm.CurrentState app1 = ok mem=409600 mem_static_max=819200 cputime=1 power_state=Running
admin.vm.CurrentState app2 = ok mem=204800 mem_static_max=819200 cputime=1 power_state=Paused
admin.vm.CurrentState dom0 = ok mem=0 mem_static_max=0 cputime=0 power_state=Running
admin.vm.volume.List app1 = ok root\nprivate\n
admin.vm.volume.Info+root app1 = ok pool=p\nvid=v\nsize=10737418240\nusage=1073741824\nrw=True\n
admin.vm.volume.Info+private app1 = ok pool=q\nvid=w\nsize=2147483648\nusage=0\nrw=True\n
END
run qvm-ls -O name,flags
expect 0 'NAME  FLAGS
app1  ar---iDA
app2  TpU-----
dom0  0rU-----' ''
run qvm-ls --tags b c --raw-list
expect 0 'app1
app2' ''
run qvm-ls --exclude-tags b --raw-list
expect 0 'app2
dom0' ''
run qvm-ls --internal y --raw-list
expect 0 'app1' ''
run qvm-ls --features internal=1 --raw-list
expect 0 'app1' ''
run qvm-ls --features internal --raw-list
expect 0 'app2
dom0' ''
forget_requests
run qvm-ls -O name,memory --sort memory --reverse
expect 0 'NAME  MEMORY
app1  400
app2  200
dom0  -' ''
expect_requests 'admin.vm.List dom0
admin.vm.CurrentState app1
admin.vm.CurrentState app2
admin.vm.CurrentState dom0'
run qvm-ls --disk app1
expect 0 'NAME  STATE    DISK  PRIV-CURR  PRIV-MAX  PRIV-USED  ROOT-CURR  ROOT-MAX  ROOT-USED
app1  Running  1024  0          2048      0%         1024       10240     10%' ''

run qvm-ls --help-formats
expect 0 'Formats:
  simple    NAME,STATE,CLASS,LABEL,TEMPLATE,NETVM
  network   NAME,STATE,NETVM,IP,IPBACK,GATEWAY
  kernel    NAME,STATE,CLASS,TEMPLATE,KERNEL,KERNELOPTS
  full      NAME,STATE,CLASS,LABEL,QID,XID,UUID
  prefs     NAME,LABEL,TEMPLATE,NETVM,VCPUS,INITIALMEM,MAXMEM,VIRT-MODE
  disk      NAME,STATE,DISK,PRIV-CURR,PRIV-MAX,PRIV-USED,ROOT-CURR,ROOT-MAX,ROOT-USED' ''

# Answers that are no lists end in one clear line.
daemon <<END
admin.vm.List dom0 = ok no words here\n
END
run qvm-ls --raw-list
expect 1 '' 'qvm-ls: error: list of qubes: line 1: not in the form of the API'

summary
