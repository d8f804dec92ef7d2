/*
 * A QMP client on the loop: commands in order, one under way at a time, each with a time limit;
 * events as they come. Private to the hypervisor.
 */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_QMP_H
#define BULKHEAD_ADMIN_HYPERVISOR_QMP_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

#define QMP_TIMEOUT_MS 30000
#define QMP_QUEUE_MAX 128

struct loop;
struct qmp;

struct qmp_handler {
	/* The greeting came and the capabilities are agreed on: commands are carried out. */
	void (*handle_ready)(struct qmp *qmp, void *data);
	/* `event_data` is NULL or an object, borrowed. */
	void (*handle_event)(
		struct qmp *qmp, const char *name, const json_t *event_data, void *data);
	/*
	 * The connection is over: err->code is ECONNRESET at a plain end, EPROTO where the peer
	 * broke the rules. Called once; commands fail from now on. Borrowed.
	 */
	void (*handle_end)(struct qmp *qmp, const struct err *err, void *data);
};

/* Takes ownership of the connected socket. NULL with errno set. */
struct qmp *qmp_create(struct loop *loop, int fd, const struct qmp_handler *handler, void *data);
/* Drops waiting commands without an answer. NULL is fine. */
void qmp_destroy(struct qmp *qmp);

/* `result` is the return value, borrowed, NULL on error; err is NULL on success, borrowed. */
typedef void (*qmp_done)(void *data, const json_t *result, const struct err *err);

/*
 * Queues a command; the answer never comes from within the call. `arguments` (may be NULL) and
 * `fd` (may be -1), which goes along, are taken over. `done` may be NULL; the client may be
 * destroyed inside it.
 */
void qmp_execute(
	struct qmp *qmp, const char *command, json_t *arguments, int fd, qmp_done done, void *data);

#endif
