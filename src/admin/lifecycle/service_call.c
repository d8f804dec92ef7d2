/* Calls to services of qubes by way of qrexec-client; see service_call.h. Runs in bulkheadd. */
#include "admin/lifecycle/service_call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/lifecycle/run.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/text.h"

#define STATUS_NO_SERVICE 127

struct service_call {
	char *service; /* owned */
	struct loop_child *child;
	struct loop_timer *timer;
	lifecycle_done done;
	void *data;
};

void
service_call_destroy(struct service_call *c)
{
	if (c == NULL)
		return;
	if (c->child != NULL)
		loop_child_end(c->child);
	loop_timer_destroy(c->timer);
	free(c->service);
	free(c);
}

/* The callback may not end the call any more. */
static void
finish(struct service_call *c, const struct err *err)
{
	lifecycle_done done = c->done;
	void *data = c->data;

	service_call_destroy(c);
	done(data, err);
}

static void
handle_end(struct loop_child *source, int wait_status, void *data)
{
	struct service_call *c = data;
	AUTO_ERR struct err err = ERR_INIT;

	loop_child_destroy(source);
	c->child = NULL;
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
		finish(c, NULL);
		return;
	}
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == STATUS_NO_SERVICE)
		err_set(&err, ENOENT, "it has no service %s", c->service);
	else
		err_set(&err, EIO, "its service %s failed", c->service);
	finish(c, &err);
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	struct service_call *c = data;
	AUTO_ERR struct err err = ERR_INIT;

	(void)timer;
	err_set(&err, ETIMEDOUT, "its service %s does not end", c->service);
	finish(c, &err);
}

/* A pipe with all of it, or -1 with the error. */
static int
open_input(const char *input, struct err *err)
{
	size_t size = input != NULL ? strlen(input) : 0;
	int ends[2];
	ssize_t count;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "no pipe");
	count = size > 0 ? write(ends[1], input, size) : 0;
	close(ends[1]);
	if (count == (ssize_t)size)
		return ends[0];
	close(ends[0]);
	return err_set_errno(err, EIO, "no pipe");
}

static pid_t
start_client(const struct qube *q, const struct service_request *request, struct err *err)
{
	static const char program[] = BULKHEAD_BINDIR "/qrexec-client";
	AUTO_FREE char *command = text_format("%s:QUBESRPC %s dom0",
		request->user != NULL ? request->user : "DEFAULT", request->service);
	const char *argv[] = {program, "-d", q->name, command, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_FD int input = open_input(request->input, err);
	struct child_fd fds[] = {{input, STDIN_FILENO}};

	if (input < 0)
		return -1;
	config.argv = argv;
	config.fds = fds;
	config.fd_count = 1;
	config.die_with_parent = true;
	return child_start(&config, err);
}

struct service_call *
service_call_start(struct lifecycle *l, const struct qube *q, const struct service_request *request,
	lifecycle_done done, void *data, struct err *err)
{
	pid_t pid = start_client(q, request, err);
	struct service_call *c;

	if (pid < 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	*c = (struct service_call){
		.service = text_copy(request->service), .done = done, .data = data};
	c->child = loop_child_create(l->config.loop, pid, handle_end, c);
	c->timer = loop_timer_create(l->config.loop, handle_timeout, c);
	if (c->child != NULL && c->timer != NULL) {
		loop_timer_start(c->timer, request->timeout_ms);
		return c;
	}
	if (c->child == NULL) {
		child_end(pid);
	}
	service_call_destroy(c);
	err_set(err, ENOMEM, "out of memory");
	return NULL;
}
