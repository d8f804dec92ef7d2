/*
 * Streams of a link: who may say what when, credit, and whose turn it is. Runs in vchan-linkd at
 * both ends; frames come from a peer that is not trusted.
 *
 * Each end sends CLOSE as its last frame of a stream and forgets the stream when it has both sent
 * and received it; so nothing late can ever meet a new stream of the same number.
 */
#include <assert.h>
#include <stdlib.h>

#include "vchan/link_internal.h"

static struct link_stream **
slot_of(struct link *link, uint32_t id)
{
	bool ours = (id & 1) == (uint32_t)link->role;
	uint32_t index = id >> 1;

	if (index >= LINK_STREAMS_MAX)
		return NULL;
	return &link->streams[ours ? LINK_OPENED_BY_US : LINK_OPENED_BY_PEER][index];
}

static struct link_stream *
create_stream(struct link *link, struct link_stream **slot, uint32_t id, bool ours)
{
	struct link_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->link = link;
	s->id = id;
	s->ours = ours;
	s->slot = slot;
	list_init(&s->ready_link);
	*slot = s;
	return s;
}

static void
free_stream(struct link_stream *s)
{
	*s->slot = NULL;
	list_remove(&s->ready_link);
	free(s);
}

void
link_streams_end(struct link *link, bool silently)
{
	for (size_t i = 0; i < 2 * (size_t)LINK_STREAMS_MAX; i++) {
		struct link_stream *s = link->streams[i / LINK_STREAMS_MAX][i % LINK_STREAMS_MAX];

		if (s == NULL)
			continue;
		if (!s->close_sent && !silently) {
			s->close_sent = true;
			link->handler->handle_close(s, LINK_REASON_SESSION, link->data);
		}
		free_stream(s);
	}
}

/* Puts a stream in line if it wants to send and may. */
static void
update_ready(struct link_stream *s)
{
	bool may = s->accepted && !s->close_sent && !s->shutdown_sent && s->send_credit > 0;

	if (!may || !s->wants_send)
		list_remove(&s->ready_link);
	else if (list_empty(&s->ready_link))
		list_append(&s->link->ready, &s->ready_link);
}

/* What an owner does */

static bool
find_free_index(struct link *link, uint32_t *ret_index)
{
	for (uint32_t i = 0; i < link->open_max; i++) {
		uint32_t index = (link->next_index + i) % link->open_max;

		if (link->streams[LINK_OPENED_BY_US][index] == NULL) {
			*ret_index = index;
			return true;
		}
	}
	return false;
}

struct link_stream *
link_stream_open(struct link *link, const struct link_address *address, uint32_t window, void *user)
{
	const uint32_t words[] = {
		address->server_domain, address->client_domain, address->port, window};
	struct link_stream *s;
	uint32_t index;

	if (link->state != LINK_UP || !find_free_index(link, &index))
		return NULL;
	s = create_stream(link, &link->streams[LINK_OPENED_BY_US][index],
		index << 1 | (uint32_t)link->role, true);
	if (s == NULL)
		return NULL;
	link->next_index = index + 1;
	s->address = *address;
	s->window = s->receive_credit = window;
	s->user = user;
	link_emit(link, LINK_FRAME_OPEN, s->id, words, sizeof(words) / sizeof(words[0]));
	return s;
}

void
link_stream_accept(struct link_stream *s, uint32_t window)
{
	assert(!s->ours);
	if (s->accepted || s->close_sent)
		return;
	s->accepted = true;
	s->window = s->receive_credit = window;
	link_emit(s->link, LINK_FRAME_ACCEPT, s->id, &window, 1);
	update_ready(s);
}

void
link_stream_close(struct link_stream *s, enum link_reason reason)
{
	const uint32_t word = (uint32_t)reason;

	if (s->close_sent)
		return;
	s->close_sent = true;
	s->user = NULL;
	update_ready(s);
	link_emit(s->link, LINK_FRAME_CLOSE, s->id, &word, 1);
}

void
link_stream_shutdown(struct link_stream *s)
{
	if (!s->accepted || s->shutdown_sent || s->close_sent)
		return;
	s->shutdown_sent = true;
	update_ready(s);
	link_emit(s->link, LINK_FRAME_SHUTDOWN, s->id, NULL, 0);
}

/*
 * A stream that has moved as much as its window gets a larger one: on its way the answer passes
 * several processes, and a small window is used up before it is there. One whose reader stalls
 * keeps what it had.
 */
