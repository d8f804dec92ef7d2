#!/bin/bash
# qvm-notes.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"

daemon <<END
admin.vm.notes.Get app1 = ok first\nsecond
admin.vm.notes.Get empty = ok 
admin.vm.notes.Set app1 = ok
admin.vm.notes.Set empty = ok
admin.vm.notes.Get nosuch = fail QubesVMNotFoundError No such domain: 'nosuch'
END
export VISUAL=true

run qvm-notes app1 --print
expect 0 'first
second' ''
run qvm-notes -p nosuch
expect_usage "no such domain: 'nosuch'"
forget_requests
run qvm-notes app1 --set 'a b'
expect 0 '' ''
run qvm-notes app1 --append third
expect 0 '' ''
run qvm-notes empty --append third
expect 0 '' ''
run_with 'from outside' qvm-notes app1 -i -
expect 0 '' ''
run qvm-notes -d -f app1
expect 0 '' ''
expect_requests 'admin.vm.notes.Set app1 <- a b
admin.vm.notes.Get app1
admin.vm.notes.Set app1 <- first\nsecond\nthird
admin.vm.notes.Get empty
admin.vm.notes.Set empty <- third
admin.vm.notes.Set app1 <- from outside
admin.vm.notes.Set app1'

run qvm-notes -d app1
expect 1 "Delete the notes of 'app1'? [y/N] " ''
run_with y qvm-notes -d app1
expect 0 "Delete the notes of 'app1'? [y/N] " ''
expect_requests 'admin.vm.notes.Set app1'

# The editor: what is as it was is not sent, and what it fails on is not.
run qvm-notes app1
expect 0 '' ''
VISUAL=false run qvm-notes app1 -e
expect 1 '' 'qvm-notes: error: the editor failed: nothing is changed'
VISUAL='printf new >' run qvm-notes app1
expect 0 '' ''
expect_requests 'admin.vm.notes.Get app1
admin.vm.notes.Get app1
admin.vm.notes.Get app1
admin.vm.notes.Set app1 <- new'

head -c 256001 /dev/zero | tr '\0' x >"$directory/long"
run qvm-notes app1 -i "$directory/long"
[ "$status" = 1 ] || fail "a text that is too long: status $status"
head -c 10 /dev/zero >"$directory/zeros"
run qvm-notes app1 -i "$directory/zeros"
expect 1 '' "qvm-notes: error: file '$directory/zeros': is not text"
expect_requests ''
run qvm-notes
expect_usage 'the following arguments are required: VMNAME'
run qvm-notes app1 -p -d
expect_usage 'only one of the actions is possible at a time'
summary
