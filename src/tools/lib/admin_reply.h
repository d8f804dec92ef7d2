/*
 * What the daemon answers (spec admin-api.md 8.2): one result, one exception, or a stream of
 * events. Pure parsing: bytes in, values out. In a qube the bytes come from another machine, so
 * they are checked like any others.
 */
#ifndef BULKHEAD_TOOLS_LIB_ADMIN_REPLY_H
#define BULKHEAD_TOOLS_LIB_ADMIN_REPLY_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define ADMIN_REPLY_MAX (64u << 20)
#define ADMIN_EVENT_MAX (1u << 20)
#define ADMIN_EVENT_PAIRS_MAX 64

/*
 * Reads a complete answer, everything up to the end of the connection. 0 with the content
 * (borrowed from the buffer), or -1 with the error: the exception's message and class, or what
 * is wrong with the answer.
 */
int admin_reply_parse(struct buf *in, const char **ret_content, size_t *ret_size, struct err *err);

struct admin_event {
	char *text; /* owned: all strings below point into it */
	const char *subject;
	const char *name;
	struct {
		const char *key, *value;
	} pairs[ADMIN_EVENT_PAIRS_MAX];
	size_t pair_count;
};

/*
 * Takes the next event from the front of a stream. 0; -EAGAIN when it is not complete, and then
 * nothing is consumed; -EBADMSG when the bytes are no event (an exception, for one, which
 * admin_reply_parse() reads once the stream has ended).
 */
int admin_event_parse(struct buf *in, struct admin_event *ret_event);
void admin_event_finish(struct admin_event *event);

/* The value of a key, or NULL. */
const char *admin_event_value(const struct admin_event *event, const char *key);

#endif
