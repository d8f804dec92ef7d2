/* What the files of the collection share. Private to the model. */
#ifndef BULKHEAD_ADMIN_MODEL_APP_PRIVATE_H
#define BULKHEAD_ADMIN_MODEL_APP_PRIVATE_H

#include "admin/model/app.h"

/* Takes a qube into memory. NULL when its name or UUID is there already. */
struct qube *app_insert(
	struct app *app, int qid, const char *uuid, const char *name, enum qube_class class);

/* Fills an empty app from the store, or a new store with what is always there. */
int app_load(struct app *app, struct err *err);

/* Who refers to the qube, and by which property; NULL when nobody does. */
const struct property *app_find_reference(
	const struct app *app, const struct qube *q, const char **ret_from);

/* A free number for a disposable: 0 to DISPID_MAX, or -1 with the error. */
int dispid_allocate(struct app *app, struct err *err);
/* Remembers in the store that it was given out. */
int dispid_remember(struct app *app, int dispid, struct err *err);

#endif
