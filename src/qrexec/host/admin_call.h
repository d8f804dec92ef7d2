/* One call of the Admin API, as dom0, over qubesd's socket (spec admin-api.md 8). */
#ifndef BULKHEAD_QREXEC_HOST_ADMIN_CALL_H
#define BULKHEAD_QREXEC_HOST_ADMIN_CALL_H

#include <stdbool.h>

#include "base/loop.h"

#define ADMIN_ANSWER_MAX 65536

/*
 * content: of an answer that is ok, NUL-terminated; NULL otherwise. exception: the class name of
 * an answer that is not, or "" when there was none at all. Called once, from the loop; destroy
 * the call inside.
 */
typedef void (*admin_callback)(const char *content, const char *exception, void *data);

struct admin_call;

/* method without argument; payload is text, "" for none. NULL with errno set. */
struct admin_call *admin_call_create(struct loop *loop, const char *socket_path, const char *method,
	const char *destination, const char *payload, admin_callback callback, void *data);
void admin_call_destroy(struct admin_call *call);

#endif
