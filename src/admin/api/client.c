/*
 * One connection to the Admin API. Its bytes are hostile: a silent, slow, endless or vanishing
 * peer costs at most its buffers, for a limited time, and nobody else anything.
 */
#include "admin/api/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/api/api_private.h"
#include "admin/api/request.h"
#include "admin/api/stats.h"
#include "admin/api/visibility.h"
#include "admin/model/events.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "base/text.h"

/* One byte more than may come, to tell a request that is too large. */
#define IN_MAX_BYTES (REQUEST_LONG_MAX_BYTES + 1)

enum client_phase {
	CLIENT_READING,   /* the request is not complete */
	CLIENT_WAITING,   /* for its answer */
	CLIENT_ANSWERED,  /* the answer is on its way out */
	CLIENT_STREAMING, /* events or statistics */
};

struct client {
	struct list link; /* api.clients */
	struct api *api;
	struct stream *stream;
	struct loop_timer *timer;
	struct request *request; /* that will answer, or NULL */
	enum client_phase phase;
	bool is_internal;
	char caller[QUBE_NAME_MAX + 1]; /* "" while nothing is known */

	/* Streaming: */
	struct event_subscriber *subscriber;
	struct stats_listener *stats;
	char *subject; /* NULL: all */
	char *source;  /* of whom the policy is asked; NULL: it is not */
	struct loop_fd *hang_up;
	int hang_up_fd;
};

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	struct client *c = data;

	(void)s;
	/* Kept until the peer has said all; more than may come ends it here. */
	size_t limit = request_size_limit((const char *)buf_data(in), buf_len(in));

	if (buf_len(in) > limit) {
		log_warning("request is larger than %zu bytes: connection closed", limit);
		client_destroy(c);
	}
}

static void
handle_end(struct stream *s, int error, void *data)
{
	struct client *c = data;
	struct buf *in = stream_in(s);
	size_t size = buf_len(in);
	char *bytes;

	if (error < 0) {
		client_destroy(c);
		return;
	}
	loop_timer_stop(c->timer);
	c->phase = CLIENT_WAITING;
	bytes = xcalloc(1, size + 1);
	if (size > 0)
		memcpy(bytes, buf_data(in), size);
	buf_finish(in);
	request_begin(c->api, c, bytes, size);
}

static void
handle_flushed(struct stream *s, void *data)
{
	struct client *c = data;

	(void)s;
	if (c->phase == CLIENT_ANSWERED)
		client_destroy(c);
}

static const struct stream_handler stream_handler = {
	.handle_data = handle_data,
	.handle_end = handle_end,
	.handle_flushed = handle_flushed,
};

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	struct client *c = data;

	(void)timer;
	log_warning("a client %s: connection closed", c->phase == CLIENT_READING
							      ? "has not said what it wants in time"
							      : "does not take its answer");
	client_destroy(c);
}

struct client *
client_create(struct api *api, int fd, bool is_internal)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->api = api;
	c->is_internal = is_internal;
	c->hang_up_fd = -1;
	c->timer = loop_timer_create(api->config.loop, handle_timeout, c);
	if (c->timer != NULL)
		c->stream = stream_create(
			api->config.loop, fd, IN_MAX_BYTES, REPLY_MAX_BYTES, &stream_handler, c);
	if (c->stream == NULL) {
		loop_timer_destroy(c->timer);
		free(c);
		return NULL;
	}
	list_append(&api->clients, &c->link);
	api->client_count++;
	loop_timer_start(c->timer, api->config.request_timeout_ms);
	return c;
}

void
client_destroy(struct client *c)
{
	struct api *api = c->api;

	if (c->request != NULL)
		c->request->client = NULL;
	list_remove(&c->link);
	events_unsubscribe(c->subscriber);
	stats_unlisten(c->stats);
	loop_fd_destroy(c->hang_up);
	if (c->hang_up_fd >= 0)
		close(c->hang_up_fd);
	loop_timer_destroy(c->timer);
	stream_destroy(c->stream);
	free(c->subject);
	free(c->source);
	free(c);
	api->client_count--;
	api_client_gone(api);
}

void
client_destroy_all(struct api *api)
{
	struct client *c, *next;

	list_for_each_safe (c, next, &api->clients, link) {
		client_destroy(c);
	}
}

struct client *
client_oldest_silent(const struct api *api)
{
	struct client *c;

	list_for_each (c, &api->clients, link) {
		if (c->phase == CLIENT_READING)
			return c;
	}
	return NULL;
}

