/*
 * The link protocol as a state machine without I/O: many streams over one pair of byte pipes,
 * each stream with its own credit. The same code runs at both ends. docs/protocols/link.md says
 * what travels; this header what the owner of the pipe does:
 *
 *     read from the pipe into link_in(), then link_process()       -> callbacks
 *     while link_next_ready() names a stream: fill it (link_stream_reserve, _commit)
 *     write link_out() to the pipe and consume what was written
 *
 * A stream's bytes are copied once in each direction by the owner itself: from its source right
 * into the output, and from the input right to its destination.
 *
 * What the peer sends is not trusted. A violation ends the session: all streams are closed, the
 * handler is told why, and the owner calls link_start() again when it sees fit.
 */
#ifndef BULKHEAD_VCHAN_LINK_H
#define BULKHEAD_VCHAN_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "vchan/link_frame.h"

#define LINK_STREAMS_MAX 512              /* opened by one end at the same time */
#define LINK_WINDOW_DEFAULT (256U * 1024) /* bytes a stream may have under way, to begin with */
#define LINK_WINDOW_GROWN 0x100000U       /* once it has shown that it is read as fast */
#define LINK_WINDOW_MAX (16U * 1024 * 1024)
#define LINK_PORT_MIN 512
#define LINK_PORT_MAX 768
#define LINK_PORT_GUI 6000

/* More than this waiting in link_out(): no stream is ready. Bounds what urgent bytes wait for. */
#define LINK_OUT_DATA_MAX (64UL * 1024)
/* Payload of a frame of the qube's end: with its overhead one write to a virtio port. */
#define LINK_SEND_MAX (32 * 1024 - LINK_OVERHEAD_BYTES)

/* Calls use the range, windows the one beside it. */
static inline bool
link_port_exists(uint32_t port)
{
	return (port >= LINK_PORT_MIN && port <= LINK_PORT_MAX) || port == LINK_PORT_GUI;
}

/* Why a stream was closed. */
enum link_reason {
	LINK_REASON_DONE = 0,    /* its program closed it, all its data was sent */
	LINK_REASON_REFUSED = 1, /* not granted */
	LINK_REASON_TIMEOUT = 2, /* no program came to serve it in time */
	LINK_REASON_ABORTED = 3, /* the program at the other end is gone in an irregular way */
	LINK_REASON_SESSION = 4, /* not sent: the whole session ended */
};

enum link_state {
	LINK_DOWN,     /* not started, or stopped by a violation; input is dropped */
	LINK_GREETING, /* waiting for the peer's HELLO */
	LINK_UP,
};

struct link;
struct link_stream;

/* The name of a channel. */
struct link_address {
	uint32_t server_domain, client_domain;
	uint32_t port;
};

struct link_handler {
	/* Fresh random bits. */
	uint64_t (*make_nonce)(void *data);
	/* The peer is there: streams can be opened. */
	void (*handle_up)(struct link *link, void *data);
	/*
	 * The session is over; all its streams were closed before. `violation` names what the
	 * peer did wrong (the state is now LINK_DOWN), or is NULL when it merely started anew.
	 */
	void (*handle_down)(struct link *link, const char *violation, void *data);
	/* The peer wants to be the client of a channel: accept or close it, now or later. */
	void (*handle_open)(struct link_stream *s, void *data);
	/* The peer accepted. */
	void (*handle_accept)(struct link_stream *s, void *data);
	/* Bytes arrived, valid during the call. Give them back with link_stream_consumed(). */
	void (*handle_data)(struct link_stream *s, const uint8_t *bytes, size_t size, void *data);
	/* The peer will send no more, but may receive. */
	void (*handle_shutdown)(struct link_stream *s, void *data);
	/* The stream is gone when this returns. */
	void (*handle_close)(struct link_stream *s, enum link_reason reason, void *data);
};

/*
 * `domain` is the number of the qube; a qube does not know it and is told by the host. NULL
 * without memory.
 */
struct link *link_create(
	enum link_role role, uint32_t domain, const struct link_handler *handler, void *data);
/* Frees everything without a callback. */
void link_destroy(struct link *link);

/* Begins a new session, ending one that is up. Not to be called from a callback. */
void link_start(struct link *link);

enum link_state link_state(const struct link *link);
/* The number of the qube; valid when up. */
uint32_t link_domain(const struct link *link);

struct buf *link_in(struct link *link);
struct buf *link_out(struct link *link);

/* Acts on what is in link_in(). Not to be called from a callback. */
void link_process(struct link *link);

/*
 * Asks the peer to be the server of a channel. NULL when the link is not up or has no stream
 * left. `window` is the number of bytes that may come in before they are given back.
 */
struct link_stream *link_stream_open(
	struct link *link, const struct link_address *address, uint32_t window, void *user);
void link_stream_accept(struct link_stream *s, uint32_t window);
/* No callback comes any more; the pointer is dead. */
void link_stream_close(struct link_stream *s, enum link_reason reason);
/* Nothing more will be sent. */
void link_stream_shutdown(struct link_stream *s);
/* Gives back bytes from handle_data, when they have been passed on. */
void link_stream_consumed(struct link_stream *s, size_t size);

const struct link_address *link_stream_address(const struct link_stream *s);
void *link_stream_user(const struct link_stream *s);
void link_stream_set_user(struct link_stream *s, void *user);

/* Says that there is something to send; has to be said again after each link_next_ready(). */
void link_stream_set_ready(struct link_stream *s);
/*
 * Takes the next of the ready streams that may send, in turns; NULL when there is none, or too
 * much waits in link_out() already.
 */
struct link_stream *link_next_ready(struct link *link);
/*
 * For a stream just taken: where to put its next bytes, and how many at most (at least 1). Call
 * nothing else before link_stream_commit(), which tells how many were put; 0 is fine. NULL
 * without memory.
 */
void *link_stream_reserve(struct link_stream *s, size_t *ret_size);
void link_stream_commit(struct link_stream *s, size_t size);

#endif
