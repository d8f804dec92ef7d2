/* Inside of the link machine: the session (link.c) and its streams (link_stream.c). */
#ifndef BULKHEAD_VCHAN_LINK_INTERNAL_H
#define BULKHEAD_VCHAN_LINK_INTERNAL_H

#include "base/list.h"
#include "vchan/link.h"

/* Who opened a stream; the lowest bit of its number says the role of that end. */
enum link_opener {
	LINK_OPENED_BY_US,
	LINK_OPENED_BY_PEER,
};

struct link {
	enum link_role role;
	enum link_state state;
	uint32_t domain;
	const struct link_handler *handler;
	void *data;

	uint64_t nonce;      /* of our session */
	uint64_t peer_nonce; /* the last we answered, or 0 */
	uint32_t tag_in, tag_out;
	uint32_t send_max;     /* payload bytes of a frame that the peer takes */
	uint32_t open_max;     /* streams that the peer lets us open */
	bool overflowed;       /* the peer makes us answer, and does not read the answers */
	const char *violation; /* found while a frame was acted upon */

	struct buf in, out;
	struct list ready;                                /* link_stream.ready_link */
	struct link_stream *streams[2][LINK_STREAMS_MAX]; /* by enum link_opener */
	uint32_t next_index; /* where the search for a free number begins */
};

struct link_stream {
	struct link *link;
	struct link_stream **slot; /* in link.streams */
	void *user;
	uint32_t id;
	struct link_address address;
	bool ours;
	bool accepted;
	bool shutdown_sent, shutdown_received;
	bool close_sent;
	bool wants_send;         /* link_stream_set_ready() was called */
	struct list ready_link;  /* link.ready, when it wants to send and may */
	uint32_t send_credit;    /* bytes we may send */
	uint32_t receive_credit; /* bytes the peer may send */
	uint32_t window;
	uint32_t consumed; /* not given back yet */
	uint32_t passed;   /* given back since the window has its size */
};

/* Appends a whole control frame of 32-bit words. */
void link_emit(struct link *link, enum link_frame_type type, uint32_t stream, const uint32_t *words,
	size_t count);

/* Notes what the peer did wrong; the session ends when the frame has been dealt with. */
void link_violate(struct link *link, const char *what);

/* Acts on one frame whose tag is right. The payload is borrowed. */
void link_stream_dispatch(
	struct link *link, const struct link_header *header, const uint8_t *payload);

/* Ends all streams, with a callback for those that have an owner. */
void link_streams_end(struct link *link, bool silently);

#endif
