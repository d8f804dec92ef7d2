/* Calls of the Admin API, many at once (admin_client.h). */
#include "tools/lib/admin_client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/text.h"
#include "tools/lib/admin_connection.h"

/* What is left of a time limit that began at start_ms; -1 stays for ever. */
static int
remaining_ms(uint64_t start_ms, int timeout_ms)
{
	uint64_t passed = loop_now_ms() - start_ms;

	if (timeout_ms < 0)
		return -1;
	return passed >= (uint64_t)timeout_ms ? 0 : timeout_ms - (int)passed;
}

/* Adds what a connection waits for to a poll set; returns how many entries that took. */
static nfds_t
add_poll(const struct admin_connection *c, struct pollfd *polls)
{
	nfds_t count = 0;

	if (c->write_fd >= 0 && c->write_fd != c->read_fd)
		polls[count++] = (struct pollfd){.fd = c->write_fd, .events = POLLOUT};
	polls[count++] = (struct pollfd){
		.fd = c->read_fd,
		.events = (short)(c->write_fd == c->read_fd ? POLLIN | POLLOUT : POLLIN),
	};
	return count;
}

static void
end_call(struct admin_call *call)
{
	const char *content;
	size_t size;

	if (call->err.code == 0 &&
		admin_reply_parse(&call->connection->in, &content, &size, &call->err) == 0) {
		call->content = xcalloc(size + 1, 1);
		memcpy(call->content, content, size);
		call->size = size;
	}
	admin_connection_close(call->connection);
	call->connection = NULL;
}

/* Moves one call on; true when it is over. */
static bool
advance_call(struct admin_call *call)
{
	if (admin_connection_advance(call->connection, &call->err) == 0 && !call->connection->ended)
		return false;
	end_call(call);
	return true;
}

/* Opens connections up to the limit. A call that can not even begin is over at once. */
static void
open_more(struct admin_call *calls, size_t count, size_t *next, size_t *active)
{
	while (*next < count && *active < ADMIN_PARALLEL_MAX) {
		struct admin_call *call = &calls[(*next)++];

		call->connection = admin_connection_open(call, &call->err);
		if (call->connection != NULL && !advance_call(call))
			(*active)++;
	}
}

static void
give_up(struct admin_call *calls, size_t count, size_t next)
{
	for (size_t i = 0; i < count; i++) {
		if (i < next && calls[i].connection == NULL)
			continue;
		err_set(&calls[i].err, ETIMEDOUT, "no answer in time");
		if (calls[i].connection != NULL)
			end_call(&calls[i]);
	}
}

void
admin_calls_run(struct admin_call *calls, size_t count, int timeout_ms)
{
	uint64_t start_ms = loop_now_ms();
	size_t next = 0, active = 0;

	/* A qrexec-client-vm that ends early must not end us: its pipe says EPIPE. */
	signal(SIGPIPE, SIG_IGN);
	open_more(calls, count, &next, &active);
	while (active > 0) {
		struct pollfd polls[2 * ADMIN_PARALLEL_MAX];
		nfds_t poll_count = 0;
		int left_ms = remaining_ms(start_ms, timeout_ms);

		for (size_t i = 0; i < next; i++)
			if (calls[i].connection != NULL)
				poll_count += add_poll(calls[i].connection, polls + poll_count);
		if (left_ms == 0 || poll(polls, poll_count, left_ms) == 0) {
			give_up(calls, count, next);
			return;
		}
		for (size_t i = 0; i < next; i++)
			if (calls[i].connection != NULL && advance_call(&calls[i]))
				active--;
		open_more(calls, count, &next, &active);
	}
}

void
admin_call_finish(struct admin_call *call)
{
	admin_connection_close(call->connection);
	free(call->content);
	err_clear(&call->err);
	call->connection = NULL;
	call->content = NULL;
}

void
admin_calls_free(struct admin_call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		admin_call_finish(&calls[i]);
	free(calls);
}

int
admin_call(const char *method, const char *argument, const char *destination, const char *payload,
	char **ret_content, struct err *err)
{
	struct admin_call call = {
		.method = method,
		.argument = argument,
		.destination = destination,
		.payload = payload,
		.payload_size = payload != NULL ? strlen(payload) : 0,
	};
	int status = 0;

	admin_calls_run(&call, 1, -1);
	if (call.content == NULL)
		status = err_move(err, &call.err);
	else if (ret_content != NULL)
		*ret_content = steal_ptr(call.content);
	admin_call_finish(&call);
	return status;
}

struct admin_events {
	struct admin_connection *connection;
};

struct admin_events *
admin_events_open(const char *destination, struct err *err)
{
	const struct admin_call call = {.method = "admin.Events", .destination = destination};
	struct admin_connection *connection = admin_connection_open(&call, err);
	struct admin_events *events;

	if (connection == NULL)
		return NULL;
	events = xcalloc(1, sizeof(*events));
	events->connection = connection;
	return events;
}

int
admin_events_next(
	struct admin_events *events, int timeout_ms, struct admin_event *ret_event, struct err *err)
{
	struct admin_connection *c = events->connection;
	uint64_t start_ms = loop_now_ms();

	for (;;) {
		const char *content;
		size_t size;
		int e = admin_event_parse(&c->in, ret_event);

		if (e == 0)
			return 1;
		if (c->ended)
			return admin_reply_parse(&c->in, &content, &size, err) < 0
				       ? -1
				       : err_set(err, EBADMSG, "events of the daemon: ended");
		if (e == -EBADMSG && buf_data(&c->in)[0] != '2')
			return err_set(
				err, EBADMSG, "events of the daemon: not in the form of the API");

		struct pollfd polls[2];
		nfds_t count = add_poll(c, polls);

		if (poll(polls, count, remaining_ms(start_ms, timeout_ms)) == 0)
			return 0;
		if (admin_connection_advance(c, err) < 0)
			return -1;
	}
}

void
admin_events_poll(const struct admin_events *events, struct pollfd *ret_poll)
{
	struct pollfd polls[2];

	/* The request first, if it is not out yet. */
	add_poll(events->connection, polls);
	*ret_poll = polls[0];
}

void
admin_events_close(struct admin_events *events)
{
	if (events == NULL)
		return;
	admin_connection_close(events->connection);
	free(events);
}
