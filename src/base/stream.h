/*
 * Buffered, non-blocking I/O on one connected descriptor of the loop, with limits both ways:
 * bytes that arrive gather in `in`, at most in_max of them; bytes to send gather in `out`, at
 * most out_max. A parser looks at `in`, consumes whole messages and returns; a peer that stalls
 * in the middle of one stalls nobody.
 */
#ifndef BULKHEAD_BASE_STREAM_H
#define BULKHEAD_BASE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"

struct stream;

struct stream_handler {
	/*
	 * Bytes were added to `in`. Called again only when more arrive: consume all that can be
	 * consumed. The stream may be destroyed inside.
	 */
	void (*handle_data)(struct stream *s, struct buf *in, void *data);
	/*
	 * The peer will send no more (error == 0) or the connection failed (negative errno,
	 * -ENOBUFS when `in` is full and handle_data did not consume). Called once. The
	 * owner destroys the stream, now or after its output is flushed.
	 */
	void (*handle_end)(struct stream *s, int error, void *data);
	/* Optional: all output was written. */
	void (*handle_flushed)(struct stream *s, void *data);
};

/* Takes ownership of the descriptor, which is made non-blocking. NULL with errno set. */
struct stream *stream_create(struct loop *loop, int fd, size_t in_max, size_t out_max,
	const struct stream_handler *handler, void *data);
/* Closes at once; unsent output is lost. NULL is fine. */
void stream_destroy(struct stream *s);

int stream_fd(const struct stream *s);
struct buf *stream_in(struct stream *s);

/* Queues bytes and tries to write. 0, -ENOBUFS when out_max would be passed, -EPIPE after end. */
int stream_send(struct stream *s, const void *data, size_t size);
size_t stream_pending(const struct stream *s);
size_t stream_send_room(const struct stream *s);

/* Stops and resumes reading: this is the back-pressure. Data already in `in` is not announced
 * again. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* Half-closes for writing once the output is flushed. */
void stream_shutdown_write(struct stream *s);
/* Destroys the stream by itself once its output is flushed or has failed; no more callbacks. */
void stream_close_after_flush(struct stream *s);

#endif
