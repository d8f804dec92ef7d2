/*
 * The session of a link: HELLO, resynchronisation, cutting the input into frames. Runs in
 * vchan-linkd at both ends; every byte of the input is untrusted.
 *
 * A session is named by two nonces, one of each end. An end is GREETING until it has seen a HELLO
 * that repeats its own nonce, which nothing that was in the pipe before can do. Until then it
 * skips whatever is not a HELLO, and answers each HELLO with a new nonce once.
 */
#include "vchan/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vchan/link_internal.h"

#define IN_MAX (2UL * LINK_FRAME_MAX)

/*
 * A preamble, data frames up to the limit, and control frames: a peer that keeps to the protocol
 * can not make us queue more than a few for each stream before it has read them.
 */
#define OUT_MAX (LINK_PREAMBLE_BYTES + 2 * LINK_OUT_DATA_MAX + 2UL * LINK_STREAMS_MAX * 256)

static void
send_hello(struct link *link)
{
	const struct link_hello hello = {
		.version_min = LINK_VERSION,
		.version_max = LINK_VERSION,
		.role = (uint32_t)link->role,
		.domain = link->role == LINK_ROLE_HOST ? link->domain : UINT32_MAX,
		.nonce = link->nonce,
		.echo = link->peer_nonce,
		.frame_max = LINK_FRAME_MAX,
		.streams_max = LINK_STREAMS_MAX,
	};

	if (link_put_hello(&link->out, &hello) < 0)
		link->overflowed = true;
}

/* Fills up whatever frame the peer may still be in the middle of. */
static void
send_preamble(struct link *link)
{
	uint8_t *zeros = buf_reserve(&link->out, LINK_PREAMBLE_BYTES);

	if (zeros != NULL)
		memset(zeros, 0, LINK_PREAMBLE_BYTES);
	else
		link->overflowed = true;
}

/* Forgets the session; the state is then LINK_GREETING with a nonce of its own. */
static void
reset_session(struct link *link)
{
	link->state = LINK_GREETING;
	link->peer_nonce = 0;
	link->overflowed = false;
	link->violation = NULL;
	buf_clear(&link->out);
	do
		link->nonce = link->handler->make_nonce(link->data);
	while (link->nonce == 0);
}

/* The peer started anew, or something was lost: whatever was up is over. */
static void
end_session(struct link *link)
{
	bool was_up = link->state == LINK_UP;

	link->state = LINK_DOWN; /* what owners still say on their streams goes nowhere */
	link_streams_end(link, false);
	reset_session(link);
	if (was_up)
		link->handler->handle_down(link, NULL, link->data);
}

/* The peer broke the protocol: nothing more is said or heard until link_start(). */
static void
end_by_violation(struct link *link, const char *what)
{
	link->state = LINK_DOWN;
	link_streams_end(link, false);
	reset_session(link);
	link->state = LINK_DOWN;
	link->handler->handle_down(link, what, link->data);
}

void
link_violate(struct link *link, const char *what)
{
	if (link->violation == NULL)
		link->violation = what;
}

void
link_start(struct link *link)
{
	end_session(link);
	buf_clear(&link->in);
	send_preamble(link);
	send_hello(link);
}

struct link *
link_create(enum link_role role, uint32_t domain, const struct link_handler *handler, void *data)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->role = role;
	link->domain = domain;
	link->handler = handler;
	link->data = data;
	list_init(&link->ready);
	buf_init(&link->in, IN_MAX);
	buf_init(&link->out, OUT_MAX);
	/* All the memory for input at once, so that no read has to move or grow it. */
	if (buf_reserve(&link->in, IN_MAX) == NULL) {
		link_destroy(link);
		return NULL;
	}
	buf_clear(&link->in);
	return link;
}

void
link_destroy(struct link *link)
{
	if (link == NULL)
		return;
	link_streams_end(link, true);
	buf_finish(&link->in);
	buf_finish(&link->out);
	free(link);
}

enum link_state
link_state(const struct link *link)
{
	return link->state;
}

uint32_t
link_domain(const struct link *link)
{
	return link->domain;
}

struct buf *
link_in(struct link *link)
{
	return &link->in;
}

struct buf *
link_out(struct link *link)
{
	return &link->out;
}

void
link_emit(struct link *link, enum link_frame_type type, uint32_t stream, const uint32_t *words,
	size_t count)
{
	const struct link_header header = {
		.type = (uint8_t)type,
		.stream = stream,
		.length = (uint32_t)(count * sizeof(uint32_t)),
	};

	if (link->state != LINK_UP)
		return;
	if (buf_room(&link->out) < LINK_OVERHEAD_BYTES + header.length) {
		link->overflowed = true;
		return;
	}
	link_put_header(&link->out, &header);
	for (size_t i = 0; i < count; i++)
		buf_put_u32(&link->out, words[i]);
	if (buf_put_u32(&link->out, link->tag_out) < 0)
		link->overflowed = true;
}

