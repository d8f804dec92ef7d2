/*
 * Events of the administration daemon as they come from its socket (spec admin-api.md 12.1):
 * "1", subject, name, then keys and values, and an empty text; each with its NUL. Pure.
 */
#ifndef BULKHEAD_QREXEC_POLICY_EVENT_READER_H
#define BULKHEAD_QREXEC_POLICY_EVENT_READER_H

#include "base/buf.h"

#define EVENT_MAX_FIELDS 64

struct qubes_event {
	const char *subject; /* a qube, or "" */
	const char *name;
	size_t size; /* of all its bytes, to be consumed afterwards */
};

/* The event that the buffer begins with, borrowed from it. 0, -EAGAIN when it is not whole yet,
 * -EBADMSG when it is none. */
int event_peek(const struct buf *in, struct qubes_event *ret);

#endif
