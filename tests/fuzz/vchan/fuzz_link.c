/*
 * The link machine under hostile bytes, and two of them that talk while everything that may
 * happen to them does. The first byte of the input chooses.
 *
 * Hostile: each record is a frame whose tag is made right, or bytes as they are. Talking: each byte
 * is something that an owner or the pipe does; neither machine may ever see a violation, and
 * what arrives on a stream is what was sent.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "vchan/link.h"

#define QUBE 5
#define STREAMS 16
#define WINDOW 3000

struct input {
	const uint8_t *bytes;
	size_t left;
};

/* A stream as one end's owner sees it. */
struct user {
	struct link_stream *stream;
	uint8_t next_sent, next_received; /* bytes count up */
	size_t unconsumed;
	bool ours;
};

struct end {
	struct link *link;
	uint64_t *nonces;
	bool hostile;     /* its peer is the fuzzer */
	bool may_violate; /* or the pipe was cut */
	struct user users[STREAMS];
};

static uint8_t
take(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->bytes++;
}

static uint64_t
make_nonce(void *data)
{
	struct end *e = data;

	return ++*e->nonces;
}

static struct user *
adopt(struct end *e, struct link_stream *s)
{
	for (size_t i = 0; i < STREAMS; i++) {
		struct user *u = &e->users[i];

		if (u->stream != NULL)
			continue;
		*u = (struct user){.stream = s};
		link_stream_set_user(s, u);
		return u;
	}
	return NULL;
}

static void
handle_up(struct link *link, void *data)
{
}

static void
handle_down(struct link *link, const char *violation, void *data)
{
	struct end *e = data;

	if (violation != NULL && !e->may_violate)
		fprintf(stderr, "violation: %s\n", violation);
	assert(violation == NULL || e->may_violate);
	for (size_t i = 0; i < STREAMS; i++)
		assert(e->users[i].stream == NULL); /* all were closed before */
}

static void
handle_open(struct link_stream *s, void *data)
{
	if (adopt(data, s) == NULL)
		link_stream_close(s, LINK_REASON_REFUSED);
}

static void
handle_accept(struct link_stream *s, void *data)
{
	assert(link_stream_user(s) != NULL);
}

static void
handle_data(struct link_stream *s, const uint8_t *bytes, size_t size, void *data)
{
	struct end *e = data;
	struct user *u = link_stream_user(s);

	u->unconsumed += size;
	assert(u->unconsumed <= LINK_WINDOW_GROWN);
	for (size_t i = 0; i < size && !e->hostile; i++)
		assert(bytes[i] == u->next_received++);
}

static void
handle_shutdown(struct link_stream *s, void *data)
{
}

