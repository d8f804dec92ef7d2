/*
 * A process that carries calls for the agent, one after the other; see workers.h. It keeps nothing
 * from one call to the next but its socket to the agent, which is trusted. Its pid is known to the
 * programs of its calls (QREXEC_AGENT_PID): one that outlives its call and signals during another
 * would disturb that, as it could anyway, being of the same user or root.
 */
#include "qrexec/qube/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/text.h"
#include "qrexec/qube/handler.h"
#include "qrexec/qube/launch_user.h"

#define AGENT_FD 3
#define MESSAGE_MAX 200000

enum call_flags {
	CALL_VALID = 1,
	CALL_SKIP_SERVICE_DESCRIPTOR = 2,
	CALL_EXIT_ON_SERVICE_EOF = 4,
	CALL_EXIT_ON_CLIENT_EOF = 8,
};

static uint32_t
flags_of(const struct call *call)
{
	uint32_t flags = call->valid ? CALL_VALID : 0;

	if (call->config.skip_service_descriptor)
		flags |= CALL_SKIP_SERVICE_DESCRIPTOR;
	if (call->config.exit_on_service_eof)
		flags |= CALL_EXIT_ON_SERVICE_EOF;
	if (call->config.exit_on_client_eof)
		flags |= CALL_EXIT_ON_CLIENT_EOF;
	return flags;
}

int
worker_send(int fd, const struct call *call, int session_fd)
{
	AUTO_BUF struct buf message;
	ssize_t n;
	int e;

	buf_init(&message, MESSAGE_MAX);
	if ((e = buf_put_u32(&message, call->type)) < 0 ||
		(e = buf_put_u32(&message, call->domain)) < 0 ||
		(e = buf_put_u32(&message, call->port)) < 0 ||
		(e = buf_put_u32(&message, flags_of(call))) < 0 ||
		(e = buf_put_text(&message, call->valid ? call_user(call) : "")) < 0 ||
		(e = buf_put_text(&message, call->valid ? call->text : "")) < 0)
		return e;
	n = socket_send_fd(fd, buf_data(&message), buf_len(&message), session_fd);
	return n < 0 ? (int)n : 0;
}

struct order {
	uint32_t type, domain, port, flags;
	const char *user; /* part of the message */
	const char *text;
};

static int
parse(struct buf *message, struct order *o)
{
	int e;

	if ((e = buf_get_u32(message, &o->type)) < 0 ||
		(e = buf_get_u32(message, &o->domain)) < 0 ||
		(e = buf_get_u32(message, &o->port)) < 0 ||
		(e = buf_get_u32(message, &o->flags)) < 0 ||
		(e = buf_get_text(message, MESSAGE_MAX, &o->user)) < 0)
		return e;
	return buf_get_text(message, MESSAGE_MAX, &o->text);
}

static void
carry(const struct order *o, const struct agent_options *options, int session_fd)
{
	struct rpc_config config = {
		.skip_service_descriptor = (o->flags & CALL_SKIP_SERVICE_DESCRIPTOR) != 0,
		.exit_on_service_eof = (o->flags & CALL_EXIT_ON_SERVICE_EOF) != 0,
		.exit_on_client_eof = (o->flags & CALL_EXIT_ON_CLIENT_EOF) != 0,
	};
	struct handler handler = {
		.type = o->type,
		.domain = o->domain,
		.port = o->port,
		.config = &config,
		.copy_errors = options->change_users,
	};
	struct user_launcher launcher = {
		.user = o->user,
		.own_user = options->own_user,
		.change_users = options->change_users,
		.session_fd = session_fd,
	};
	struct command command = {0};

	if ((o->flags & CALL_VALID) != 0 && command_parse(o->text, true, &command, NULL) == 0)
		handler.command = &command;
	launcher_set(&launcher, &handler);
	handler_run(&handler);
	command_finish(&command);
}

/* Whatever the call left open or unwaited for. */
static void
clean_up(void)
{
	close_range(AGENT_FD + 1, ~0U, 0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Waits for a call. The number of its bytes, 0 at the end, or a negative errno. */
static ssize_t
receive(struct buf *message, int *ret_session_fd)
{
	void *room;
	ssize_t n;

	buf_clear(message);
	room = buf_reserve(message, MESSAGE_MAX);
	if (room == NULL)
		return -ENOMEM;
	n = socket_receive_fd(AGENT_FD, room, MESSAGE_MAX, ret_session_fd);
	buf_trim(message, MESSAGE_MAX - (n > 0 ? (size_t)n : 0));
	return n;
}

int
worker_run(int fd, const struct agent_options *options)
{
	AUTO_BUF struct buf message;
	sigset_t none;

	/* Nothing of the agent may stay: another caller's connection held open here would never
	 * be seen to close there. */
	if (dup2(fd, AGENT_FD) < 0)
		return 1;
	close_range(AGENT_FD + 1, ~0U, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	buf_init(&message, MESSAGE_MAX);
	for (;;) {
		struct order order = {0};
		int session_fd = -1;
		ssize_t n = receive(&message, &session_fd);

		if (n <= 0)
			return n == 0 ? 0 : 1;
		if (parse(&message, &order) < 0)
			return 1;
		carry(&order, options, session_fd);
		clean_up();
		if (send(AGENT_FD, ".", 1, MSG_NOSIGNAL) < 0)
			return 0; /* the agent is gone */
	}
}
