/*
 * "Keep this one": a running disposable that becomes a named qube at its end instead of being
 * removed (docs/disposables.md, docs/admin-api-extensions.md). What is wished is a feature of the
 * disposable, so that a restart of bulkheadd changes nothing.
 *
 *   mark -> its machine ends, what it wrote is committed -> the new qube, which can not be started
 *   yet -> copies of the volumes -> one transaction: the new qube is free, the disposable is gone
 */
#ifndef BULKHEAD_ADMIN_API_KEEP_H
#define BULKHEAD_ADMIN_API_KEEP_H

#include <stdbool.h>

#include "admin/lifecycle/lifecycle.h"
#include "admin/model/qube.h"
#include "base/err.h"

struct api;
struct app;
struct keeps;

/* "NAME CLASS CREATOR" */
#define KEEP_FEATURE "bulkhead-keep"
/* Of the new qube, until it is complete: the disposable's uuid. */
#define KEPT_FROM_FEATURE "bulkhead-kept-from"
/* Of either, with the reason (spec admin-api.md 16.2). */
#define START_FEATURE "prohibit-start"

struct keep_wish {
	char name[QUBE_NAME_MAX + 1];
	enum qube_class class; /* CLASS_APP or CLASS_STANDALONE, which keeps the root too */
	char creator[QUBE_NAME_MAX + 1];
};

struct keeps *keeps_create(struct api *api);
void keeps_destroy(struct keeps *k);

/* Whether the disposable is to be kept. */
bool qube_is_to_be_kept(const struct qube *q);
/* Whether a disposable that is to be kept will have that name. */
bool keep_reserves_name(const struct app *app, const char *name);

/* Notes the wish, or takes it back (NULL), in one transaction. 0 or -1 with the error. */
int keep_set(struct api *api, struct qube *q, const struct keep_wish *wish, struct err *err);

/* Carries it out for one that is halted; what is under way already goes on. */
void keep_begin(struct keeps *k, struct qube *q);

/* As lifecycle_kill(), but what it has written is not to be lost: it is asked first. */
void keep_kill(struct api *api, struct qube *q, lifecycle_done done, void *data);

#endif
