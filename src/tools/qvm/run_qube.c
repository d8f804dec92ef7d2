/* The qube that qvm-run runs in: started when it must be, or made for the purpose (run.h). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/maybe.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/run.h"

/*
 * The state of a qube: 0 with the state, which stays NULL where a policy does not let us know;
 * or an exit status after a message.
 */
static int
find_state(const char *qube, char **ret_state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *answer = NULL;
	AUTO_QUBES struct qube_list list = {0};

	if (admin_call("admin.vm.List", NULL, qube, NULL, &answer, &err) < 0) {
		if (admin_error_is(&err, "QubesVMNotFoundError")) {
			tool_say("qvm-run: error: no such domain: '%s'", qube);
			return TOOL_USAGE;
		}
		if (!admin_is_local())
			return 0;
		tool_say("qvm-run: error: %s", err_message(&err));
		return TOOL_FAILURE;
	}
	if (qubes_parse(answer, NULL, 0, &list, &err) < 0 || list.count != 1) {
		tool_say("qvm-run: error: answer of the daemon: no state of '%s'", qube);
		return TOOL_FAILURE;
	}
	*ret_state = steal_ptr(list.items[0].state);
	return 0;
}

/* Makes a halted or paused qube run. 0 or an exit status after a message. */
static int
make_running(const struct run_request *r, const char *qube, const char *state)
{
	AUTO_ERR struct err err = ERR_INIT;
	const bool paused = text_is(state, "Paused") || text_is(state, "Suspended");
	const char *method = text_is(state, "Paused") ? "admin.vm.Unpause"
			     : paused                 ? "admin.vm.Resume"
						      : "admin.vm.Start";

	if (state == NULL ? !r->start : (!paused && !text_equal(state, "Halted")))
		return 0;
	if (!r->start) {
		if (!r->quiet)
			tool_say("Qube '%s' not %s", qube, paused ? "running" : "started");
		return TOOL_FAILURE;
	}
	if (admin_call(method, NULL, qube, NULL, NULL, &err) == 0)
		return 0;
	/* Where policy hides the state it may hide the start too; the call itself will tell. */
	if (state == NULL && err.kind == NULL)
		return 0;
	return tool_qube_error("Starting qube failed", qube, &err);
}

int
run_in_qube(const struct run_request *r, const char *qube)
{
	AUTO_RUN_SERVICE struct run_service service = {0};
	AUTO_FREE char *state = NULL;
	int status = find_state(qube, &state);

	if (status == 0)
		status = make_running(r, qube, state);
	if (status != 0)
		return status;
	run_service_choose(r, qube, &service);
	return run_call(r, qube, &service);
}

/* Waits for the child; a signal to end is passed to it, so that the disposable goes either way. */
static int
supervise(pid_t child, const sigset_t *signals)
{
	for (;;) {
		int status, number = sigwaitinfo(signals, NULL);

		if (number >= 0 && number != SIGCHLD)
			kill(child, SIGTERM);
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

/* Its own end, or another's request, may have removed it already. */
static void
remove_disposable(const char *qube)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (admin_call("admin.vm.Kill", NULL, qube, NULL, NULL, &err) < 0 &&
		!admin_error_is(&err, "QubesVMNotFoundError") &&
		!admin_error_is(&err, "QubesVMNotStartedError"))
		tool_qube_error("Failed to kill", qube, &err);
}

/*
 * Should this process be killed, nobody else would know what is to be removed. A process of its own
 * waits for that: it removes the disposable when it sees the other end closed, and leaves when it
 * hears a byte. That other end, or -1: then a kill leaves the disposable.
 */
static int
start_heir(const char *qube)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		AUTO_FD int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)setsid();
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			(void)dup2(nowhere, fd);
		(void)close(ends[1]);
		if (read(ends[0], &byte, 1) == 0)
			remove_disposable(qube);
		_exit(0);
	}
	(void)close(ends[0]);
	if (pid > 0)
		return ends[1];
	(void)close(ends[1]);
	return -1;
}

static void
dismiss_heir(int heir)
{
	if (heir < 0)
		return;
	/* It may have been killed. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)write_all(heir, "", 1);
	(void)close(heir);
}

/*
 * A child starts and uses the disposable; this process only waits, and removes it whatever
 * happens to the child.
 */
static int
use_and_remove(const struct run_request *r, const char *qube)
{
	sigset_t signals, before;
	int status = RUN_FAILED, heir = start_heir(qube);
	pid_t child;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &before);
	child = fork();
	if (child == 0) {
		if (heir >= 0)
			(void)close(heir);
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(run_in_qube(r, qube));
	}
	if (child > 0)
		status = supervise(child, &signals);
	else
		tool_say("qvm-run: error: cannot start a process: %s", strerror(errno));

	remove_disposable(qube);
	dismiss_heir(heir);
	return status;
}

int
run_in_disposable(const struct run_request *r, const char *template)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_RUN_SERVICE struct run_service service = {0};
	AUTO_FREE char *name = NULL;

	if (!r->local) {
		/* dom0 makes the disposable for the call, and takes it away after it. */
		name = *template != '\0' ? text_format("@dispvm:%s", template)
					 : text_copy("@dispvm");
		run_service_choose(r, *template != '\0' ? template : "dom0", &service);
		return run_call(r, name, &service);
	}
	if (admin_call("admin.vm.CreateDisposable", NULL, *template != '\0' ? template : "dom0",
		    NULL, &name, &err) < 0) {
		if (*template != '\0' && admin_error_is(&err, "QubesVMNotFoundError")) {
			tool_say("qvm-run: error: no such domain: '%s'", template);
			return TOOL_USAGE;
		}
		tool_say("qvm-run: error: cannot create a disposable: %s", err_message(&err));
		return TOOL_FAILURE;
	}
	return use_and_remove(r, name);
}
