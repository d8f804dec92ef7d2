/*
 * The agent's end of the control channel, see agent.h. dom0 is trusted, its bytes are parsed with
 * care all the same. Messages are taken apart as they come in: dom0 may pause anywhere.
 */
#include <errno.h>
#include <libvchan.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/notify.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/qube/agent.h"
#include "vchan/vchan_extra.h"

/* No string longer than this can be given to a program (MAX_ARG_STRLEN). */
#define COMMAND_BODY_MAX (QREXEC_PARAMS_BYTES + 131072)
#define IN_MAX (QREXEC_HEADER_BYTES + COMMAND_BODY_MAX)
/* Every caller's request and every call's end can wait here at the same time. */
#define OUT_MAX                                                                                    \
	((size_t)QREXEC_CALLS_MAX *                                                                \
		(QREXEC_HEADER_BYTES + QREXEC_TRIGGER4_HEAD_BYTES + QREXEC_SERVICE_BYTES + 1024))
#define RETRY_MS 1000

struct terminated {
	struct list link; /* control.terminated */
	uint32_t domain;
	uint32_t port;
};

struct control {
	struct agent *agent;
	struct libvchan *vchan;   /* while dom0 is awaited */
	struct loop_fd *waiting;  /* its events */
	struct loop_timer *retry; /* to offer the channel again when that failed */
	struct stream *stream;    /* once dom0 is there */
	uint32_t version;         /* 0 until HELLO was exchanged */
	struct list terminated;   /* to be told to dom0 once it is back */
};

static void offer(struct control *c);

static void
send_buffer(struct control *c, const struct buf *message)
{
	int e = stream_send(c->stream, buf_data(message), buf_len(message));

	if (e < 0 && e != -EPIPE)
		log_error("control channel: cannot send: %s", strerror(-e));
}

void
control_send_terminated(struct control *c, uint32_t domain, uint32_t port)
{
	AUTO_BUF struct buf message;
	struct terminated *kept;

	if (c->version == 0) {
		kept = xcalloc(1, sizeof(*kept));
		kept->domain = domain;
		kept->port = port;
		list_append(&c->terminated, &kept->link);
		return;
	}
	buf_init(&message, QREXEC_HEADER_BYTES + QREXEC_PARAMS_BYTES);
	qrexec_put_params(&message, QREXEC_CONNECTION_TERMINATED, domain, port, NULL, 0);
	send_buffer(c, &message);
}

int
control_send_trigger(struct control *c, const struct qrexec_trigger *trigger)
{
	AUTO_BUF struct buf message;
	int e;

	buf_init(&message, QREXEC_HEADER_BYTES + QREXEC_TRIGGER4_HEAD_BYTES + QREXEC_SERVICE_BYTES);
	if (c->version == 0)
		return -ENOTCONN;
	if ((e = qrexec_put_trigger(&message, c->version, trigger)) < 0)
		return e;
	return stream_send(c->stream, buf_data(&message), buf_len(&message));
}

static void
tell_terminated(struct control *c)
{
	struct terminated *t, *next;

	list_for_each_safe (t, next, &c->terminated, link) {
		list_remove(&t->link);
		control_send_terminated(c, t->domain, t->port);
		free(t);
	}
}

/* Messages of dom0. Each returns 0, -EAGAIN (not all there yet) or -EBADMSG. */

static int
take_hello(struct control *c, struct buf *in)
{
	uint32_t peer = 0;
	int e = qrexec_get_hello(in, &peer);

	if (e < 0)
		return e;
	e = qrexec_negotiate(QREXEC_VERSION, peer, QREXEC_VERSION_MIN);
	if (e < 0)
		fatal("control channel: version %u of dom0 is too old", peer);
	c->version = (uint32_t)e;
	log_debug("control channel: connected, version %u", c->version);
	tell_terminated(c);
	callers_set_online(c->agent->callers, true);
	notify_ready();
	return 0;
}

static int
take_exec(struct control *c, struct buf *in)
{
	struct qrexec_params params;
	uint32_t type;
	int e = qrexec_get_params(in, COMMAND_BODY_MAX, &type, &params);

	if (e < 0)
		return e;
	if (params.size == 0)
		return -EBADMSG;
	calls_begin(c->agent->calls, call_create(type, &params));
	qrexec_params_finish(&params);
	return 0;
}

static int
take_connect(struct control *c, struct buf *in)
{
	struct qrexec_params params;
	uint32_t type;
	int e = qrexec_get_params(in, COMMAND_BODY_MAX, &type, &params);

	if (e < 0)
		return e;
	callers_connect(c->agent->callers, &params);
	qrexec_params_finish(&params);
	return 0;
}

