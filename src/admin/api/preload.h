/*
 * Disposables that are kept ready (spec admin-api.md section 17, docs/disposables.md): started,
 * come to rest and paused before anybody asks for one. How many a disposable template has is its
 * feature `preload-dispvm-max`; their names are its feature `preload-dispvm`.
 */
#ifndef BULKHEAD_ADMIN_API_PRELOAD_H
#define BULKHEAD_ADMIN_API_PRELOAD_H

#include <stdbool.h>

#include "base/err.h"

struct api;
struct app;
struct preloads;
struct qube;
struct request;

/* Takes up what an earlier daemon has made ready, and ends what it has not. NULL without memory. */
struct preloads *preloads_create(struct api *api);
void preloads_destroy(struct preloads *p);

/* Answers a request for a disposable with a fresh one. */
typedef void (*preload_fallback)(struct request *r, struct qube *template, bool by_uuid);

/*
 * Whether there is one for this request, or soon will be: then the request is answered later, with
 * `fallback` should it come to nothing.
 */
bool preload_take(
	struct request *r, struct qube *template, bool by_uuid, preload_fallback fallback);

/* Somebody wants them: what was put off is not put off any longer. */
void preloads_ask(struct preloads *p, struct qube *template);

/* Whether the qube is one that nobody uses yet. */
bool preloads_have(const struct preloads *p, const struct qube *q);
/* The user ends such a one: no other is made in its place before a disposable is asked for. */
void preloads_rest(struct preloads *p, const struct qube *q);

/*
 * Ends all of the template and makes no others before `done` has been called, which is at once when
 * there are none.
 */
void preloads_clear(
	struct preloads *p, struct qube *template, void (*done)(void *data), void *data);

/* For a new store: one for the default disposable template where there is memory for it. */
int preloads_set_default(struct app *app, struct err *err);

#endif
