/*
 * A joined channel as the bytes of one program: its socket, and the rings in shared memory that
 * vchan-linkd offers once much has passed (ring.h; docs/protocols/link.md, "Rings"). For programs
 * that asked for it (vchan_config.rings); the others have the bare socket.
 *
 * With poll():
 *
 *     if (!vchan_stream_sleeps(&s, reads, writes, &slot.events)) do not wait, go on
 *     after poll(), if there were events: vchan_stream_hear(&s)
 *
 * The other end is not trusted; ring.h says how.
 */
#ifndef BULKHEAD_VCHAN_STREAM_H
#define BULKHEAD_VCHAN_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "vchan/ring.h"
#include "vchan/same_processor.h"

struct vchan_stream {
	int fd;        /* non-blocking */
	bool may_ring; /* linkd was told that it may offer them */
	struct ring_pair *rings;
	uint64_t sent; /* to the socket, before there were rings */
	bool shut;     /* nothing more is written */

	/* With rings, from whose beginning on the socket is read for its bells. */
	bool gone; /* it has ended, and what they hold is the last */
	struct ring_socket socket;
	struct buf late; /* bytes of the stream that still came by it */
	struct same_processor processor;
};

/* Takes the descriptor over. */
void vchan_stream_init(struct vchan_stream *s, int fd, bool may_ring);
void vchan_stream_finish(struct vchan_stream *s);

/* Whether the next bytes come by ring. */
static inline bool
vchan_stream_has_rings(const struct vchan_stream *s)
{
	return ring_is_next(&s->socket) && buf_len(&s->late) == 0;
}

/* Once, without waiting: a count, or a negative errno; 0 from reading is the end. */
ssize_t vchan_stream_read(struct vchan_stream *s, void *data, size_t size);
ssize_t vchan_stream_write(struct vchan_stream *s, const void *data, size_t size);

/*
 * With rings, without a copy: what can be read (0 and -EAGAIN as above), or where to write and how
 * much (at least `least`). The bytes to read may change as long as they lie there.
 */
ssize_t vchan_stream_look(struct vchan_stream *s, const uint8_t **ret_bytes);
void vchan_stream_took(struct vchan_stream *s, size_t size);
ssize_t vchan_stream_room(struct vchan_stream *s, size_t least, uint8_t **ret_place);
void vchan_stream_put(struct vchan_stream *s, size_t size);

/* Nothing more will be written; what was written still arrives. 0 or negative errno. */
int vchan_stream_shutdown_write(struct vchan_stream *s);

/*
 * Whether to wait, and for which events of the descriptor, for what the program wants to do next;
 * false when it can be done now.
 */
bool vchan_stream_sleeps(const struct vchan_stream *s, bool reads, bool writes, short *ret_events);
/* The descriptor had events. */
void vchan_stream_hear(struct vchan_stream *s);

#endif
