/*
 * Requests for calls, and a forked handler for each; see fork_server_main.c. A handler holds the
 * connection that asked for it: when it ends, the agent sees the end of the call.
 */
#include "qrexec/qube/fork_server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"
#include "qrexec/qube/fork_request.h"
#include "qrexec/qube/handler.h"

#define REQUEST_FD 3

struct client {
	struct list link; /* fork_server.clients */
	struct fork_server *server;
	struct stream *stream; /* NULL once a handler has it */
	struct loop_child *child;
};

struct fork_server {
	struct loop *loop;
	char *path;
	int listen_fd;
	struct loop_fd *listener; /* NULL while there are too many */
	struct list clients;
	size_t count;
};

static void update_listener(struct fork_server *server);

static void
client_destroy(struct client *c)
{
	list_remove(&c->link);
	c->server->count--;
	update_listener(c->server);
	stream_destroy(c->stream);
	loop_child_destroy(c->child);
	free(c);
}

static int
launch_here(
	const struct handler *handler, const struct launch *launch, struct launched *ret_launched)
{
	const char *shell = getenv("SHELL");

	return launch_direct(launch, shell != NULL ? shell : "/bin/sh", ret_launched);
}

/* In the child, which keeps nothing of the server but the connection of its own call. */
static int
be_handler(int request_fd, uint32_t type, uint32_t domain, uint32_t port, const char *text)
{
	static const struct rpc_config no_config;
	AUTO_ERR struct err err = ERR_INIT;
	struct command command = {0};
	struct handler handler = {
		.type = type,
		.domain = domain,
		.port = port,
		.config = &no_config,
		.launch = launch_here,
	};
	sigset_t none;
	int status;

	if (dup2(request_fd, REQUEST_FD) < 0)
		return 1;
	close_range(REQUEST_FD + 1, ~0U, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (command_parse(text, false, &command, &err) < 0)
		log_error("call: %s", err_message(&err));
	else
		handler.command = &command;
	status = handler_run(&handler);
	command_finish(&command);
	return status;
}

static void
handle_handler_end(struct loop_child *child, int wait_status, void *data)
{
	client_destroy(data);
}

static void
fork_handler(struct client *c, uint32_t type, uint32_t domain, uint32_t port, const char *text)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(be_handler(stream_fd(c->stream), type, domain, port, text));
	if (pid < 0) {
		log_error("call: cannot fork its handler: %s", strerror(errno));
		client_destroy(c);
		return;
	}
	stream_destroy(c->stream);
	c->stream = NULL;
	c->child = loop_child_create(c->server->loop, pid, handle_handler_end, c);
	if (c->child == NULL)
		fatal("call: cannot watch its handler: %s", strerror(errno));
}

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	struct client *c = data;
	AUTO_FREE char *command = NULL;
	uint32_t type = 0, domain = 0, port = 0;
	int e = fork_request_get(in, &type, &domain, &port, &command);

	if (e == -EAGAIN)
		return;
	if (e == 0 && type != QREXEC_EXEC_CMDLINE && type != QREXEC_JUST_EXEC)
		e = -EBADMSG;
	if (e < 0) {
		log_warning("request: not valid: %s", strerror(-e));
		client_destroy(c);
		return;
	}
	fork_handler(c, type, domain, port, command);
}

static void
handle_end(struct stream *s, int error, void *data)
{
	client_destroy(data);
}

static void
handle_connection(struct loop_fd *source, uint32_t events, void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	struct fork_server *server = data;
	struct client *c;
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return; /* whoever it was has gone */
	c = xcalloc(1, sizeof(*c));
	c->server = server;
	c->stream = stream_create(
		server->loop, fd, FORK_HEADER_BYTES + FORK_COMMAND_MAX, 1, &handler, c);
	if (c->stream == NULL) {
		log_warning("request: %s", strerror(errno));
		free(c);
		return;
	}
	list_append(&server->clients, &c->link);
	server->count++;
	update_listener(server);
}

/* Who comes while there are too many waits in the kernel's queue. */
static void
update_listener(struct fork_server *server)
{
	bool wanted = server->count < QREXEC_CALLS_MAX && server->listen_fd >= 0;

	if (wanted == (server->listener != NULL))
		return;
	if (!wanted) {
		loop_fd_destroy(server->listener);
		server->listener = NULL;
		return;
	}
	server->listener =
		loop_fd_create(server->loop, server->listen_fd, EPOLLIN, handle_connection, server);
	if (server->listener == NULL)
		log_error("requests: %s", strerror(errno));
}

/* The socket's mode follows the session's mask, as for anything else that a user makes. */
static mode_t
session_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0777 & ~mask;
}

struct fork_server *
fork_server_create(struct loop *loop, const char *path, struct err *err)
{
	struct fork_server *server = xcalloc(1, sizeof(*server));

	server->loop = loop;
	server->path = text_copy(path);
	list_init(&server->clients);
	server->listen_fd = socket_listen(path, session_mode(), err);
	if (server->listen_fd >= 0) {
		fd_set_nonblocking(server->listen_fd, 1);
		server->listener =
			loop_fd_create(loop, server->listen_fd, EPOLLIN, handle_connection, server);
		if (server->listener != NULL)
			return server;
		err_set_errno(err, errno, "socket '%s'", path);
		close(server->listen_fd);
	}
	free(server->path);
	free(server);
	return NULL;
}

void
fork_server_destroy(struct fork_server *server)
{
	struct client *c, *next;

	if (server == NULL)
		return;
	loop_fd_destroy(server->listener);
	server->listener = NULL;
	close(server->listen_fd);
	server->listen_fd = -1;
	unlink(server->path);
	list_for_each_safe (c, next, &server->clients, link)
		client_destroy(c);
	free(server->path);
	free(server);
}
