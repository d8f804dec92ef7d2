#!/bin/bash
# qvm-run through the real qrexec-daemon and qrexec-agent, which here are two processes of one
# host; only what the daemon of qubes knows is played.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"
qrexec_daemon=$3
qrexec_agent=$4
services=$5
uuid=00000000-0000-0000-0000-000000000001

export VCHAN_TRANSPORT=unix VCHAN_SOCKET_DIR=$directory/vchan
export QREXEC_NO_ROOT=1 QREXEC_SERVICE_PATH=$directory/rpc
export QUBES_RPC_CONFIG_PATH=$directory/rpc-config
mkdir -p "$VCHAN_SOCKET_DIR" "$directory/rpc" "$directory/rpc-config"
user=$(id -un)

# The shell is the real service; the others tell how they were called.
cp "$services/qubes.VMShell" "$directory/rpc/"
cat >"$directory/rpc/qubes.VMRootShell" <<'END'
#!/bin/sh
echo "root shell: $(cat)"
END
cat >"$directory/rpc/qubes.WaitForSession" <<END
#!/bin/sh
read -r user; echo "\$user" >>$directory/sessions
END
for name in qubes.VMExec test.Echo; do
	cat >"$directory/rpc/$name" <<'END'
#!/bin/sh
echo "$QREXEC_SERVICE_FULL_NAME"; cat; exit 3
END
done
cat >"$directory/rpc/test.Touch" <<END
#!/bin/sh
touch $directory/touched
END
chmod +x "$directory"/rpc/*

agent_pid=
daemon_of_qube=
end_qube() {
	[ -z "$daemon_of_qube" ] || kill "$daemon_of_qube" 2>/dev/null
	[ -z "$agent_pid" ] || kill "$agent_pid" 2>/dev/null
	wait "$daemon_of_qube" "$agent_pid" 2>/dev/null
}
trap 'end_qube; finish' EXIT

# The agent of a qube of this number and name, and its daemon, which says when it is connected.
# The leak check at their end does not work in a process that has confined itself.
start_qube() {
	local -x ASAN_OPTIONS=detect_leaks=0
	VCHAN_DOMAIN=$1 "$qrexec_agent" --agent-socket="$directory/agent.sock" \
		--no-fork-server </dev/null >/dev/null 2>"$directory/agent.log" &
	agent_pid=$!
	mkfifo "$directory/ready"
	VCHAN_DOMAIN=0 "$qrexec_daemon" --direct --quiet --ready-fd=3 --uuid="$uuid" \
		--socket-dir="$BULKHEAD_ROOT/run/qubes" "$1" "$2" "$user" \
		3>"$directory/ready" </dev/null >/dev/null 2>"$directory/daemon.log" &
	daemon_of_qube=$!
	read -r -t 30 <"$directory/ready" || {
		cat "$directory/agent.log" "$directory/daemon.log"
		fail 'the qube is not reachable'
	}
}
start_qube 42 work
export VCHAN_DOMAIN=0

line="class=AppVM state=Running uuid=$uuid"
daemon <<END
admin.vm.List work = ok work $line\n
admin.vm.List halted = ok halted class=AppVM state=Halted uuid=$uuid\n
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid\nwork $line\nhalted class=AppVM state=Halted uuid=$uuid\ninner $line\n
admin.vm.List nosuch = fail QubesVMNotFoundError No such domain: 'nosuch'
admin.vm.feature.CheckWithTemplate+vmexec work = ok 1
admin.vm.feature.CheckWithTemplate+supported-rpc.qubes.VMRootExec work = ok 1
admin.vm.feature.Get+internal inner = ok 1
admin.vm.property.Get+default_user work = ok default=True type=str someone
admin.vm.Start halted = fail QubesMemoryError Not enough memory to start domain 'halted'
END

run qvm-run -p work 'echo out; echo err >&2; exit 7'
expect 7 'out' 'err
work: command failed with code: 7'
run qvm-run -q -p work 'exit 7'
expect 7 '' ''
run_with 'from stdin' qvm-run -p work cat
expect 0 'from stdin' ''
run qvm-run work 'touch "'"$directory"'/ran"'
expect 0 '' "Running 'touch \"$directory/ran\"' on work"
[ -e "$directory/ran" ] || fail 'the command did not run to its end'
run qvm-run -q work 'echo unseen; exit 4'
expect 4 '' ''

# Words are passed as they are: by VMExec, and without that feature quoted for the shell.
run_with 'in' qvm-run -q -p work -- a 'b c' --d
expect 3 'qubes.VMExec+a+b-20c+----d
in' ''
run_with 'in' qvm-run -q -p --no-shell work a
expect 3 'qubes.VMExec+a
in' ''
daemon <<END
admin.vm.List work = ok work $line\n
END
run qvm-run -p work -- printf '%s|' 'a  b' "it's"
expect 0 "a  b|it's|" ''

# Services, and their form without waiting.
run_with 'in' qvm-run -q -p --service work test.Echo+x.y
expect 3 'test.Echo+x.y
in' ''
run qvm-run -q --service work test.Touch
expect 0 '' ''
for _ in $(seq 100); do
	[ -e "$directory/touched" ] && break
	sleep 0.1
done
[ -e "$directory/touched" ] || fail 'the service did not run'
run qvm-run -p --service work test.None
expect 127 '' 'work: command failed with code: 127'
run qvm-run --service work 'test.None x'
expect_usage "not the name of a service: 'test.None x'"

# A session is waited for; who becomes root needs the qube's word that there is a service.
daemon <<END
admin.vm.List work = ok work $line\n
admin.vm.feature.CheckWithTemplate+supported-rpc.qubes.VMRootExec work = ok 1
admin.vm.property.Get+default_user work = ok default=True type=str someone
admin.vm.property.Get+guivm work = ok default=True type=vm dom0
admin.vm.feature.CheckWithTemplate+gui work = ok 1
END
run qvm-run -p --gui work true
expect 0 '' ''
run env DISPLAY=:9 qvm-run -p work true
expect 0 '' ''
run env DISPLAY=:9 qvm-run -p --no-gui work true
expect 0 '' ''
run cat "$directory/sessions"
expect 0 'someone
someone' ''
if [ "$user" = root ]; then
	run qvm-run -p -u root work id
	expect 0 'root shell: id; exit' ''
fi

# Local commands, colours and filters.
run qvm-run -q -p --localcmd "echo to it; exec >&-; cat >$directory/received" work "echo from it; cat >$directory/sent"
expect 0 '' ''
run cat "$directory/received" "$directory/sent"
expect 0 'from it
to it' ''
run qvm-run --localcmd cat work true
expect_usage '--localcmd have no effect without --pass-io'
run qvm-run --all -p true
expect_usage '--passio cannot be used when more than 1 qube is chosen and no --localcmd is used'
run qvm-run --dispvm --all true
expect_usage '--dispvm cannot be used with --all or --exclude'
run qvm-run --colour-output 32 -p work true
expect_usage '--colour-output needs --filter-escape-chars'
run qvm-run --filter-escape-chars -p work 'printf "a\033[31mb\n"'
expect 0 'a_[31mb' ''
run qvm-run --filter-escape-chars --color-output 32 -p work 'echo x'
expect 0 $'\033[0;32mx\n\033[0m' ''

# Qubes that do not run, and that are not.
daemon <<END
admin.vm.List work = ok work $line\n
admin.vm.List halted = ok halted class=AppVM state=Halted uuid=$uuid\n
admin.vm.List gone = ok gone $line\n
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid\nwork $line\nhalted class=AppVM state=Halted uuid=$uuid\ninner $line\n
admin.vm.List nosuch = fail QubesVMNotFoundError No such domain: 'nosuch'
admin.vm.feature.Get+internal inner = ok 1
admin.vm.Start halted = fail QubesMemoryError Not enough memory to start domain 'halted'
END
run qvm-run -n halted true
expect 1 '' "Running 'true' on halted
Qube 'halted' not started"
run qvm-run -q halted true
expect 1 '' "Error: Starting qube failed: halted: Not enough memory to start domain 'halted'"
run qvm-run -p nosuch true
expect 2 '' "qvm-run: error: no such domain: 'nosuch'"
checks=$((checks + 1))
run qvm-run -q -p gone true
[ "$status" = 1 ] || fail "qvm-run in a qube without agent: status $status"
run qvm-run work
expect_usage 'the following arguments are required: COMMAND'
run qvm-run
expect_usage 'the following arguments are required: VMNAME, COMMAND'
run qvm-run --all 'exit 5'
expect 5 '' "Running 'exit 5' on work
work: command failed with code: 5"

# A disposable is created, used, and killed, also when we are told to end.
daemon <<END
admin.vm.CreateDisposable base = ok work
admin.vm.List work = ok work class=DispVM state=Halted uuid=$uuid\n
admin.vm.Start work = ok
admin.vm.Kill work = ok
admin.vm.CreateDisposable dom0 = fail QubesException no default
END
run qvm-run -p --dispvm=base 'echo in it; exit 2'
expect 2 'in it' 'work: command failed with code: 2'
expect_requests 'admin.vm.CreateDisposable base
admin.vm.List work
admin.vm.Start work
admin.vm.feature.CheckWithTemplate+os work
admin.vm.Kill work'
run qvm-run --dispvm true
expect 1 '' "Running 'true' on a new disposable
qvm-run: error: cannot create a disposable: no default"
forget_requests
qvm-run -q -p --dispvm=base "touch $directory/begun; sleep 100" </dev/null &
run_pid=$!
for _ in $(seq 100); do
	[ -e "$directory/begun" ] && break
	sleep 0.1
done
kill "$run_pid"
wait "$run_pid"
run tail -n 1 "$directory/log"
expect 0 'admin.vm.Kill work' ''

# Killed, it can do nothing more: another process does.
rm "$directory/begun"
forget_requests
qvm-run -q -p --dispvm=base "touch $directory/begun; sleep 3" </dev/null &
run_pid=$!
for _ in $(seq 100); do
	[ -e "$directory/begun" ] && break
	sleep 0.1
done
kill -KILL "$run_pid"
wait "$run_pid"
for _ in $(seq 100); do
	grep -q 'admin.vm.Kill work' "$directory/log" && break
	sleep 0.1
done
run tail -n 1 "$directory/log"
expect 0 'admin.vm.Kill work' ''

summary
