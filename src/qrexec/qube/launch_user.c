/*
 * The agent's way to start programs; see launch_user.h. Runs in the handler of a call. The user is
 * dom0's word or the configuration's.
 */
#include "qrexec/qube/launch_user.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"
#include "qrexec/qube/session_request.h"

#define SHELL "/bin/sh"

/* Waits for the session's word on a start whose streams nobody carries. */
static int
read_start(int answer_fd)
{
	int code;

	if (read(answer_fd, &code, sizeof(code)) != sizeof(code))
		return QREXEC_EXIT_PROBLEM;
	return code;
}

/* The variables of the call, without anything of the agent's own. */
static char **
call_environment(const struct command *command)
{
	AUTO_FREE char *pid = text_format("QREXEC_AGENT_PID=%d", (int)getpid());
	char *base[] = {pid, NULL};

	if (command->descriptor != NULL)
		return service_environment(command, base);
	return program_environment(base, NULL);
}

static int
send_request(const struct user_launcher *l, const struct launch *launch, bool detached,
	int answer_fd, struct err *err)
{
	const struct command *command = launch->command;
	AUTO_FREE char **environment = call_environment(command);
	AUTO_FD int null_fd = detached ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
	struct session_request request = {
		.detached = detached,
		.shell = launch->path == NULL,
		.program = launch->path != NULL ? launch->path : command->shell,
		.fds = {null_fd, null_fd, null_fd, answer_fd},
	};
	int e;

	if (launch->path != NULL && command->argument != NULL && command->argument[0] != '\0')
		request.argument = command->argument;
	for (int i = 0; environment[i] != NULL && i < SESSION_VARIABLES_MAX; i++)
		request.environment[i] = environment[i];
	if (!detached)
		memcpy(request.fds, launch->stdio, sizeof(launch->stdio));
	e = session_request_send(l->session_fd, &request);
	return e < 0 ? err_set_errno(err, -e, "session of '%s'", l->user) : 0;
}

static int
launch_in_session(
	const struct handler *handler, const struct launch *launch, struct launched *ret_launched)
{
	const struct user_launcher *l = handler->launch_data;
	bool detached = handler->type == QREXEC_JUST_EXEC;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int ours = -1;
	AUTO_FD int theirs = -1;
	int pair[2];

	if (l->session_fd < 0)
		return QREXEC_EXIT_PROBLEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		log_error("session of '%s': %s", l->user, strerror(errno));
		return QREXEC_EXIT_PROBLEM;
	}
	ours = pair[0];
	theirs = pair[1];
	if (send_request(l, launch, detached, theirs, &err) < 0) {
		log_error("%s", err_message(&err));
		return QREXEC_EXIT_PROBLEM;
	}
	close(steal_fd(&theirs));
	if (detached)
		return read_start(ours);
	*ret_launched = (struct launched){.child = 0, .status_fd = steal_fd(&ours)};
	return 0;
}

/* Not root: only what is for our own user can be run. As root for tests, for whoever exists. */
static bool
may_run_for(const struct user_launcher *l)
{
	const struct passwd *user;

	if (l->user[0] != '\0' && text_equal(l->user, l->own_user))
		return true;
	user = getpwnam(l->user);
	return user != NULL && (geteuid() == 0 || user->pw_uid == geteuid());
}

static int
launch_as_ourselves(
	const struct handler *handler, const struct launch *launch, struct launched *ret_launched)
{
	const struct user_launcher *l = handler->launch_data;

	if (!may_run_for(l)) {
		log_error("user '%s': unknown, or not the one that the agent runs as", l->user);
		return QREXEC_EXIT_PROBLEM;
	}
	return launch_direct(launch, SHELL, ret_launched);
}

void
launcher_set(const struct user_launcher *l, struct handler *handler)
{
	handler->launch = l->change_users ? launch_in_session : launch_as_ourselves;
	handler->launch_data = l;
}
