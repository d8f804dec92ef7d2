/*
 * Calls of the Admin API (spec admin-api.md sections 8 and 9.1): over the daemon's socket where
 * there is one, else, in a qube, each as a qrexec service. Many calls run at once, one connection
 * each.
 */
#ifndef BULKHEAD_TOOLS_LIB_ADMIN_CLIENT_H
#define BULKHEAD_TOOLS_LIB_ADMIN_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/lib/admin_reply.h"

#define ADMIN_SOCKET "/run/qubesd.sock"
#define ADMIN_INTERNAL_SOCKET "/run/qubesd.internal.sock"

/* Connections open at the same time; further calls wait their turn. */
#define ADMIN_PARALLEL_MAX 64

/* The name of the qube we are in, as far as requests say: the daemon trusts who may connect. */
#define ADMIN_SOURCE "dom0"

/* One call. The caller fills in the request (borrowed) over zeros and reads the result. */
struct admin_call {
	const char *method;
	const char *argument;    /* NULL: none */
	const char *destination; /* a qube's name */
	const void *payload;
	size_t payload_size;
	bool internal; /* to the socket for programs of dom0 */

	char *content; /* owned and NUL-terminated; NULL when the call failed */
	size_t size;
	struct err err; /* held when the call failed */

	struct admin_connection *connection; /* while it is under way */
};

/* Carries out calls at the same time; each ends with its content or its error. A call that is
 * not done after timeout_ms (-1: wait for ever) is given up with code ETIMEDOUT. */
void admin_calls_run(struct admin_call *calls, size_t count, int timeout_ms);
void admin_call_finish(struct admin_call *call);
/* Finishes all and frees the array. */
void admin_calls_free(struct admin_call *calls, size_t count);

/*
 * One call with a text payload (NULL: none). 0, or -1 with the error. The result is a text the
 * caller frees; ret_content may be NULL.
 */
int admin_call(const char *method, const char *argument, const char *destination,
	const char *payload, char **ret_content, struct err *err);

/* Whether the daemon's own socket is there; without it calls leave through qrexec. */
bool admin_is_local(void);

/* Whether METHOD+ARGUMENT and DESTINATION can be told in a request: no space, no NUL. */
bool admin_word_valid(const char *word);

/* A running stream of events. */
struct admin_events;

/* Asks for the events of a qube, or with "dom0" of all. NULL with the error. */
struct admin_events *admin_events_open(const char *destination, struct err *err);
/* The next event: 1, or 0 when timeout_ms passed, or -1 with the error (also at the end). */
int admin_events_next(struct admin_events *events, int timeout_ms, struct admin_event *ret_event,
	struct err *err);
struct pollfd;
/* What to wait for, beside other things, when the last call said that there is none. */
void admin_events_poll(const struct admin_events *events, struct pollfd *ret_poll);
void admin_events_close(struct admin_events *events);

#endif