static uint32_t
grow_window(struct link_stream *s, uint32_t credit)
{
	uint32_t growth = s->window;

	s->passed += credit;
	if (s->passed < s->window || s->window >= LINK_WINDOW_GROWN)
		return 0;
	if (growth > LINK_WINDOW_GROWN - s->window)
		growth = LINK_WINDOW_GROWN - s->window;
	s->window += growth;
	s->passed = 0;
	return growth;
}

void
link_stream_consumed(struct link_stream *s, size_t size)
{
	uint32_t credit;

	s->consumed += (uint32_t)size;
	/* In large pieces: a frame for each would cost more than the bytes. */
	if (s->consumed == 0 || s->consumed < s->window / 4)
		return;
	if (s->close_sent || s->shutdown_received)
		return;
	credit = s->consumed + grow_window(s, s->consumed);
	link_emit(s->link, LINK_FRAME_CREDIT, s->id, &credit, 1);
	s->receive_credit += credit;
	s->consumed = 0;
}

const struct link_address *
link_stream_address(const struct link_stream *s)
{
	return &s->address;
}

void *
link_stream_user(const struct link_stream *s)
{
	return s->user;
}

void
link_stream_set_user(struct link_stream *s, void *user)
{
	s->user = user;
}

void
link_stream_set_ready(struct link_stream *s)
{
	s->wants_send = true;
	update_ready(s);
}

struct link_stream *
link_next_ready(struct link *link)
{
	struct link_stream *s;

	if (list_empty(&link->ready) || buf_len(&link->out) >= LINK_OUT_DATA_MAX)
		return NULL;
	s = container_of(link->ready.next, struct link_stream, ready_link);
	s->wants_send = false;
	list_remove(&s->ready_link);
	return s;
}

static uint32_t
sendable(const struct link_stream *s)
{
	uint32_t size = s->send_credit;

	if (size > s->link->send_max)
		size = s->link->send_max;
	if (s->link->role == LINK_ROLE_QUBE && size > LINK_SEND_MAX)
		size = LINK_SEND_MAX;
	return size;
}

void *
link_stream_reserve(struct link_stream *s, size_t *ret_size)
{
	uint32_t size = sendable(s);
	uint8_t *frame = buf_reserve(&s->link->out, size + LINK_OVERHEAD_BYTES);

	if (frame == NULL)
		return NULL;
	*ret_size = size;
	return frame + LINK_HEADER_BYTES;
}

void
link_stream_commit(struct link_stream *s, size_t size)
{
	const struct link_header header = {
		.type = LINK_FRAME_DATA, .stream = s->id, .length = (uint32_t)size};
	struct buf *out = &s->link->out;
	size_t reserved = sendable(s) + LINK_OVERHEAD_BYTES;

	assert(size <= sendable(s));
	/* The payload is in its place: put the header before it and the tag behind. */
	buf_trim(out, reserved);
	if (size == 0)
		return;
	link_put_header(out, &header);
	buf_reserve(out, size);
	buf_put_u32(out, s->link->tag_out);
	s->send_credit -= (uint32_t)size;
}

/* What the peer does */

