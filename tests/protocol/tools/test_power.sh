#!/bin/bash
# qvm-start, qvm-shutdown, qvm-kill, qvm-pause, qvm-unpause, qvm-disp-keep.
# shellcheck source=tests/protocol/tools/common.sh
. "$(dirname "$0")/common.sh"

uuid=00000000-0000-0000-0000-000000000000
list="ok dom0 class=AdminVM state=Running uuid=$uuid\napp1 class=AppVM state=Halted uuid=$uuid\napp2 class=AppVM state=Halted uuid=$uuid\nnet class=AppVM state=Running uuid=$uuid\nrun class=AppVM state=Running uuid=$uuid\npaused class=AppVM state=Paused uuid=$uuid\n"

daemon <<END
admin.vm.List dom0 = $list
admin.vm.Start app1 = ok
admin.vm.Start app2 = fail QubesMemoryError Not enough memory to start domain 'app2'
admin.vm.Kill app1 = fail QubesVMNotStartedError Domain is powered off: 'app1'
admin.vm.Kill run = ok
admin.vm.Pause run = ok
admin.vm.Pause app1 = fail QubesVMNotRunningError Domain not running (either powered off or paused): 'app1'
admin.vm.Unpause app1 = fail QubesVMNotPausedError Domain is not paused: 'app1'
admin.vm.Unpause paused = ok
admin.vm.Suspend run = ok
bulkhead.vm.Keep+mine run = ok
bulkhead.vm.Keep+whole run = ok
bulkhead.vm.Keep+run app1 = fail QubesValueError 'app1' is not removed at its shutdown: there is nothing to keep
bulkhead.vm.Keep run = ok
END

run qvm-start app1
expect 0 '' ''
run qvm-start run
expect 1 '' 'Error: Starting qube failed: run: Domain is already running'
run qvm-start --skip-if-running run
expect 0 '' ''
forget_requests
run qvm-start 'app*' run
expect 1 '' "Error: Starting qube failed: run: Domain is already running
Error: Starting qube failed: app2: Not enough memory to start domain 'app2'"
expect_requests_sorted 'admin.vm.List dom0
admin.vm.Start app1
admin.vm.Start app2'
run qvm-start nosuch
expect_usage "no such domain: 'nosuch'"
run qvm-start
expect_usage 'one of the arguments --all VMNAME is required'

run qvm-kill run app1
expect 0 '' ''
run qvm-pause run
expect 0 '' ''
run qvm-pause app1
expect 1 '' "Error: Failed to pause: app1: Domain not running (either powered off or paused): 'app1'"
run qvm-pause -S run
expect 0 '' ''
run qvm-unpause app1
expect 1 '' "Error: Failed to unpause/resume: app1: Domain is not paused: 'app1'"
forget_requests
run qvm-unpause --all
expect 0 '' ''
expect_requests 'admin.vm.List dom0
admin.vm.Unpause paused'

forget_requests
run qvm-disp-keep run mine
expect 0 '' "'run' becomes 'mine' when it shuts down"
run qvm-disp-keep --quiet --standalone run whole
expect 0 '' ''
run qvm-disp-keep --cancel run
expect 0 '' ''
expect_requests 'bulkhead.vm.Keep+mine run
bulkhead.vm.Keep+whole run <- class=StandaloneVM
bulkhead.vm.Keep run'
run qvm-disp-keep app1 run
expect 1 '' "qvm-disp-keep: error: 'app1' is not removed at its shutdown: there is nothing to keep"
run qvm-disp-keep run
expect_usage 'the following arguments are required: NEWNAME'
run qvm-disp-keep --cancel --standalone run
expect_usage '--cancel and --standalone cannot be used together'
run qvm-disp-keep run 'two words'
expect_usage "no name of a qube: 'two words'"

run qvm-shutdown --dry-run --all
expect 0 'net
paused
run' ''

# Refused because others use it: asked again when those are gone.
daemon <<END
admin.vm.List dom0 = $list
admin.vm.Shutdown+wait run = ok
admin.vm.Shutdown+wait net = fail QubesVMInUseError There are other VMs connected to this VM: run
admin.vm.Shutdown+wait net = ok
END
run qvm-shutdown --wait run net app1
expect 0 '' 'Error: Retrying shutdown of qubes that were in use: net'
expect_requests_sorted 'admin.vm.List dom0
admin.vm.Shutdown+wait net
admin.vm.Shutdown+wait net
admin.vm.Shutdown+wait run'

# The same without --wait: the events tell when the others are gone.
daemon <<END
admin.vm.List dom0 = $list
admin.vm.List dom0 = ok dom0 class=AdminVM state=Running uuid=$uuid\nnet class=AppVM state=Running uuid=$uuid\nrun class=AppVM state=Halted uuid=$uuid\n
admin.vm.Shutdown run = ok
admin.vm.Shutdown net = fail QubesVMInUseError There are other VMs connected to this VM: run
admin.vm.Shutdown net = ok
admin.Events dom0 = stream 1\x00\x00connection-established\x00\x00
END
run qvm-shutdown run net
expect 0 '' 'Error: Retrying shutdown of qubes that were in use: net'

daemon <<END
admin.vm.List dom0 = $list
admin.vm.Shutdown net = fail QubesVMInUseError There are other VMs connected to this VM: run
admin.vm.Shutdown run = fail QubesVMNotStartedError Domain is powered off: 'run'
admin.vm.Shutdown paused = fail QubesVMNotRunningError Domain not running (either powered off or paused): 'paused'
END
run qvm-shutdown net
expect 1 '' 'Error: Failed to shut down: net: There are other VMs connected to this VM: run'
run qvm-shutdown run
expect 0 '' ''
run qvm-shutdown paused
expect 1 '' "Error: Failed to shut down: paused: Domain not running (either powered off or paused): 'paused'"

# Not down in time: asked once more, then killed.
daemon <<END
admin.vm.List dom0 = $list
admin.vm.Shutdown+force+wait run = hang
admin.vm.Shutdown+force+wait net = fail QubesVMShutdownTimeoutError Domain shutdown timed out: 'net'
admin.vm.Shutdown+force+wait net = ok
admin.vm.Kill run = ok
END
run qvm-shutdown --timeout 0 --force run
expect 0 '' 'Error: Killing timed out qubes: run'
run qvm-shutdown --wait --force net
expect 0 '' ''
run qvm-shutdown --timeout soon run
expect_usage "--timeout: not a number of seconds: 'soon'"

# --all implies --force.
daemon <<END
admin.vm.List dom0 = $list
admin.vm.Shutdown+force run = ok
admin.vm.Shutdown+force net = ok
admin.vm.Shutdown+force paused = ok
END
run qvm-shutdown --all
expect 0 '' ''

summary
