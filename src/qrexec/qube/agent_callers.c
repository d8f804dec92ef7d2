/*
 * Local callers, see agent.h. Each is a connection of some process of this qube, of any user: it
 * may send anything, or nothing. dom0 decides what is allowed; this file only carries the request
 * there and the answer back. A request id is a number of ours, looked up in a table: what comes
 * back from dom0 is never taken for a descriptor.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/qube/agent.h"

#define SOCKET_PATH "/run/qubes/qrexec-agent"
#define SOCKET_MODE 0777
#define IN_MAX (QREXEC_HEADER_BYTES + QREXEC_TRIGGER4_HEAD_BYTES + QREXEC_SERVICE_BYTES)
#define OUT_MAX 64

enum caller_state {
	CALLER_REQUESTING, /* its request is not complete */
	CALLER_WAITING,    /* dom0 was asked */
	CALLER_CONNECTED,  /* has its (domain, port); its end must be told to dom0 */
	CALLER_GONE,       /* left while dom0 was asked: the answer is still to come */
};

struct caller {
	struct list link; /* callers.list */
	struct callers *callers;
	struct stream *stream; /* NULL when gone */
	enum caller_state state;
	uint32_t number; /* the request id */
	uint32_t domain;
	uint32_t port;
};

struct callers {
	struct agent *agent;
	char *path;
	int listen_fd;
	struct loop_fd *listener; /* NULL while nobody is let in */
	struct list list;
	size_t count;
	uint32_t last_number;
	bool online;
};

static void update_listener(struct callers *c);

static void
caller_destroy(struct caller *caller)
{
	list_remove(&caller->link);
	caller->callers->count--;
	stream_destroy(caller->stream);
	update_listener(caller->callers);
	free(caller);
}

/* The connection is over, by the caller's wish or by its fault. */
static void
caller_leave(struct caller *caller)
{
	struct agent *agent = caller->callers->agent;

	if (caller->state == CALLER_WAITING) {
		/* A prompt may be open, for nobody. dom0's answer, which may have been given
		 * already, must not be lost. */
		if (agent->options.withdraw)
			control_send_terminated(
				agent->control, QREXEC_WITHDRAWN | caller->number, QREXEC_PORT_MIN);
		stream_destroy(caller->stream);
		caller->stream = NULL;
		caller->state = CALLER_GONE;
		return;
	}
	if (caller->state == CALLER_CONNECTED)
		control_send_terminated(agent->control, caller->domain, caller->port);
	caller_destroy(caller);
}

static void
format_id(uint32_t number, uint8_t ret_id[QREXEC_REQUEST_ID_BYTES])
{
	memset(ret_id, 0, QREXEC_REQUEST_ID_BYTES);
	snprintf((char *)ret_id, QREXEC_REQUEST_ID_BYTES, QREXEC_REQUEST_ID_PREFIX "%u", number);
}

static int
ask(struct caller *caller, struct qrexec_trigger *trigger)
{
	int e;

	format_id(caller->number, trigger->id);
	e = control_send_trigger(caller->callers->agent->control, trigger);
	if (e == -EPROTO)
		log_warning("caller: dom0 is too old to be told a claimed source");
	else if (e == -EMSGSIZE)
		log_warning("caller: dom0 is too old for a request this long");
	else if (e < 0)
		log_warning("caller: cannot ask dom0: %s", strerror(-e));
	return e;
}

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	struct caller *caller = data;
	struct qrexec_trigger trigger;
	struct qrexec_header header;
	int e;

	if (qrexec_header_peek(in, &header) == -EAGAIN && caller->state == CALLER_REQUESTING)
		return;
	if (caller->state != CALLER_REQUESTING || header.type != QREXEC_TRIGGER_SERVICE4) {
		log_warning("caller: sent something that is not one request");
		caller_leave(caller);
		return;
	}
	e = qrexec_get_trigger(in, &trigger);
	if (e == -EAGAIN)
		return;
	if (e == 0) {
		e = ask(caller, &trigger);
		qrexec_trigger_finish(&trigger);
	} else {
		log_warning("caller: request of %u bytes is not valid", header.length);
	}
	if (e < 0)
		caller_destroy(caller);
	else
		caller->state = CALLER_WAITING;
}

static void
handle_end(struct stream *s, int error, void *data)
{
	caller_leave(data);
}

