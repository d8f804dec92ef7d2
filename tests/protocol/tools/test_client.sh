#!/bin/bash
# What any tool says when the daemon does not answer as it should, and calls out of a qube.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"

run qvm-tags app1
expect 1 '' "qvm-tags: error: bulkheadd does not run (there is no socket '$BULKHEAD_ROOT/run/qubesd.sock'); start it with 'systemctl start bulkheadd'"

daemon <<'END'
admin.vm.tag.List empty = raw
admin.vm.tag.List short = raw 0
admin.vm.tag.List unknown = raw 7\x00
admin.vm.tag.List events = raw 1\x00\x00e\x00\x00
admin.vm.tag.List cut = raw 2\x00Type\x00\x00no end
admin.vm.tag.List new = raw 2\x00BrandNewError\x00trace\x00%s has %d of %% and %z\x00it\x0042\x00
admin.vm.tag.List evil = fail QubesException a\x1b[31mb\nqvm-tags: error: forged
END
run qvm-tags empty
expect 1 '' 'qvm-tags: error: Got empty response from qubesd. See journalctl in dom0 for details.'
run qvm-tags short
expect 1 '' 'qvm-tags: error: answer of the daemon: not in the form of the API'
run qvm-tags unknown
expect 1 '' 'qvm-tags: error: answer of the daemon: unknown kind 0x37'
run qvm-tags events
expect 1 '' 'qvm-tags: error: answer of the daemon: events where a result was due'
run qvm-tags cut
expect 1 '' 'qvm-tags: error: answer of the daemon: incomplete exception'
run qvm-tags new
expect 1 '' 'qvm-tags: error: it has 42 of % and %z'
run qvm-tags evil
expect 1 '' 'qvm-tags: error: a\x1b[31mb\x0aqvm-tags: error: forged'

# The common options.
run qvm-tags --version
expect 0 "$(qvm --version | sed 's/^qvm/qvm-tags/')" ''
run qvm nosuch
expect 2 '' "qvm: error: no such command: 'nosuch'; 'qvm --help' lists them"
run qvm-tags --force-root -vvq empty
expect 1 '' 'qvm-tags: error: Got empty response from qubesd. See journalctl in dom0 for details.'
run qvm-prefs --h
expect_usage "ambiguous option: '--h' could be '--help-properties' or '--hide-default'"
run qvm-start --skip app --nosuch
expect_usage "unknown option '--nosuch'"
run qvm-ls --forma
expect_usage "option '-o --format' needs a value"
checks=$((checks + 1))
qvm-ls --help | head -n 1 >/dev/null || fail 'qvm-ls --help: status'
run bash -c 'qvm-tags new >/dev/full'
expect 1 '' 'qvm-tags: error: it has 42 of % and %z'
run bash -c 'qvm-tags --help >/dev/full'
expect 1 '' 'qvm-tags: error: output: cannot write: No space left on device'

# qubesd-query shows the bytes.
daemon <<'END'
admin.vm.List+ dom0 = ok line\n
admin.Foo+x app1 = raw
END
run_with '' bash -c 'qubesd-query dom0 admin.vm.List dom0 | od -An -c'
expect 0 '   0  \0   l   i   n   e  \n' ''
run qubesd-query -e --fail dom0 admin.Bar dom0
[ "$status" = 2 ] || fail "qubesd-query --fail: status $status"
run qubesd-query -e --fail dom0 admin.Foo app1 x
expect 1 '' ''
forget_requests
run_with 'a line
' qubesd-query --single-line dom0 admin.Foo app1 x
expect 0 '' ''
expect_requests 'admin.Foo+x app1 <- a line'
run_with "$(printf 'a\nb')" qubesd-query --single-line dom0 admin.Foo app1 x
expect 1 '' 'qubesd-query: error: payload: not a line of printable ASCII'
run bash -c 'qubesd-query -e --max-bytes 3 dom0 admin.vm.List dom0 | od -An -c; exit "${PIPESTATUS[0]}"'
expect 1 '   0  \0   l' 'qubesd-query: error: answer: longer than --max-bytes allows'
run qubesd-query dom0 admin.vm.List
expect_usage 'the arguments are SRC METHOD DEST and perhaps ARG'

# In a qube there is no daemon; each call is a service of qrexec.
stop_daemon
rm "$BULKHEAD_ROOT/run/qubesd.sock"
: >"$BULKHEAD_ROOT/run/qubes/qrexec-agent"
mkdir "$directory/bin"
cat >"$directory/bin/qrexec-client-vm" <<'END'
#!/bin/sh
printf '%s\n' "$*" >>"$CALLS"
case $* in
*Set*) cat >>"$CALLS"; printf '0\0' ;;
*List*) printf '0\0work\n' ;;
*) exit 126 ;;
esac
END
chmod +x "$directory/bin/qrexec-client-vm"
export CALLS=$directory/calls
PATH=$directory/bin:$PATH
run qvm-tags app1
expect 0 'work' ''
run qvm-features app1 os Linux
expect 0 '' ''
run qvm-prefs app1
expect 1 '' 'qvm-prefs: error: Got empty response from qubesd. See journalctl in dom0 for details.'
run cat "$CALLS"
expect 0 '-- app1 admin.vm.tag.List
-- app1 admin.vm.feature.Set+os
Linux-- app1 admin.vm.property.GetAll' ''

# A program is run by the same way; policy may hide all that would be asked before.
cat >"$directory/bin/qrexec-client-vm" <<'END'
#!/bin/sh
case $* in
*admin.vm.Start*) printf '%s\n' "$*" >>"$CALLS"; exit 126 ;;
*admin.*) exit 126 ;;
esac
printf '<%s>' "$@"
cat
exit 6
END
: >"$CALLS"
run_with 'input' qvm-run -q -p work 'a  command'
expect 6 '<-p><a  command; exit
><--><work><qubes.VMShell>input' ''
run cat "$CALLS"
expect 0 '-- work admin.vm.Start' ''
run_with '' qvm-run -n -q -p --filter-escape-chars --service work a.Service+x
expect 6 '<-t><-T><--><work><a.Service+x>' ''
run_with '' qvm-run -q -p --dispvm=base --no-gui -- prog arg
expect 6 '<-p><prog arg; exit
><--><@dispvm:base><qubes.VMShell>' ''
run_with '' qvm-run -q -p --localcmd 'a local' work prog
expect 6 '<-p><prog; exit
><--><work><qubes.VMShell></bin/sh><-c><a local>' ''
run qvm-run -u root work prog
expect_usage '--user works in dom0 only'
run qvm-run -q work prog
expect 6 '' ''

summary
