/* The named qube that a kept disposable becomes. Private to keep.c. */
#ifndef BULKHEAD_ADMIN_API_KEEP_QUBE_H
#define BULKHEAD_ADMIN_API_KEEP_QUBE_H

#include "admin/api/keep.h"

/*
 * What the disposable would be as a named qube of that class: label, properties, features and tags
 * are its own; it can not be started before keep_release_qube(). Announced. NULL with the error.
 */
struct qube *keep_make_qube(
	struct api *api, struct qube *from, const struct keep_wish *wish, struct err *err);
/* In the caller's transaction. 0 or -1 with the error. */
int keep_release_qube(struct app *app, struct qube *q, struct err *err);
/* In memory again as it is in the store, when the release was not stored after all. */
void keep_hold_qube(struct qube *q, const struct qube *from);

/* The template of that qube; NULL: none is needed, or with `err` set: none is there. */
struct qube *keep_template(const struct qube *from, enum qube_class class, struct err *err);

#endif