static void
handle_connection(struct loop_fd *source, uint32_t events, void *data)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	struct callers *c = data;
	struct caller *caller;
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
			log_warning("callers: cannot accept: %s", strerror(errno));
		return;
	}
	caller = xcalloc(1, sizeof(*caller));
	caller->callers = c;
	c->last_number = (c->last_number + 1) & ~QREXEC_WITHDRAWN;
	caller->number = c->last_number;
	caller->stream = stream_create(c->agent->loop, fd, IN_MAX, OUT_MAX, &handler, caller);
	if (caller->stream == NULL) {
		log_warning("caller: %s", strerror(errno));
		free(caller);
		return;
	}
	list_append(&c->list, &caller->link);
	c->count++;
	update_listener(c);
}

/* Who comes while nobody can be let in waits in the kernel's queue. */
static void
update_listener(struct callers *c)
{
	bool wanted = c->online && c->count < QREXEC_CALLS_MAX;

	if (wanted && c->listener == NULL) {
		c->listener =
			loop_fd_create(c->agent->loop, c->listen_fd, EPOLLIN, handle_connection, c);
		if (c->listener == NULL)
			log_error("callers: %s", strerror(errno));
	} else if (!wanted && c->listener != NULL) {
		loop_fd_destroy(c->listener);
		c->listener = NULL;
	}
}

void
callers_set_online(struct callers *c, bool online)
{
	struct caller *caller, *next;

	c->online = online;
	if (!online)
		list_for_each_safe (caller, next, &c->list, link)
			if (caller->state == CALLER_WAITING || caller->state == CALLER_GONE)
				caller_destroy(caller);
	update_listener(c);
}

/* The caller whom dom0 means: waiting, or gone meanwhile. NULL with a line in the log. */
static struct caller *
find(struct callers *c, const char *untrusted_id, size_t size)
{
	size_t prefix = strlen(QREXEC_REQUEST_ID_PREFIX);
	struct caller *caller;
	uint64_t number;

	if (size > 0 && size <= QREXEC_REQUEST_ID_BYTES && memchr(untrusted_id, 0, size) != NULL &&
		text_starts_with(untrusted_id, QREXEC_REQUEST_ID_PREFIX) &&
		text_parse_u64(untrusted_id + prefix, UINT32_MAX, &number) == 0)
		list_for_each (caller, &c->list, link)
			if (caller->number == number &&
				(caller->state == CALLER_WAITING || caller->state == CALLER_GONE))
				return caller;
	log_warning("callers: answer to a request that is not pending ignored");
	return NULL;
}

void
callers_connect(struct callers *c, const struct qrexec_params *params)
{
	struct caller *caller = find(c, params->text, params->size);
	uint8_t answer[QREXEC_PARAMS_BYTES];

	if (caller == NULL)
		return;
	for (int i = 0; i < 4; i++) {
		answer[i] = (uint8_t)(params->domain >> (8 * i));
		answer[4 + i] = (uint8_t)(params->port >> (8 * i));
	}
	caller->domain = params->domain;
	caller->port = params->port;
	if (caller->state == CALLER_WAITING)
		stream_send(caller->stream, answer, sizeof(answer));
	else
		log_info("caller: left before dom0's answer");
	caller->state = CALLER_CONNECTED;
	if (caller->stream == NULL)
		caller_leave(caller);
}

void
callers_refuse(struct callers *c, const uint8_t id[QREXEC_REQUEST_ID_BYTES])
{
	struct caller *caller = find(c, (const char *)id, QREXEC_REQUEST_ID_BYTES);

	if (caller != NULL)
		caller_destroy(caller);
}

struct callers *
callers_create(struct agent *agent)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct callers *c = xcalloc(1, sizeof(*c));

	c->agent = agent;
	list_init(&c->list);
	c->path = agent->options.socket_path != NULL ? text_copy(agent->options.socket_path)
						     : root_path(SOCKET_PATH);
	c->listen_fd = socket_listen(c->path, SOCKET_MODE, &err);
	if (c->listen_fd < 0 || fd_set_nonblocking(c->listen_fd, 1) < 0)
		fatal("callers: %s", err_message(&err));
	return c;
}

void
callers_destroy(struct callers *c)
{
	struct caller *caller, *next;

	if (c == NULL)
		return;
	c->online = false;
	list_for_each_safe (caller, next, &c->list, link)
		caller_destroy(caller);
	loop_fd_destroy(c->listener);
	unlink(c->path);
	close(c->listen_fd);
	free(c->path);
	free(c);
}
