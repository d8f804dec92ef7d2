/* One end of a link under test, and what it has told its owner. */
#ifndef BULKHEAD_TESTS_LINK_END_H
#define BULKHEAD_TESTS_LINK_END_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "vchan/link.h"

#define QUBE 5

struct end {
	struct link *link;
	uint64_t next_nonce;
	struct link_stream *stream; /* the last one that was opened by the peer */
	struct buf received;
	char events[4096]; /* a word for each callback */
	const char *violation;
	/* when the test plays the peer */
	uint32_t tag_to_it;
};

static void
note(struct end *e, const char *event)
{
	size_t length = strlen(e->events);

	snprintf(e->events + length, sizeof(e->events) - length, "%s%s", length > 0 ? " " : "",
		event);
}

static uint64_t
make_nonce(void *data)
{
	struct end *e = data;

	return e->next_nonce++;
}

static void
handle_up(struct link *link, void *data)
{
	note(data, "up");
}

static void
handle_down(struct link *link, const char *violation, void *data)
{
	struct end *e = data;

	e->violation = violation;
	note(e, violation != NULL ? "violation" : "down");
}

static void
handle_open(struct link_stream *s, void *data)
{
	struct end *e = data;

	e->stream = s;
	note(e, "open");
}

static void
handle_accept(struct link_stream *s, void *data)
{
	note(data, "accept");
}

static void
handle_data(struct link_stream *s, const uint8_t *bytes, size_t size, void *data)
{
	struct end *e = data;

	assert_int_equal(buf_put(&e->received, bytes, size), 0);
	note(e, "data");
}

static void
handle_shutdown(struct link_stream *s, void *data)
{
	note(data, "shutdown");
}

static void
handle_close(struct link_stream *s, enum link_reason reason, void *data)
{
	static const char *const names[] = {
		"close:done", "close:refused", "close:timeout", "close:aborted", "close:session"};

	note(data, names[reason]);
}

static const struct link_handler handler = {
	.make_nonce = make_nonce,
	.handle_up = handle_up,
	.handle_down = handle_down,
	.handle_open = handle_open,
	.handle_accept = handle_accept,
	.handle_data = handle_data,
	.handle_shutdown = handle_shutdown,
	.handle_close = handle_close,
};

static void
end_init(struct end *e, enum link_role role)
{
	*e = (struct end){.next_nonce = role == LINK_ROLE_HOST ? 1000 : 2000};
	e->link = link_create(role, role == LINK_ROLE_HOST ? QUBE : UINT32_MAX, &handler, e);
	assert_non_null(e->link);
	buf_init(&e->received, 1 << 20);
}

static void
end_finish(struct end *e)
{
	link_destroy(e->link);
	buf_finish(&e->received);
}

/* The events since the last call. */
static void
assert_events(struct end *e, const char *expected)
{
	assert_string_equal(e->events, expected);
	e->events[0] = '\0';
}

static const struct link_address to_qube = {QUBE, 0, 513};
static const struct link_address to_host = {0, QUBE, 514};

#endif
