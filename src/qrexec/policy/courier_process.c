/*
 * The courier itself; see courier.h. A fork of the policy daemon with a loop of its own. Trusts
 * the daemon's requests to be well formed; reads nothing else. Of each call to another qube it
 * keeps a copy of the daemon's descriptor, to see when the daemon gives the call up.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/local_connect.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "qrexec/policy/courier_internal.h"

#define SERVICE_DIRECTORY "/etc/qubes-rpc"

struct post {
	struct loop *loop;
	int fd; /* to the daemon */
	const char *client;
};

/* A connection that is being made to the agent of this host. */
struct approach {
	struct post *post;
	uint64_t id;
	enum courier_service service;
	struct local_connect *connect;
};

/* A call to the agent of another qube. */
struct call {
	int fd; /* the client's end, to see the daemon's close */
	struct loop_fd *source;
	struct loop_child *child;
};

static void
answer(const struct post *p, uint64_t id, int error, int fd)
{
	struct courier_answer a = {.id = id, .error = error};

	if (socket_send_fd(p->fd, &a, sizeof(a), fd) < 0)
		loop_quit(p->loop, 1);
}

/* What a program of dom0 sends ahead when it calls a socket service of dom0 (spec 7.1). */
static int
send_header(int fd, enum courier_service service)
{
	AUTO_FREE char *header = text_format("%s dom0 name dom0", courier_service_name(service));
	size_t size = strlen(header) + 1;

	return send(fd, header, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -EPIPE;
}

static void
handle_connected(int fd_or_error, void *data)
{
	struct approach *a = data;
	int error = fd_or_error < 0 ? fd_or_error : send_header(fd_or_error, a->service);

	answer(a->post, a->id, error, error < 0 ? -1 : fd_or_error);
	if (fd_or_error >= 0)
		close(fd_or_error);
	local_connect_destroy(a->connect);
	free(a);
}

static int
go_to_host(struct post *p, uint64_t id, enum courier_service service)
{
	AUTO_FREE char *path = root_path(SERVICE_DIRECTORY "/%s", courier_service_name(service));
	struct approach *a = xcalloc(1, sizeof(*a));

	*a = (struct approach){.post = p, .id = id, .service = service};
	a->connect = local_connect_create(p->loop, path, handle_connected, a);
	if (a->connect != NULL)
		return 0;
	free(a);
	return -errno;
}

static void
call_free(struct call *c)
{
	loop_fd_destroy(c->source);
	loop_child_destroy(c->child);
	close(c->fd);
	free(c);
}

static void
handle_client_end(struct loop_child *child, int wait_status, void *data)
{
	(void)child;
	if (wait_status != 0)
		log_warning("qrexec-client: ended with status %d", wait_status);
	call_free(data);
}

/* The daemon has let go: the question is over. The client's end frees the call. */
static void
handle_let_go(struct loop_fd *source, uint32_t events, void *data)
{
	struct call *c = data;

	if ((events & (EPOLLHUP | EPOLLERR)) == 0)
		return;
	loop_child_signal(c->child, SIGTERM);
	loop_fd_destroy(source);
	c->source = NULL;
}

/* The client with `fd` as its input and output. 0 or a negative errno. */
static int
call_client(struct post *p, const char *gui_qube, enum courier_service service, int fd)
{
	AUTO_FREE char *command =
		text_format("DEFAULT:QUBESRPC %s dom0", courier_service_name(service));
	const char *const argv[] = {p->client, "-d", gui_qube, command, NULL};
	const struct child_fd fds[] = {{fd, 0}, {fd, 1}, {2, 2}};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	struct call *c;
	pid_t pid;

	config.argv = argv;
	config.fds = fds;
	config.fd_count = 3;
	config.die_with_parent = true;
	pid = child_start(&config, &err);
	if (pid < 0) {
		log_error("%s", err_message(&err));
		return -err.code;
	}
	c = xcalloc(1, sizeof(*c));
	c->fd = dup(fd);
	c->source = loop_fd_create(p->loop, c->fd, 0, handle_let_go, c);
	c->child = loop_child_create(p->loop, pid, handle_client_end, c);
	if (c->source == NULL || c->child == NULL)
		fatal("courier: %s", strerror(errno));
	return 0;
}

static int
go_to_qube(struct post *p, uint64_t id, const char *gui_qube, enum courier_service service)
{
	AUTO_FD int ours = -1;
	AUTO_FD int theirs = -1;
	int ends[2], result;

	if (!qube_name_valid(gui_qube, NULL))
		return -EINVAL;
	result = socket_pair(ends);
	if (result < 0)
		return result;
	ours = ends[0];
	theirs = ends[1];
	result = call_client(p, gui_qube, service, theirs);
	if (result == 0)
		answer(p, id, 0, ours);
	return result;
}

static void
handle_request(struct loop_fd *source, uint32_t events, void *data)
{
	struct post *p = data;
	struct courier_request request;
	ssize_t count = recv(p->fd, &request, sizeof(request), 0);
	int result;

	(void)source;
	(void)events;
	if (count != sizeof(request) || request.service >= COURIER_SERVICES) {
		loop_quit(p->loop, count == 0 ? 0 : 1);
		return;
	}
	request.gui_qube[sizeof(request.gui_qube) - 1] = '\0';
	if (text_equal(request.gui_qube, POLICY_DOM0_NAME))
		result = go_to_host(p, request.id, (enum courier_service)request.service);
	else
		result = go_to_qube(
			p, request.id, request.gui_qube, (enum courier_service)request.service);
	if (result < 0)
		answer(p, request.id, result, -1);
}

int
courier_process(int fd, const char *client)
{
	struct post post = {.loop = loop_create(), .fd = fd, .client = client};

	if (post.loop == NULL ||
		loop_fd_create(post.loop, fd, EPOLLIN, handle_request, &post) == NULL)
		return 1;
	/* Ends with the daemon: what is under way ends with this process. */
	return loop_run(post.loop);
}