pid_t
client_process(const struct client *c)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(stream_fd(c->stream), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return 0;
	return peer.pid;
}

bool
client_is_internal(const struct client *c)
{
	return c->is_internal;
}

void
client_set_caller(struct client *c, const char *caller)
{
	(void)snprintf(c->caller, sizeof(c->caller), "%s", caller);
}

size_t
client_count_of(const struct api *api, const char *caller)
{
	const struct client *c;
	size_t count = 0;

	list_for_each (c, &api->clients, link)
		count += text_equal(c->caller, caller);
	return count;
}

void
client_set_request(struct client *c, struct request *r)
{
	c->request = r;
}

void
client_close(struct client *c)
{
	client_destroy(c);
}

void
client_answer(struct client *c, const void *bytes, size_t size)
{
	c->phase = CLIENT_ANSWERED;
	if (stream_send(c->stream, bytes, size) < 0 || stream_pending(c->stream) == 0) {
		client_destroy(c);
		return;
	}
	loop_timer_start(c->timer, c->api->config.reply_timeout_ms);
}

/* `31 00 SUBJECT 00 EVENT 00 (KEY 00 VALUE 00)* 00` */
static int
put_event(struct buf *out, const struct event *event)
{
	int result = buf_put_text(out, "1");

	if (result == 0)
		result = buf_put_text(out, event->subject);
	if (result == 0)
		result = buf_put_text(out, event->name);
	for (size_t i = 0; i < event->pair_count && result == 0; i++) {
		result = buf_put_text(out, event->pairs[i].key);
		if (result == 0)
			result = buf_put_text(out, event->pairs[i].value);
	}
	return result < 0 ? result : buf_put_u8(out, 0);
}

bool
client_send_event(struct client *c, const struct event *event)
{
	AUTO_BUF struct buf out = {0};

	buf_init(&out, EVENTS_PENDING_MAX);
	if (put_event(&out, event) < 0 ||
		stream_pending(c->stream) + buf_len(&out) > EVENTS_PENDING_MAX)
		log_warning("a reader of events is too slow, %zu bytes wait for it: connection "
			    "closed",
			stream_pending(c->stream));
	else if (stream_send(c->stream, buf_data(&out), buf_len(&out)) == 0)
		return true;
	client_destroy(c);
	return false;
}

void
client_end_events(struct client *c, const struct err *err)
{
	AUTO_BUF struct buf out = {0};

	buf_init(&out, EVENTS_PENDING_MAX);
	if (answer_put_exception(&out, err) < 0)
		buf_clear(&out);
	client_answer(c, buf_data(&out), buf_len(&out));
}

static void
handle_event(const struct event *event, void *data)
{
	struct client *c = data;

	if (c->subject != NULL && !text_equal(c->subject, event->subject))
		return;
	if (c->source != NULL && !api_may_hear(c->api, c->source, event))
		return;
	(void)client_send_event(c, event);
}

static void
handle_hang_up(struct loop_fd *source, uint32_t events, void *data)
{
	(void)source;
	(void)events;
	client_destroy(data);
}

/* Greets, and watches for the client's going. False: it is destroyed. */
static bool
begin_stream(struct client *c)
{
	static const struct event hello = {.subject = "", .name = "connection-established"};

	c->phase = CLIENT_STREAMING;
	/*
	 * The peer has said all, so its stream is not read any more; that it has gone shows only
	 * as a hang-up, which a second descriptor of the socket is watched for.
	 */
	c->hang_up_fd = fcntl(stream_fd(c->stream), F_DUPFD_CLOEXEC, 3);
	if (c->hang_up_fd >= 0)
		c->hang_up =
			loop_fd_create(c->api->config.loop, c->hang_up_fd, 0, handle_hang_up, c);
	if (c->hang_up == NULL) {
		client_destroy(c);
		return false;
	}
	return client_send_event(c, &hello);
}

void
client_begin_events(struct client *c, const char *subject, const char *source)
{
	c->subject = subject != NULL ? text_copy(subject) : NULL;
	c->source = source != NULL ? text_copy(source) : NULL;
	if (begin_stream(c))
		c->subscriber = events_subscribe(c->api->config.app, handle_event, c);
}

void
client_begin_stats(struct client *c, const char *subject)
{
	if (begin_stream(c))
		c->stats = stats_listen(c->api, c, subject);
}