static void
handle_close(struct link_stream *s, enum link_reason reason, void *data)
{
	struct user *u = link_stream_user(s);

	assert(u->stream == s);
	u->stream = NULL;
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
end_init(struct end *e, enum link_role role, uint64_t *nonces)
{
	*e = (struct end){.nonces = nonces};
	e->link = link_create(role, role == LINK_ROLE_HOST ? QUBE : UINT32_MAX, &handler, e);
	if (e->link == NULL)
		abort();
	link_start(e->link);
}

static void
open_stream(struct end *e, enum link_role role, uint8_t choice)
{
	const struct link_address address = {
		.server_domain = role == LINK_ROLE_HOST ? QUBE : 0,
		.client_domain = role == LINK_ROLE_HOST ? 0 : QUBE,
		.port = LINK_PORT_MIN + choice,
	};
	struct link_stream *s;

	for (size_t i = 0; i < STREAMS; i++) {
		if (e->users[i].stream != NULL)
			continue;
		s = link_stream_open(e->link, &address, WINDOW, NULL);
		if (s != NULL)
			adopt(e, s)->ours = true;
		return;
	}
}

static void
send_something(struct end *e, size_t limit)
{
	struct link_stream *s = link_next_ready(e->link);
	struct user *u;
	uint8_t *place;
	size_t room;

	if (s == NULL)
		return;
	u = link_stream_user(s);
	place = link_stream_reserve(s, &room);
	assert(place != NULL && room > 0);
	if (room > limit)
		room = limit;
	for (size_t i = 0; i < room; i++)
		place[i] = u->next_sent++;
	link_stream_commit(s, room);
}

/* What an owner may do at any time, chosen by two bytes. */
static void
act(struct end *e, enum link_role role, uint8_t what, uint8_t choice)
{
	struct user *u = &e->users[choice % STREAMS];

	switch (what % 8) {
	case 0:
		open_stream(e, role, choice);
		return;
	case 1:
		send_something(e, 1 + (size_t)choice * choice);
		return;
	default:
		break;
	}
	if (u->stream == NULL)
		return;
	switch (what % 8) {
	case 2:
		if (!u->ours)
			link_stream_accept(u->stream, WINDOW);
		break;
	case 3:
		link_stream_close(u->stream, choice % LINK_REASON_SESSION);
		u->stream = NULL;
		break;
	case 4:
		link_stream_shutdown(u->stream);
		break;
	case 5:
		link_stream_consumed(u->stream, u->unconsumed);
		u->unconsumed = 0;
		break;
	default:
		link_stream_set_ready(u->stream);
		break;
	}
}

static void
move(struct end *from, struct end *to, size_t size)
{
	struct buf *out = link_out(from->link), *in = link_in(to->link);

	if (size > buf_len(out))
		size = buf_len(out);
	if (size > buf_room(in))
		size = buf_room(in);
	buf_put(in, buf_data(out), size);
	buf_consume(out, size);
	link_process(to->link);
}

/* One end is killed, with what it had written so far in the pipe, and started again. */
static void
replace(struct end *e, enum link_role role)
{
	uint64_t *nonces = e->nonces;

	link_destroy(e->link);
	end_init(e, role, nonces);
}

static void
talk(struct input *in)
{
	uint64_t nonces = 0;
	struct end ends[2]; /* by enum link_role */

	end_init(&ends[LINK_ROLE_HOST], LINK_ROLE_HOST, &nonces);
	end_init(&ends[LINK_ROLE_QUBE], LINK_ROLE_QUBE, &nonces);
	while (in->left > 0) {
		uint8_t what = take(in), choice = take(in);
		enum link_role role = what & 1;
		struct end *e = &ends[role], *other = &ends[!role];

		if (what < 100)
			act(e, role, what >> 1, choice);
		else if (what < 250)
			move(e, other, choice < 128 ? choice : (size_t)choice << 9);
		else if (what < 252)
			link_start(e->link);
		else if (what < 254)
			replace(e, role);
		/* A frame that was cut in its tag looks like a violation: both may start again. */
		if (what >= 250)
			ends[0].may_violate = ends[1].may_violate = true;
		for (size_t i = 0; i < 2; i++) {
			if (link_state(ends[i].link) == LINK_DOWN)
				link_start(ends[i].link);
		}
	}
	/* Whatever happened, they find each other again. */
	for (int i = 0; i < 20; i++) {
		for (size_t role = 0; role < 2; role++) {
			move(&ends[role], &ends[!role], SIZE_MAX);
			if (link_state(ends[role].link) == LINK_DOWN)
				link_start(ends[role].link);
		}
	}
	assert(link_state(ends[0].link) == LINK_UP && link_state(ends[1].link) == LINK_UP);
	link_destroy(ends[0].link);
	link_destroy(ends[1].link);
}

/* Gives the machine a HELLO that it takes; returns the tag of frames to it. */
static uint32_t
greet(struct end *e, enum link_role role)
{
	const struct link_hello hello = {
		.version_min = LINK_VERSION,
		.version_max = LINK_VERSION,
		.role = !role,
		.domain = QUBE,
		.nonce = 99,
		.echo = *e->nonces,
		.frame_max = LINK_FRAME_MAX,
		.streams_max = LINK_STREAMS_MAX,
	};

	link_put_hello(link_in(e->link), &hello);
	link_process(e->link);
	assert(link_state(e->link) == LINK_UP);
	return link_session_tag(hello.nonce, hello.echo);
}

/* A frame with a right tag: most of the fuzzer's bytes then reach what acts upon frames. */
static void
feed_frame(struct end *e, struct input *in, uint32_t tag)
{
	struct buf *b = link_in(e->link);
	uint8_t type = take(in), stream = take(in);
	size_t size = take(in);

	if (size > in->left)
		size = in->left;
	if (buf_room(b) < size + LINK_OVERHEAD_BYTES)
		return;
	buf_put_u32(b, type % 8);
	buf_put_u32(b, stream);
	buf_put_u32(b, (uint32_t)size);
	buf_put(b, in->bytes, size);
	buf_put_u32(b, tag);
	in->bytes += size;
	in->left -= size;
}

static void
feed_bytes(struct end *e, struct input *in)
{
	size_t size = take(in);

	if (size > in->left)
		size = in->left;
	if (size > buf_room(link_in(e->link)))
		return;
	buf_put(link_in(e->link), in->bytes, size);
	in->bytes += size;
	in->left -= size;
}

static void
attack(struct input *in, enum link_role role)
{
	uint64_t nonces = 0;
	struct end e;
	uint32_t tag;

	end_init(&e, role, &nonces);
	e.hostile = e.may_violate = true;
	tag = greet(&e, role);
	while (in->left > 0) {
		uint8_t what = take(in);

		if (what < 100)
			feed_frame(&e, in, tag);
		else if (what < 140)
			feed_bytes(&e, in);
		else if (what < 250)
			act(&e, role, what, take(in));
		else if (what < 252)
			buf_clear(link_out(e.link));
		link_process(e.link);
		if (link_state(e.link) != LINK_UP) {
			link_start(e.link);
			tag = greet(&e, role);
		}
	}
	link_destroy(e.link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t choice = take(&in);

	if (choice % 3 == 2)
		talk(&in);
	else
		attack(&in, choice % 3);
	return 0;
}
