#!/bin/bash
# The tools and the real bulkheadd together: what one says the other understands. No qube is
# started here.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"
bulkheadd=$3

mkfifo "$directory/ready"
ASAN_OPTIONS=detect_leaks=0 "$bulkheadd" --ready-fd=3 3>"$directory/ready" \
	</dev/null >/dev/null 2>"$directory/log" &
daemon_pid=$!
read -r -t 60 <"$directory/ready" || {
	cat "$directory/log"
	fail 'bulkheadd is not ready'
}

run qvm-ls
expect 0 'NAME  STATE    CLASS    LABEL  TEMPLATE  NETVM
dom0  Running  AdminVM  black  -         -' ''
run qvm-create -C TemplateVM -l black tpl
expect 0 '' ''
run qvm-create --template tpl --label red --prop memory=300 work
expect 0 '' ''
run qvm-create --template tpl --label red work
expect 1 '' 'app: Error creating VM: Qube already exists: work'
run qvm-create --label pink x
expect_usage "no such label: 'pink'; available: red, orange, yellow, green, gray, blue, purple, black"
run qvm-create --class Foo --label red x
expect_usage "no such domain class: 'Foo'"
run qvm-create --template tpl --label red 1x
expect 1 '' 'app: Error creating VM: VM name cannot start with hyphen, underscore, dot or numbers'
run qvm-create --template tpl --label red --prop vcpus=many odd
expect 2 '' 'app: Error setting property vcpus (but VM created): Failed to parse property value as int'
run qvm-ls --fields name,state,class,label,template,memory,vcpus,kernelopts
expect 0 'NAME  STATE    CLASS       LABEL  TEMPLATE  MEMORY  VCPUS  KERNELOPTS
dom0  Running  AdminVM     black  -         '"$(qvm-ls --raw-data -O memory dom0)"'   -      -
odd   Halted   AppVM       red    tpl       -       2      swiotlb=2048
tpl   Halted   TemplateVM  black  -         -       2      swiotlb=2048
work  Halted   AppVM       red    tpl       -       2      swiotlb=2048' ''
for format in simple network kernel full prefs disk; do
	run qvm-ls --format "$format" --raw-data work
	checks=$((checks + 1))
	[ "$status:$(cat "$directory/err")" = 0: ] || fail "format $format" "$(cat "$directory/err")"
done

run qvm-prefs work kernelopts 'a b\c'
expect 0 '' ''
run qvm-prefs work kernelopts
expect 0 'a b\c' ''
run qvm-ls --raw-data -O kernelopts work
expect 0 'a b\c' ''
run qvm-prefs --hide-default work memory
expect 0 '300' ''
run qvm-prefs work nosuch
expect_usage "no such property: 'nosuch'"
run qvm-prefs work netvm odd
expect 1 '' 'qvm-prefs: error: The odd qube does not provide network'
run qvm-prefs work netvm None
expect 0 '' ''
run qvm-prefs odd provides-network true
expect 0 '' ''
run qvm-prefs work netvm odd
expect 0 '' ''
run qvm-ls --tree --raw-data -O name odd work
expect 0 'odd
└─work' ''
run qvm-prefs -D work netvm
expect 0 '' ''
run qubes-prefs default_netvm
expect 0 '' ''

run qvm-features work os Linux
expect 0 '' ''
run qvm-service work cups on
expect 0 '' ''
run qvm-features work
expect 0 'os            Linux
service.cups  1' ''
run qvm-service work
expect 0 'cups  on' ''
run qvm-features work none
expect 1 '' ''
run qvm-features -D work none
expect 0 '' ''
run qvm-tags work add banking
expect 0 '' ''
run qvm-tags work list banking
expect 0 'banking' ''
run qvm-tags work del none
expect 0 '' ''
run qvm-ls --raw-list --tags banking
expect 0 'work' ''
run qvm-ls --raw-list --features os=Linux
expect 0 'work' ''

run qvm-volume resize work:private 3GiB
expect 0 '' ''
run qvm-volume info work:private size
expect 0 '3221225472' ''
run qvm-volume config work:private revisions_to_keep 5
expect 0 '' ''
run qvm-volume info work:private revisions_to_keep
expect 0 '5' ''
run qvm-volume info work:nope
expect 1 '' "qvm-volume: error: no volume 'nope' in qube 'work'"
run qvm-volume info nope:private
expect 1 '' "qvm-volume: error: no vm 'nope'"
run qvm-volume revert work:private
expect 1 '' 'Error: No snapshots available'
run qvm-pool
checks=$((checks + 1))
[ "$(head -n 1 "$directory/out")" = 'NAME          DRIVER' ] || fail 'qvm-pool'

run qvm-check work nosuch
expect 1 '' 'qvm-check: work: exists
qvm-check: nosuch: non-existent!'
run qvm-shutdown --wait work
expect 0 '' ''
run qvm-kill work
expect 0 '' ''
run qvm-unpause work
expect 1 '' "Error: Failed to unpause/resume: work: Domain is not paused: 'work'"

run qvm-clone work copy
expect 0 '' ''
run qvm-ls --raw-data -O name,label,template,kernelopts copy
expect 0 'copy|red|tpl|a b\c' ''
run qvm-features copy os
expect 0 'Linux' ''
run qvm-tags copy list banking
expect 0 'banking' ''
run qvm-volume info copy:private size
expect 0 '3221225472' ''
run qvm-remove -f tpl
expect 1 '' "VM tpl cannot be removed. It is in use as:
 - template for copy
 - template for odd
 - template for work
qvm-remove: error: Domain is in use: 'tpl';  see 'journalctl -u qubesd -e' in dom0 for details"
run qvm-remove -f copy odd work
expect 0 '' ''
run qvm-remove -f tpl
expect 0 '' ''
run qvm-ls --raw-list
expect 0 'dom0' ''

run_with '' qubesd-query --fail dom0 admin.vm.List nosuch
checks=$((checks + 1))
[ "$status" = 2 ] || fail "qubesd-query --fail: status $status"
run qvm-check --all
expect 0 '' ''

summary
