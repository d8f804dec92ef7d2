#!/bin/bash
# qvm-check, qvm-features, qvm-service, qvm-tags.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"

uuid=00000000-0000-0000-0000-000000000000
daemon <<END
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid\napp1 class=AppVM state=Running uuid=$uuid\ntpl class=TemplateVM state=Halted uuid=$uuid\n
bulkhead.vm.Overview dom0 = ok app1 class=AppVM state=Running uuid=$uuid netvm=x provides_network=False\ntpl class=TemplateVM state=Halted uuid=$uuid netvm= provides_network=False\n
admin.vm.feature.List app1 = ok os\nservice.cups\nservice.longer-name\nempty\n
admin.vm.feature.Get+os app1 = ok Linux
admin.vm.feature.Get+service.cups app1 = ok 1
admin.vm.feature.Get+service.longer-name app1 = ok 
admin.vm.feature.Get+empty app1 = ok 
admin.vm.feature.Get+none app1 = fail QubesFeatureNotFoundError Feature not set for domain app1: none
admin.vm.feature.Get+service.none app1 = fail QubesFeatureNotFoundError Feature not set for domain app1: service.none
admin.vm.feature.Set+os app1 = ok
admin.vm.feature.Set+service.cups app1 = ok
admin.vm.feature.Remove+os app1 = ok
admin.vm.feature.Remove+none app1 = fail QubesFeatureNotFoundError Feature not set for domain app1: none
admin.vm.feature.Remove+service.cups app1 = ok
admin.vm.tag.List app1 = ok created-by-dom0\nwork\n
admin.vm.tag.Get+work app1 = ok 1
admin.vm.tag.Get+none app1 = ok 0
admin.vm.tag.Set+a app1 = ok
admin.vm.tag.Set+b app1 = ok
admin.vm.tag.Remove+a app1 = ok
admin.vm.tag.Remove+none app1 = fail QubesTagNotFoundError Tag not set for domain app1: none
admin.vm.tag.List nosuch = fail QubesVMNotFoundError No such domain: 'nosuch'
admin.vm.feature.List nosuch = fail QubesVMNotFoundError No such domain: 'nosuch'
END

run qvm-check app1
expect 0 '' 'qvm-check: app1: exists'
run qvm-check app1 nosuch
expect 1 '' 'qvm-check: app1: exists
qvm-check: nosuch: non-existent!'
run qvm-check -q app1 nosuch
expect 1 '' ''
run qvm-check --running app1
expect 0 '' ''
run qvm-check --running tpl
expect 1 '' 'qvm-check: None of qubes: running'
run qvm-check --running app1 tpl
expect 0 '' 'qvm-check: Only some of qubes: running: app1'
run qvm-check --template tpl
expect 0 '' ''
run qvm-check --networked app1
expect 0 '' ''
run qvm-check --networked tpl
expect 1 '' 'qvm-check: None of qubes: networked'
run qvm-check --running nosuch
expect_usage "no such domain: 'nosuch'"

run qvm-features app1
expect 0 'os                   Linux
service.cups         1
service.longer-name  
empty                ' ''
run qvm-features app1 os
expect 0 'Linux' ''
run qvm-features app1 empty
expect 0 '' ''
run qvm-features app1 none
expect 1 '' ''
forget_requests
run qvm-features app1 os Other
expect 0 '' ''
run qvm-features app1 os ''
expect 0 '' ''
run qvm-features --unset app1 os
expect 0 '' ''
run qvm-features app1 -D none
expect 0 '' ''
expect_requests 'admin.vm.feature.Set+os app1 <- Other
admin.vm.feature.Set+os app1
admin.vm.feature.Remove+os app1
admin.vm.feature.Remove+none app1'
run qvm-features nosuch
expect_usage "no such domain: 'nosuch'"
run qvm-features app1 'a b' 1
expect 1 '' "qvm-features: error: 'a b': contains illegal characters"

run qvm-service app1
expect 0 'cups         on
longer-name  off' ''
run qvm-service app1 cups
expect 0 'on' ''
run qvm-service app1 none
expect 1 '' ''
forget_requests
run qvm-service app1 cups on
expect 0 '' ''
run qvm-service app1 cups off
expect 0 '' ''
run qvm-service -e app1 cups
expect 0 '' ''
run qvm-service app1 -d cups
expect 0 '' ''
run qvm-service app1 --default cups
expect 0 '' ''
expect_requests 'admin.vm.feature.Set+service.cups app1 <- 1
admin.vm.feature.Set+service.cups app1
admin.vm.feature.Set+service.cups app1 <- 1
admin.vm.feature.Set+service.cups app1
admin.vm.feature.Remove+service.cups app1'
run qvm-service app1 cups maybe
expect_usage "'maybe' is neither 'on' nor 'off'"

run qvm-tags app1
expect 0 'created-by-dom0
work' ''
run qvm-tags app1 ls work
expect 0 'work' ''
run qvm-tags app1 list none
expect 1 '' ''
forget_requests
run qvm-tags app1 add a b
expect 0 '' ''
run qvm-tags app1 del a none
expect 0 '' ''
expect_requests 'admin.vm.tag.Set+a app1
admin.vm.tag.Set+b app1
admin.vm.tag.Remove+a app1
admin.vm.tag.Remove+none app1'
run qvm-tags app1 foo
expect_usage "no such command: 'foo'"
run qvm-tags nosuch
expect_usage "no such domain: 'nosuch'"

summary
