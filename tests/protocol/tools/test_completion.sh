#!/bin/bash
# What bash offers after a tabulator, with names from the daemon.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=completion/qvm.bash
. "$3"
export PATH=$4:$5:$6:$PATH

uuid=00000000-0000-0000-0000-000000000000
daemon <<END
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid\nwork class=AppVM state=Running uuid=$uuid\nweb class=AppVM state=Running uuid=$uuid\n
admin.label.List+ dom0 = ok red\norange\nblue\n
admin.vmclass.List dom0 = ok AppVM\nDispVM\n
admin.vm.property.GetAll work = ok label default=False type=label red\nmemory default=True type=int 400\n
admin.vm.volume.List work = ok root\n
admin.vm.volume.List web = ok root\n
admin.vm.volume.List dom0 = ok
admin.vm.volume.Info+root work = ok pool=p\nvid=a\n
admin.vm.volume.Info+root web = ok pool=p\nvid=b\n
admin.vm.volume.ListSnapshots+root work = ok
admin.vm.volume.ListSnapshots+root web = ok
END

# offers EXPECTED WORD...: the cursor stands behind the last word.
offers() {
	local expected=$1
	shift
	checks=$((checks + 1))
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_qvm
	[ "${COMPREPLY[*]}" = "$expected" ] || fail "$*: '${COMPREPLY[*]}', expected '$expected'"
}

offers 'prefs pause pool' qvm p
offers 'web work' qvm-start w
offers 'dom0 web work' qvm ls ''
offers '--reverse' qvm-ls --rev
offers 'web work' qvm-sync-appmenus w
offers '--skip-if-running' qvm start --s
offers 'red' qvm-create --label r
offers 'AppVM DispVM' qvm-create -C ''
offers 'label memory' qvm-prefs work ''
offers 'red orange blue' qvm-prefs work label ''
offers 'web work' qvm-prefs work netvm w
offers 'on off' qvm-service work cups ''
offers 'list add del' qvm-tags work ''
offers 'info import' qvm-volume i
offers 'work:root web:root' qvm-volume info ''
offers '--full' qvm-volume list --fu
offers '--force' qvm-volume resize --fo
offers 'simple' qvm-ls -o s
offers '' qvm-create ''
offers 'list undo' qvm-transfer ''
offers 'dom0 web work' qvm-transfer list ''
offers '' qvm-transfer list work ''
offers '--verbose --version' qvm-transfer --ver
offers 'copy clear' qvm-clipboard c
offers '' qvm-clipboard status ''

mkdir -p "$BULKHEAD_ROOT/etc/qubes/policy.d/include"
touch "$BULKHEAD_ROOT/etc/qubes/policy.d/30-user.policy" "$BULKHEAD_ROOT/etc/qubes/policy.d/include/admin-ro"
offers '30-user include/admin-ro' qubes-policy --get ''
offers 'include/admin-ro' qubes-policy inc
offers '--replace --remove' qubes-policy --re
offers 'explain grants' qrexec-policy ''
offers 'web work' qrexec-policy explain w
offers 'web work' qrexec-policy explain web w
offers '' qrexec-policy explain web work ''
offers 'list revoke' qrexec-policy grants ''
offers '' qrexec-policy grants revoke ''
offers '--what-if' qrexec-policy --wh
offers 'web work' qrexec-policy-log --source w
offers 'allow deny' qrexec-policy-log --result ''
offers '' qrexec-policy-log ''
offers '--follow --file' qrexec-policy-log --f
offers 'web work' qrexec-policy-graph --target web w
offers '--skip-labels' qrexec-policy-graph --sk

summary
