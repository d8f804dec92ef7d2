/*
 * The call that qvm-run makes (run.h): in dom0 through the client library of qrexec, in a qube by
 * qrexec-client-vm. What comes back on stdout and stderr was written by the qube.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"
#include "qrexec/host/client.h"
#include "tools/lib/report.h"
#include "tools/qvm/run.h"

#define COLOUR_RESET "\033[0m"

/* Colours a terminal for what a qube writes, or ends that with 0. */
static void
set_colour(int fd, int colour)
{
	char sequence[16];
	int length = snprintf(sequence, sizeof(sequence), "\033[0;%dm", colour);

	write_all(fd, sequence, (size_t)length);
}

static void
reset_colour(int fd, int colour)
{
	if (colour > 0)
		write_all(fd, COLOUR_RESET, strlen(COLOUR_RESET));
}

/* One call from dom0. */
static int
call_from_dom0(const struct run_request *r, const char *qube, const char *service,
	const char *prefix, bool pass_io, bool just_exec, struct err *err)
{
	AUTO_FREE char *command =
		text_format("%s:QUBESRPC %s dom0", r->user != NULL ? r->user : "DEFAULT", service);
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct client_call call = CLIENT_CALL_INIT;

	if (null < 0)
		return err_set_errno(err, errno, "cannot open '/dev/null'");
	call.target = qube;
	call.command = command;
	call.prefix = prefix;
	call.prefix_size = prefix != NULL ? strlen(prefix) : 0;
	call.just_exec = just_exec;
	if (pass_io) {
		call.local_program = r->local_command;
		call.filter_stdout = r->filter_stdout;
		call.filter_stderr = r->filter_stderr;
	} else {
		call.stdin_fd = call.stdout_fd = call.stderr_fd = null;
	}
	return client_call(&call, err);
}

static int
wait_for_child(pid_t child, struct err *err)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return err_set_errno(err, errno, "cannot wait for qrexec-client-vm");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* One call from a qube, whose policy is dom0's. */
static int
call_from_qube(const struct run_request *r, const char *qube, const char *service,
	const char *prefix, bool pass_io, struct err *err)
{
	const char *argv[16];
	size_t count = 0;
	const bool local_command = pass_io && r->local_command != NULL;

	argv[count++] = "qrexec-client-vm";
	if (pass_io && r->filter_stdout)
		argv[count++] = "-t";
	if (pass_io && r->filter_stderr)
		argv[count++] = "-T";
	if (prefix != NULL) {
		argv[count++] = "-p";
		argv[count++] = prefix;
	}
	argv[count++] = "--";
	argv[count++] = qube;
	argv[count++] = service;
	if (local_command) {
		argv[count++] = "/bin/sh";
		argv[count++] = "-c";
		argv[count++] = r->local_command;
	}
	argv[count] = NULL;

	const struct child_fd fds[] = {{0, 0}, {1, 1}, {2, 2}};
	const struct child_config config = {
		.argv = argv,
		.fds = fds,
		.fd_count = pass_io ? 3 : 0,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.keep_session = true,
	};
	pid_t child = child_start(&config, err);

	return child < 0 ? -1 : wait_for_child(child, err);
}

static int
call_service(const struct run_request *r, const char *qube, const char *service, const char *prefix,
	bool pass_io, bool just_exec, struct err *err)
{
	return r->local ? call_from_dom0(r, qube, service, prefix, pass_io, just_exec, err)
			: call_from_qube(r, qube, service, prefix, pass_io, err);
}

/* A program with windows needs the user's session; a failure here is the program's to notice. */
static void
wait_for_session(const struct run_request *r, const char *qube, const char *user)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *line = text_format("%s\n", user);
	struct run_request plain = {.local = r->local};

	if (call_service(&plain, qube, "qubes.WaitForSession", line, false, false, &err) < 0 &&
		!r->quiet)
		tool_say("%s: cannot wait for the session: %s", qube, err_message(&err));
}

int
run_call(const struct run_request *r, const char *qube, const struct run_service *service)
{
	AUTO_ERR struct err err = ERR_INIT;
	const bool just_exec = r->service && !r->pass_io;
	int status;

	if (service->session_user != NULL)
		wait_for_session(r, qube, service->session_user);
	if (r->pass_io && r->stdout_colour > 0)
		set_colour(STDOUT_FILENO, r->stdout_colour);
	if (r->pass_io && r->stderr_colour > 0)
		set_colour(STDERR_FILENO, r->stderr_colour);

	status = call_service(r, qube, service->name, service->prefix, r->pass_io, just_exec, &err);

	if (r->pass_io) {
		reset_colour(STDOUT_FILENO, r->stdout_colour);
		reset_colour(STDERR_FILENO, r->stderr_colour);
	}
	if (status < 0) {
		tool_say("qvm-run: error: %s: %s", qube, err_message(&err));
		return RUN_FAILED;
	}
	if (status > 0 && !r->quiet)
		tool_say("%s: command failed with code: %d", qube, status);
	return status;
}