static uint32_t
word_at(const uint8_t *payload, size_t index)
{
	const uint8_t *p = payload + index * sizeof(uint32_t);

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A qube speaks for itself only, and the host talks to the qube that it has there. */
static bool
address_is_legal(const struct link *link, const struct link_address *address)
{
	uint32_t qube =
		link->role == LINK_ROLE_HOST ? address->client_domain : address->server_domain;

	return qube == link->domain && address->server_domain != address->client_domain &&
	       link_port_exists(address->port);
}

static void
act_on_open(struct link *link, uint32_t id, const uint8_t *payload)
{
	const struct link_address address = {
		word_at(payload, 0), word_at(payload, 1), word_at(payload, 2)};
	uint32_t window = word_at(payload, 3);
	struct link_stream **slot = slot_of(link, id);
	struct link_stream *s;

	if (slot == NULL || (id & 1) == (uint32_t)link->role) {
		link_violate(link, "OPEN: stream: not the peer's to open");
		return;
	}
	if (*slot != NULL) {
		link_violate(link, "OPEN: stream: in use");
		return;
	}
	if (!address_is_legal(link, &address)) {
		link_violate(link, "OPEN: address: not the peer's to name");
		return;
	}
	if (window == 0 || window > LINK_WINDOW_MAX) {
		link_violate(link, "OPEN: window: out of range");
		return;
	}
	s = create_stream(link, slot, id, false);
	if (s == NULL) {
		link_violate(link, "OPEN: no memory");
		return;
	}
	s->address = address;
	s->send_credit = window;
	link->handler->handle_open(s, link->data);
}

static void
act_on_accept(struct link_stream *s, const uint8_t *payload)
{
	uint32_t window = word_at(payload, 0);

	if (!s->ours || s->accepted) {
		link_violate(s->link, "ACCEPT: stream: is not being opened");
		return;
	}
	if (window == 0 || window > LINK_WINDOW_MAX) {
		link_violate(s->link, "ACCEPT: window: out of range");
		return;
	}
	s->accepted = true;
	s->send_credit = window;
	if (s->close_sent)
		return;
	update_ready(s);
	s->link->handler->handle_accept(s, s->link->data);
}

static void
act_on_data(struct link_stream *s, const uint8_t *payload, uint32_t size)
{
	if (!s->accepted || s->shutdown_received) {
		link_violate(s->link, "DATA: stream: not open in this direction");
		return;
	}
	if (size == 0 || size > s->receive_credit) {
		link_violate(s->link, "DATA: length: more than was granted, or nothing");
		return;
	}
	s->receive_credit -= size;
	if (!s->close_sent)
		s->link->handler->handle_data(s, payload, size, s->link->data);
}

static void
act_on_credit(struct link_stream *s, const uint8_t *payload)
{
	uint32_t size = word_at(payload, 0);

	if (!s->accepted) {
		link_violate(s->link, "CREDIT: stream: not open");
		return;
	}
	if (size == 0 || size > LINK_WINDOW_MAX - s->send_credit) {
		link_violate(s->link, "CREDIT: bytes: out of range");
		return;
	}
	s->send_credit += size;
	update_ready(s);
}

static void
act_on_shutdown(struct link_stream *s)
{
	if (!s->accepted || s->shutdown_received) {
		link_violate(s->link, "SHUTDOWN: stream: not open in this direction");
		return;
	}
	s->shutdown_received = true;
	if (!s->close_sent)
		s->link->handler->handle_shutdown(s, s->link->data);
}

static void
act_on_close(struct link_stream *s, const uint8_t *payload)
{
	const uint32_t done = LINK_REASON_DONE;
	uint32_t reason = word_at(payload, 0);

	if (reason >= LINK_REASON_SESSION) {
		link_violate(s->link, "CLOSE: reason: unknown");
		return;
	}
	if (!s->close_sent) {
		/* The peer takes nothing more, so there is nothing to wait for. */
		s->close_sent = true;
		link_emit(s->link, LINK_FRAME_CLOSE, s->id, &done, 1);
		s->link->handler->handle_close(s, (enum link_reason)reason, s->link->data);
	}
	free_stream(s);
}

static bool
length_is_right(const struct link_header *header)
{
	switch ((enum link_frame_type)header->type) {
	case LINK_FRAME_OPEN:
		return header->length == 4 * sizeof(uint32_t);
	case LINK_FRAME_ACCEPT:
	case LINK_FRAME_CREDIT:
	case LINK_FRAME_CLOSE:
		return header->length == sizeof(uint32_t);
	case LINK_FRAME_SHUTDOWN:
		return header->length == 0;
	case LINK_FRAME_DATA:
	case LINK_FRAME_PADDING:
	case LINK_FRAME_HELLO:
		break;
	}
	return true;
}

void
link_stream_dispatch(struct link *link, const struct link_header *header, const uint8_t *payload)
{
	struct link_stream **slot = slot_of(link, header->stream);

	if (!length_is_right(header)) {
		link_violate(link, "frame header: length: wrong for the type");
		return;
	}
	if (header->type == LINK_FRAME_OPEN) {
		act_on_open(link, header->stream, payload);
		return;
	}
	if (slot == NULL || *slot == NULL) {
		link_violate(link, "frame header: stream: none of this number");
		return;
	}
	switch ((enum link_frame_type)header->type) {
	case LINK_FRAME_ACCEPT:
		act_on_accept(*slot, payload);
		break;
	case LINK_FRAME_DATA:
		act_on_data(*slot, payload, header->length);
		break;
	case LINK_FRAME_CREDIT:
		act_on_credit(*slot, payload);
		break;
	case LINK_FRAME_SHUTDOWN:
		act_on_shutdown(*slot);
		break;
	case LINK_FRAME_CLOSE:
		act_on_close(*slot, payload);
		break;
	case LINK_FRAME_OPEN:
	case LINK_FRAME_PADDING:
	case LINK_FRAME_HELLO:
		break;
	}
}