static uint32_t
minimum(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static const char *
find_incompatibility(const struct link *link, const struct link_hello *hello)
{
	if (hello->role == (uint32_t)link->role)
		return "HELLO: role: both ends have the same";
	if (hello->version_min > LINK_VERSION || hello->version_max < LINK_VERSION)
		return "HELLO: version: no common one";
	return NULL;
}

static void
come_up(struct link *link, const struct link_hello *hello)
{
	link->state = LINK_UP;
	link->tag_in = link_session_tag(hello->nonce, link->nonce);
	link->tag_out = link_session_tag(link->nonce, hello->nonce);
	link->send_max = minimum(hello->frame_max, LINK_FRAME_MAX) - LINK_OVERHEAD_BYTES;
	link->open_max = minimum(hello->streams_max, LINK_STREAMS_MAX);
	if (link->role == LINK_ROLE_QUBE)
		link->domain = hello->domain;
	link->handler->handle_up(link, link->data);
}

static void
act_on_hello(struct link *link, const struct link_hello *hello)
{
	const char *incompatibility = find_incompatibility(link, hello);

	if (incompatibility != NULL) {
		link_violate(link, incompatibility);
		return;
	}
	if (link->state == LINK_UP) {
		if (hello->nonce == link->peer_nonce && hello->echo == link->nonce)
			return; /* once more what we know */
		end_session(link);
	}
	if (hello->nonce != link->peer_nonce) {
		link->peer_nonce = hello->nonce;
		send_hello(link);
	}
	if (hello->echo == link->nonce)
		come_up(link, hello);
}

/*
 * Looks for a HELLO in whatever is in the pipe. Returns whether to go on: false when more bytes
 * are needed.
 */
static bool
search_hello(struct link *link)
{
	size_t held = buf_len(&link->in), skipped, tail;
	const uint8_t *bytes = buf_data(&link->in);
	struct link_hello hello;
	const uint8_t *found;
	int result;

	found = memmem(bytes, held, link_magic, LINK_MAGIC_BYTES);
	if (found == NULL) {
		/* The beginning of the magic may be at the end. */
		tail = held < LINK_MAGIC_BYTES ? held : LINK_MAGIC_BYTES - 1;
		buf_consume(&link->in, held - tail);
		return false;
	}
	skipped = (size_t)(found - bytes);
	buf_consume(&link->in, skipped);
	result = link_peek_hello(&link->in, &hello);
	if (result == -EAGAIN)
		return false;
	if (result < 0) {
		buf_consume(&link->in, 1);
		return true;
	}
	buf_consume(&link->in, LINK_HELLO_BYTES);
	act_on_hello(link, &hello);
	return true;
}

static bool
take_hello(struct link *link)
{
	struct link_hello hello;
	int result = link_peek_hello(&link->in, &hello);

	if (result == -EAGAIN)
		return false;
	if (result < 0) {
		link_violate(link, "HELLO: malformed");
		return true;
	}
	buf_consume(&link->in, LINK_HELLO_BYTES);
	act_on_hello(link, &hello);
	return true;
}

/* Takes one frame of the session. Returns whether to go on. */
static bool
take_frame(struct link *link)
{
	const uint8_t *frame = buf_data(&link->in);
	struct link_header header;
	uint32_t tag;
	int result;

	if (buf_len(&link->in) == 0)
		return false;
	if (frame[0] == LINK_FRAME_PADDING) {
		end_session(link);
		return true;
	}
	if (frame[0] == LINK_FRAME_HELLO)
		return take_hello(link);
	result = link_peek_header(&link->in, &header);
	if (result == -EBADMSG)
		link_violate(link, "frame header: malformed");
	if (result < 0)
		return result != -EAGAIN;
	if (buf_peek_u32(&link->in, LINK_HEADER_BYTES + header.length, &tag) < 0)
		return false;
	/* The bytes stay where they are until more are added, which no callback does. */
	buf_consume(&link->in, LINK_OVERHEAD_BYTES + header.length);
	if (tag == link->tag_in)
		link_stream_dispatch(link, &header, frame + LINK_HEADER_BYTES);
	else if (tag == 0)
		end_session(link); /* cut short by the preamble of a new session */
	else
		link_violate(link, "frame: not of this session");
	return true;
}

void
link_process(struct link *link)
{
	bool more = true;

	while (more && link->state != LINK_DOWN) {
		more = link->state == LINK_UP ? take_frame(link) : search_hello(link);
		if (link->overflowed)
			link_violate(link, "answers: not read");
		if (link->violation != NULL)
			end_by_violation(link, link->violation);
	}
	if (link->state == LINK_DOWN)
		buf_clear(&link->in);
}
