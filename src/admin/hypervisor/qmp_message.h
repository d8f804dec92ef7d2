/*
 * QMP messages, read from bytes that a machine's process wrote: one JSON object a line, within
 * limits. No I/O here. Private to the hypervisor.
 */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_QMP_MESSAGE_H
#define BULKHEAD_ADMIN_HYPERVISOR_QMP_MESSAGE_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"

/* The longest line taken; replies to what we ask are far shorter. */
#define QMP_LINE_MAX 65536
/* An error's description and any other text of the process is cut here. */
#define QMP_TEXT_MAX 255

enum qmp_message_kind {
	QMP_GREETING,
	QMP_RETURN,
	QMP_ERROR,
	QMP_EVENT,
};

struct qmp_message {
	enum qmp_message_kind kind;
	uint64_t id;                 /* of RETURN and ERROR */
	char text[QMP_TEXT_MAX + 1]; /* EVENT: its name; ERROR: its description */
	const json_t *data;          /* RETURN: any value; EVENT: an object or NULL; borrowed */
	json_t *root;                /* owned */
};

/*
 * Takes the next message out of `in`. 1 with it, 0 if no whole line is held, -EBADMSG if the line
 * is too long or no QMP message.
 */
int qmp_message_read(struct buf *in, struct qmp_message *ret);
void qmp_message_finish(struct qmp_message *message);

/* A text member of an object, or `fallback`. Borrowed. */
const char *qmp_get_text(const json_t *object, const char *name, const char *fallback);

#endif
