/*
 * One question, one answer, end; see server.h. Most questions are whole when their connection is
 * accepted and are answered at once; only for the others does a client enter the loop.
 */
#include "qrexec/policy/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/socket.h"
#include "base/text.h"
#include "qrexec/policy/answer.h"

#define SOCKET_MODE 0660
#define ACCEPT_BATCH 64
#define SWEEP_INTERVAL_MS 1000

struct server {
	struct loop *loop;
	struct decider *decider;
	const struct server_protocol *protocol;
	int fd;
	struct loop_fd *source;
	struct loop_timer *sweep; /* ends clients that take too long to ask */
	struct list clients;      /* client.link */
	size_t client_count;
	char *path;
};

struct client {
	struct server *server;
	struct list link; /* server.clients */
	int fd;
	struct loop_fd *source; /* NULL as long as the loop was not needed */
	struct buf in;
	uint64_t deadline_ms;
	struct server_question question;
	bool asked;
	struct inquiry *inquiry; /* under way */
};

static void
update_listening(struct server *s)
{
	loop_fd_set_events(s->source, s->client_count < SERVER_MAX_CLIENTS ? EPOLLIN : 0);
}

static void
client_destroy(struct client *c)
{
	inquiry_cancel(c->inquiry);
	loop_fd_destroy(c->source);
	close(c->fd);
	buf_finish(&c->in);
	list_remove(&c->link);
	c->server->client_count--;
	update_listening(c->server);
	free(c);
}

/* An answer is far smaller than what a fresh socket takes: what it does not take is lost. */
static void
handle_decision(const struct policy_view *v, const struct policy_decision *d,
	const struct inquiry_question *question, void *data)
{
	struct client *c = data;
	AUTO_BUF struct buf out;

	(void)question;
	c->inquiry = NULL;
	buf_init(&out, POLICY_ANSWER_MAX);
	if (c->server->protocol->format(v, d, &c->question, &out) < 0) {
		log_qube_message(LOG_LEVEL_ERROR, c->question.inquiry.request.source,
			"%s: the answer is too long: refused", c->server->protocol->name);
		buf_clear(&out);
		buf_put_string(&out, "result=deny\n");
	}
	if (buf_len(&out) > 0 &&
		send(c->fd, buf_data(&out), buf_len(&out), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("%s: the client is gone", c->server->protocol->name);
	client_destroy(c);
}

/* The functions below return whether the client stays: false when it is answered and gone. */

static bool
ask(struct client *c)
{
	struct inquiry *inquiry;

	c->asked = true;
	inquiry = decider_ask(c->server->decider, &c->question.inquiry, handle_decision, c);
	if (inquiry == NULL)
		return false;
	c->inquiry = inquiry;
	/* From here on only its going away matters, which is always told. */
	if (c->source != NULL)
		loop_fd_set_events(c->source, 0);
	return true;
}

static bool
try_question(struct client *c, bool ended)
{
	AUTO_ERR struct err err = ERR_INIT;
	enum server_parse result = SERVER_PARSE_BAD;
	size_t size = buf_len(&c->in);

	/* The room for one more byte. */
	if (buf_reserve(&c->in, 1) != NULL) {
		char *bytes = (char *)c->in.data + c->in.start;

		result = c->server->protocol->parse(bytes, size, ended, &c->question, &err);
		buf_trim(&c->in, 1);
	}
	if (result == SERVER_PARSE_MORE && !ended)
		return true;
	if (result == SERVER_PARSE_DONE)
		return ask(c);
	log_warning(
		"%s: closed without an answer: %s", c->server->protocol->name, err_message(&err));
	client_destroy(c);
	return false;
}

/* Reads until the question is whole or nothing more is there. */
static bool
read_question(struct client *c)
{
	while (!c->asked) {
		ssize_t count = buf_read_fd(&c->in, c->fd, c->server->protocol->max_bytes);

		if (count == -EAGAIN)
			return true;
		if (count < 0) {
			log_warning("%s: closed without an answer: %s", c->server->protocol->name,
				strerror((int)-count));
			client_destroy(c);
			return false;
		}
		if (!try_question(c, count == 0))
			return false;
	}
	return true;
}

static void
handle_client(struct loop_fd *source, uint32_t events, void *data)
{
	struct client *c = data;

	(void)source;
	if (!c->asked)
		read_question(c);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		client_destroy(c);
}

static void
handle_sweep(struct loop_timer *timer, void *data)
{
	struct server *s = data;
	struct client *c, *following;
	uint64_t now_ms = loop_now_ms();

	list_for_each_safe (c, following, &s->clients, link) {
		if (!c->asked && c->deadline_ms <= now_ms) {
			log_warning("%s: a client asked nothing in time", s->protocol->name);
			client_destroy(c);
		}
	}
	if (s->client_count > 0)
		loop_timer_start(timer, SWEEP_INTERVAL_MS);
}

/* Puts a client that could not be answered at once into the loop. */
static void
enter_loop(struct client *c)
{
	struct server *s = c->server;

	c->source = loop_fd_create(s->loop, c->fd, c->asked ? 0 : EPOLLIN, handle_client, c);
	if (c->source == NULL) {
		client_destroy(c);
		return;
	}
	if (s->client_count == 1)
		loop_timer_start(s->sweep, SWEEP_INTERVAL_MS);
}

static void
serve(struct server *s, int fd)
{
	struct client *c = xcalloc(1, sizeof(*c));

	*c = (struct client){
		.server = s, .fd = fd, .deadline_ms = loop_now_ms() + SERVER_QUESTION_TIMEOUT_MS};
	buf_init(&c->in, s->protocol->max_bytes + 1);
	list_append(&s->clients, &c->link);
	s->client_count++;
	if (read_question(c))
		enter_loop(c);
}

static void
handle_connections(struct loop_fd *source, uint32_t events, void *data)
{
	struct server *s = data;

	(void)source;
	(void)events;
	for (int i = 0; i < ACCEPT_BATCH && s->client_count < SERVER_MAX_CLIENTS; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && errno == ECONNABORTED)
			continue;
		if (fd < 0 && errno != EAGAIN)
			log_error("%s: cannot accept: %s", s->protocol->name, strerror(errno));
		if (fd < 0)
			break;
		serve(s, fd);
	}
	update_listening(s);
}

struct server *
server_create(struct loop *loop, struct decider *decider, const char *path,
	const struct server_protocol *protocol, struct err *err)
{
	struct server *s = xcalloc(1, sizeof(*s));

	*s = (struct server){
		.loop = loop, .decider = decider, .protocol = protocol, .path = text_copy(path)};
	list_init(&s->clients);
	s->fd = socket_listen(path, SOCKET_MODE, err);
	if (s->fd < 0)
		goto error_server;
	fd_set_nonblocking(s->fd, 1);
	s->source = loop_fd_create(loop, s->fd, EPOLLIN, handle_connections, s);
	s->sweep = loop_timer_create(loop, handle_sweep, s);
	if (s->source == NULL || s->sweep == NULL) {
		err_set_errno(err, errno, "socket '%s'", path);
		goto error_server;
	}
	return s;
error_server:
	server_destroy(s);
	return NULL;
}

void
server_destroy(struct server *s)
{
	struct client *c, *following;

	if (s == NULL)
		return;
	list_for_each_safe (c, following, &s->clients, link)
		client_destroy(c);
	loop_fd_destroy(s->source);
	loop_timer_destroy(s->sweep);
	if (s->fd >= 0) {
		close(s->fd);
		unlink(s->path);
	}
	free(s->path);
	free(s);
}
