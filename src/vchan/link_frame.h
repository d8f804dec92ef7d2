/*
 * The frames of the link protocol as bytes: docs/protocols/link.md. Nothing here knows of
 * streams or sessions.
 */
#ifndef BULKHEAD_VCHAN_LINK_FRAME_H
#define BULKHEAD_VCHAN_LINK_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define LINK_VERSION 1

#define LINK_HEADER_BYTES 12
#define LINK_TAG_BYTES 4
#define LINK_OVERHEAD_BYTES (LINK_HEADER_BYTES + LINK_TAG_BYTES)
#define LINK_FRAME_MAX 65536 /* a whole frame, overhead included */
#define LINK_FRAME_MIN 4096  /* what every receiver takes at least */
#define LINK_PAYLOAD_MAX (LINK_FRAME_MAX - LINK_OVERHEAD_BYTES)
#define LINK_PREAMBLE_BYTES LINK_FRAME_MAX

#define LINK_HELLO_BYTES 64
#define LINK_MAGIC_BYTES 16

enum link_frame_type {
	LINK_FRAME_PADDING = 0, /* a byte of a preamble: a new session begins */
	LINK_FRAME_OPEN = 1,
	LINK_FRAME_ACCEPT = 2,
	LINK_FRAME_DATA = 3,
	LINK_FRAME_CREDIT = 4,
	LINK_FRAME_SHUTDOWN = 5,
	LINK_FRAME_CLOSE = 6,
	LINK_FRAME_HELLO = 'B', /* the first byte of the magic */
};

enum link_role {
	LINK_ROLE_HOST = 0,
	LINK_ROLE_QUBE = 1,
};

struct link_hello {
	uint16_t version_min, version_max;
	uint32_t role;
	uint32_t features; /* bits offered; none are defined */
	uint32_t domain;   /* from the host: the number of the qube */
	uint64_t nonce;    /* names the sender's session; never 0 */
	uint64_t echo;     /* the receiver's nonce as far as the sender knows it, or 0 */
	uint32_t frame_max, streams_max;
};

struct link_header {
	uint8_t type;
	uint32_t stream;
	uint32_t length; /* of the payload */
};

extern const uint8_t link_magic[LINK_MAGIC_BYTES];

/* Appends. 0 or negative errno. */
int link_put_hello(struct buf *b, const struct link_hello *hello);
int link_put_header(struct buf *b, const struct link_header *header);

/*
 * Both look at the bytes at the start without consuming them: 0, -EAGAIN when there are too few,
 * -EBADMSG when they can not be one.
 */
int link_peek_hello(const struct buf *b, struct link_hello *ret_hello);
int link_peek_header(const struct buf *b, struct link_header *ret_header);

/* The word that ends each frame of a session in one direction. Never 0. */
uint32_t link_session_tag(uint64_t sender_nonce, uint64_t receiver_nonce);

#endif
