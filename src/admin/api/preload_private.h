/*
 * Disposables kept ready, as their own files see them.
 *
 *   STARTING -> SERVICES -> SETTLING -> PAUSING -> READY -> (handed out)
 *   any of these -> ENDING -> (gone)
 *
 * Everything is done from the tick, a timer: events only leave notes for it. A request to the
 * lifecycle whose answer is outstanding is counted (`pending`), and keeps the memory.
 */
#ifndef BULKHEAD_ADMIN_API_PRELOAD_PRIVATE_H
#define BULKHEAD_ADMIN_API_PRELOAD_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/api/preload.h"
#include "admin/lifecycle/service_call.h"
#include "admin/model/qube.h"
#include "base/list.h"
#include "base/loop.h"

/* On a disposable template: the names of its disposables that are kept ready. */
#define PRELOAD_LIST_FEATURE "preload-dispvm"
/* On a disposable template, or on dom0 for the default one. */
#define PRELOAD_MAX_FEATURE "preload-dispvm-max"
#define PRELOAD_DELAY_FEATURE "preload-dispvm-delay"
/* On dom0, in MiB: what is to stay free beside them. */
#define PRELOAD_THRESHOLD_FEATURE "preload-dispvm-threshold"

enum preload_phase {
	PRELOAD_STARTING, /* it comes up */
	PRELOAD_SERVICES, /* it is up, and says when the rest is */
	PRELOAD_SETTLING, /* until it comes to rest */
	PRELOAD_PAUSING,
	PRELOAD_READY,
	PRELOAD_LEAVING, /* on its way to who has asked */
	PRELOAD_ENDING,
};

struct event_subscriber;
struct taking;

struct preload {
	struct list link; /* preloads.list; the oldest first */
	struct preloads *preloads;
	struct qube *q; /* pinned */
	enum preload_phase phase;
	char *text;            /* what it was made of: preload_text.c */
	unsigned int pending;  /* answers of the lifecycle that are still to come */
	bool is_gone;          /* out of the list; freed with the last of them */
	bool has_ended;        /* noted: its machine is gone */
	bool is_used;          /* noted: somebody took it without asking */
	bool is_noted;         /* the text is beside the machine, for the next daemon */
	bool is_held;          /* paused while others start */
	bool is_switching;     /* a pause or its end is under way */
	struct taking *taking; /* who waits for it, or NULL */
	struct service_call *call;
	unsigned int service; /* the next to be called */
	uint64_t since_ms;    /* of the phase */
	uint64_t looked_ms, used_ns;
	unsigned int calm; /* looks in a row that found it at rest */
};

/* What is known of a template beside its features. */
struct preload_source {
	struct list link; /* preloads.sources */
	char name[QUBE_NAME_MAX + 1];
	bool rests;             /* its last one was ended by the user */
	uint64_t not_before_ms; /* none is made earlier */
};

/* Who waits until all of a template are gone. */
struct preload_clearing {
	struct list link;      /* preloads.clearings */
	struct qube *template; /* pinned */
	uint64_t until_ms;
	void (*done)(void *data);
	void *data;
};

struct preloads {
	struct api *api;
	struct list list;      /* preload.link */
	struct list forgotten; /* preload.link: answers for them are still to come */
	struct list sources;   /* preload_source.link */
	struct list clearings; /* preload_clearing.link */
	struct list takings;   /* taking.link */
	struct loop_timer *timer;
	struct event_subscriber *subscriber;
	uint64_t due_ms;   /* when the timer runs out */
	uint64_t check_ms; /* when all are compared again with what they would be */
};

/* preload.c */
void preloads_tick_in(struct preloads *p, uint64_t delay_ms);
struct preload_source *preload_source_of(struct preloads *p, const struct qube *template);
/* The entry of that disposable, or NULL. */
struct preload *preload_find(const struct preloads *p, const struct qube *q);
/* A new entry for that disposable. */
struct preload *preload_add(struct preloads *p, struct qube *q, enum preload_phase phase);

/* preload_recover.c: takes up what is whole of an earlier daemon's, and ends the rest. */
void preloads_recover(struct preloads *p);

/* preload_make.c */
/* Begins to make one. False when that failed; the reason has been logged. */
bool preload_make(struct preloads *p, struct qube *template);
/* What is to be done for one that is being made. */
void preload_advance(struct preload *e);
void preload_set_phase(struct preload *e, enum preload_phase phase);
/* It is not wanted any more. `why` is for the log; NULL: nothing. */
void preload_end(struct preload *e, const char *why);
/* Its machine is gone: so is all of it. */
void preload_bury(struct preload *e);
/* Out of the list; what is outstanding comes to nothing. */
void preload_forget(struct preload *e);
/* The callback of a request to the lifecycle; false: it is of no meaning any more. */
bool preload_is_answered(struct preload *e);

/* preload_take.c */
/* The machine is up, or a pause has ended: whoever waits for it goes on. */
void preload_take_on(struct preload *e);
/* It will not be: whoever waits gets a fresh one. */
void preload_let_down(struct preload *e);
/* Somebody uses it without having asked: it is theirs. */
void preload_yield(struct preload *e);
/* The call that does it; `done` gets the entry. NULL with the error. */
struct service_call *preload_set_clock(struct preload *e, lifecycle_done done, struct err *err);
/* Without an answer. */
void takings_destroy(struct preloads *p);

/* preload_want.c */
/* How many the template should have. */
unsigned int preload_wanted(const struct app *app, const struct qube *template);
/* Milliseconds until one that was used is replaced; -1: when there is none left. */
int64_t preload_delay_ms(const struct app *app, const struct qube *template);
uint64_t preload_threshold_mib(const struct app *app);

/* preload_text.c */
/*
 * All that went, or would go, into the disposable: two that have the same text are the same. NULL
 * with the error; the caller frees it.
 */
char *preload_describe(struct api *api, struct qube *q, struct err *err);
/* Whether it is what a fresh one would be. */
bool preload_is_current(struct preload *e);

/* preload_list.c: steps of a change that add or remove the name. */
struct change;
void preload_list_add(struct change *c, struct qube *template, const char *name);
void preload_list_remove(struct change *c, struct qube *template, const char *name);
/* Calls back with each name of the list. */
void preload_list_each(
	const struct qube *template, void (*each)(const char *name, void *data), void *data);

#endif
