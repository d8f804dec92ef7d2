/*
 * Inside a user's session, as that user: starts what the agent's handlers ask for and tells them
 * how it ended. The requests are root's and trusted; the programs are the user's own business.
 */
#include "qrexec/qube/session_serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/common/program.h"
#include "qrexec/common/protocol.h"
#include "qrexec/common/service.h"
#include "qrexec/qube/session_environment.h"
#include "qrexec/qube/session_request.h"

#define DEFAULT_SHELL "/bin/sh"

struct member {
	struct list link; /* serve.members */
	pid_t pid;
	int answer_fd; /* -1: nobody wants to know */
};

struct serve {
	int request_fd; /* -1: no more requests will come */
	int signal_fd;
	char **login_environment;
	struct buf message;
	struct list members;
};

static struct program
with_streams(const struct session_request *r)
{
	struct program program = PROGRAM_INIT;

	program.stdin_fd = r->fds[0];
	program.stdout_fd = r->fds[1];
	program.stderr_fd = r->fds[2];
	program.new_session = true;
	return program;
}

/* A login shell: its name begins with '-', and it starts from a clean environment at home. */
static pid_t
start_shell(const struct serve *s, const struct session_request *r)
{
	const char *configured = getenv("SHELL");
	const char *shell = configured != NULL && configured[0] == '/' ? configured : DEFAULT_SHELL;
	AUTO_FREE char *name = text_format("-%s", strrchr(shell, '/') + 1);
	const char *argv[] = {name, "-c", r->program, NULL};
	AUTO_FREE char **environment = program_environment(s->login_environment, r->environment);
	struct program program = with_streams(r);

	program.path = shell;
	program.argv = argv;
	program.environment = environment;
	program.directory = getenv("HOME");
	return program_start(&program);
}

static pid_t
start_service(const struct session_request *r)
{
	const char *argv[] = {r->program, r->argument, NULL};
	AUTO_FREE char **environment = program_environment(NULL, r->environment);
	struct program program = with_streams(r);

	program.path = r->program;
	program.argv = argv;
	program.environment = environment;
	return program_start(&program);
}

static pid_t
start(const struct serve *s, const struct session_request *r)
{
	pid_t pid = r->shell ? start_shell(s, r) : start_service(r);

	if (pid < 0)
		log_error("program '%s': cannot execute: %s", r->program, strerror(-pid));
	return pid;
}

/* Who asked may be gone. */
static void
answer(int fd, int value)
{
	if (send(fd, &value, sizeof(value), MSG_NOSIGNAL) < 0)
		log_debug("session: an answer is not wanted any more: %s", strerror(errno));
	close(fd);
}

static void
serve_request(struct serve *s, const struct session_request *r)
{
	struct member *member;
	pid_t pid = start(s, r);

	for (int i = 0; i < 3; i++)
		close(r->fds[i]);
	if (pid < 0) {
		int code = program_failure_code(pid);

		answer(r->fds[3], r->detached ? code : code << 8);
		return;
	}
	member = xcalloc(1, sizeof(*member));
	member->pid = pid;
	member->answer_fd = r->fds[3];
	list_append(&s->members, &member->link);
	if (r->detached) {
		answer(member->answer_fd, 0);
		member->answer_fd = -1;
	}
}

static void
reap(struct serve *s)
{
	struct signalfd_siginfo info;
	struct member *member, *next;
	int status;
	pid_t pid;

	while (read(s->signal_fd, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		list_for_each_safe (member, next, &s->members, link) {
			if (member->pid != pid)
				continue;
			list_remove(&member->link);
			if (member->answer_fd >= 0)
				answer(member->answer_fd, status);
			free(member);
		}
	}
}

static void
take_requests(struct serve *s)
{
	struct session_request request;
	int n;

	while ((n = session_request_receive(s->request_fd, &s->message, &request)) > 0)
		serve_request(s, &request);
	if (n == 0) {
		close(s->request_fd);
		s->request_fd = -1;
	} else if (n != -EAGAIN) {
		log_error("session: bad request: %s", strerror(-n));
	}
}

static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
session_serve(int request_fd, int environment_fd)
{
	struct serve s = {.request_fd = request_fd, .signal_fd = open_signals()};

	s.login_environment = session_environment_read(environment_fd);
	if (s.signal_fd < 0 || s.login_environment == NULL)
		fatal("session: cannot begin: %s", strerror(errno));
	buf_init(&s.message, SESSION_REQUEST_MAX);
	list_init(&s.members);
	while (s.request_fd >= 0 || !list_empty(&s.members)) {
		struct pollfd slots[] = {
			{.fd = s.signal_fd, .events = POLLIN},
			{.fd = s.request_fd, .events = POLLIN},
		};

		if (poll(slots, 2, -1) < 0)
			continue; /* EINTR: nothing else can happen here */
		if (slots[0].revents != 0)
			reap(&s);
		if (slots[1].revents != 0)
			take_requests(&s);
	}
	buf_finish(&s.message);
	free(s.login_environment);
	return 0;
}