static int
take_refused(struct control *c, struct buf *in)
{
	uint8_t id[QREXEC_REQUEST_ID_BYTES];
	int e = qrexec_get_refused(in, id);

	if (e == 0)
		callers_refuse(c->agent->callers, id);
	return e;
}

static int
take_message(struct control *c, struct buf *in)
{
	struct qrexec_header header;
	int e;

	if (c->version == 0)
		return take_hello(c, in);
	if ((e = qrexec_header_peek(in, &header)) < 0)
		return e;
	switch (header.type) {
	case QREXEC_EXEC_CMDLINE:
	case QREXEC_JUST_EXEC:
		return take_exec(c, in);
	case QREXEC_SERVICE_CONNECT:
		return take_connect(c, in);
	case QREXEC_SERVICE_REFUSED:
		return take_refused(c, in);
	default:
		return -EBADMSG;
	}
}

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	struct control *c = data;
	struct qrexec_header header = {0};
	int e;

	do {
		qrexec_header_peek(in, &header);
		e = take_message(c, in);
	} while (e == 0);
	if (e != -EAGAIN)
		fatal("control channel: %s (%#x) of %u bytes makes no sense: %s",
			qrexec_type_name(header.type), header.type, header.length, strerror(-e));
}

static void
handle_end(struct stream *s, int error, void *data)
{
	struct control *c = data;

	log_info("control channel: lost%s%s", error < 0 ? ": " : "",
		error < 0 ? strerror(-error) : "");
	stream_destroy(c->stream);
	c->stream = NULL;
	c->version = 0;
	callers_set_online(c->agent->callers, false);
	offer(c);
}

static void
begin(struct control *c)
{
	static const struct stream_handler handler = {
		.handle_data = handle_data,
		.handle_end = handle_end,
	};
	AUTO_BUF struct buf hello;
	int fd = vchan_detach(c->vchan);

	if (fd < 0)
		fatal("control channel: cannot take it over");
	c->vchan = NULL;
	c->stream = stream_create(c->agent->loop, fd, IN_MAX, OUT_MAX, &handler, c);
	if (c->stream == NULL)
		fatal("control channel: %s", strerror(errno));
	buf_init(&hello, QREXEC_HEADER_BYTES + 4);
	qrexec_put_hello(&hello, QREXEC_VERSION);
	send_buffer(c, &hello);
}

static void
stop_waiting(struct control *c)
{
	loop_fd_destroy(c->waiting);
	c->waiting = NULL;
	libvchan_close(c->vchan);
	c->vchan = NULL;
}

static void
handle_vchan(struct loop_fd *source, uint32_t events, void *data)
{
	struct control *c = data;
	int state = vchan_advance(c->vchan);

	if (state == VCHAN_WAITING)
		return;
	if (state == VCHAN_CONNECTED) {
		loop_fd_destroy(c->waiting);
		c->waiting = NULL;
		begin(c);
		return;
	}
	log_warning("control channel: %s", strerror(-state));
	stop_waiting(c);
	loop_timer_start(c->retry, RETRY_MS);
}

static void
offer(struct control *c)
{
	struct vchan_config config = VCHAN_CONFIG_INIT;

	config.server = true;
	config.port = QREXEC_PORT_CONTROL;
	config.read_min = config.write_min = QREXEC_CONTROL_RING_BYTES;
	c->vchan = vchan_create(&config);
	if (c->vchan == NULL) {
		log_error("control channel: cannot offer it: %s", strerror(errno));
		loop_timer_start(c->retry, RETRY_MS);
		return;
	}
	c->waiting = loop_fd_create(
		c->agent->loop, libvchan_fd_for_select(c->vchan), EPOLLIN, handle_vchan, c);
	if (c->waiting == NULL)
		fatal("control channel: %s", strerror(errno));
}

static void
handle_retry(struct loop_timer *timer, void *data)
{
	offer(data);
}

struct control *
control_create(struct agent *agent)
{
	struct control *c = xcalloc(1, sizeof(*c));

	c->agent = agent;
	list_init(&c->terminated);
	c->retry = loop_timer_create(agent->loop, handle_retry, c);
	if (c->retry == NULL)
		fatal("control channel: %s", strerror(errno));
	offer(c);
	return c;
}

void
control_destroy(struct control *c)
{
	struct terminated *t, *next;

	if (c == NULL)
		return;
	list_for_each_safe (t, next, &c->terminated, link)
		free(t);
	if (c->vchan != NULL)
		stop_waiting(c);
	stream_destroy(c->stream);
	loop_timer_destroy(c->retry);
	free(c);
}
