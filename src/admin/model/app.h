/*
 * The one global object: all qubes, labels and global properties, in memory, written through to
 * the store before any change is answered. Runs in bulkheadd; one thread.
 */
#ifndef BULKHEAD_ADMIN_MODEL_APP_H
#define BULKHEAD_ADMIN_MODEL_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/model/label.h"
#include "admin/model/property.h"
#include "admin/model/qube.h"
#include "base/err.h"
#include "base/list.h"

struct kernel_cache;
struct store;

/* What the model asks of parts it does not know. */
struct app_hooks {
	/* Whether a storage pool of that name exists; NULL: none does. */
	bool (*pool_exists)(const char *name, void *data);
	/* The pool for new volumes when default_pool is not set, or NULL. Borrowed. */
	const char *(*pool_default)(void *data);
	/* Whether the hypervisor can balance memory (Xen). */
	bool balances_memory;
	void *data;
};

struct app {
	struct store *store; /* not owned */
	struct app_hooks hooks;
	struct qube **qubes; /* all, in every phase: dom0 first, then by name */
	size_t qube_count;
	struct qube **qubes_by_uuid;
	struct list labels; /* label.link, in the order of their index */
	struct property_values values;
	struct list subscribers; /* event_subscriber.link */
	unsigned int emitting;
	struct kernel_cache *kernels;
	uint64_t generation; /* grows with every change: caches compare it */
	uint64_t host_memory_mib;
	unsigned int host_cpus;
};

/*
 * Loads everything from the store (which must outlive the app), creating dom0 and the eight
 * labels in a new one. Qubes come up Halted; the lifecycle then adopts what runs. NULL with the
 * error: a store whose content does not fit together is refused.
 */
struct app *app_create(struct store *store, const struct app_hooks *hooks, struct err *err);
void app_destroy(struct app *app);

/* A qube of that name in any phase, or NULL. */
struct qube *app_find_qube(const struct app *app, const char *name);
struct qube *app_find_qube_by_qid(const struct app *app, int qid);
/*
 * By name or "uuid:..."; those being removed are not found. NULL with QubesVMNotFoundError or
 * QubesVMInvalidUUIDError.
 */
struct qube *app_lookup_qube(const struct app *app, const char *untrusted_name, struct err *err);
struct qube *app_dom0(const struct app *app);

/* Whether the qube shows in lists: not while it is being removed. */
static inline bool
qube_is_visible(const struct qube *q)
{
	return q->phase != QUBE_REMOVING;
}

/* All visible qubes in the order of lists: dom0 first, then by name. */
#define app_for_each_qube(app, index, q)                                                           \
	for ((index) = 0; (index) < (app)->qube_count; (index)++)                                  \
		if (((q) = (app)->qubes[index])->phase == QUBE_REMOVING)                           \
			continue;                                                                  \
		else

/* Whether another qube or the global object refers to the qube by a property. */
bool app_is_referenced(const struct app *app, const struct qube *q);

/* What a new qube is made of. */
struct qube_spec {
	enum qube_class class;
	const char *name; /* already checked; NULL: an unnamed disposable */
	struct label *label;
	struct qube *template;  /* for classes that have one */
	const char *created_by; /* the caller, for the tags */
};

/*
 * First step of creation: stores the row in phase 'creating' with label, template and tags, in
 * one transaction, and emits domain-add. The caller then makes the volumes and ends with
 * app_finish_create(), or with the removal below. NULL with the error.
 */
struct qube *app_begin_create(struct app *app, const struct qube_spec *spec, struct err *err);
/* Last step: phase 'present'. 0 or -1 with the error. */
int app_finish_create(struct app *app, struct qube *q, struct err *err);

/*
 * First step of removal: phase 'removing', stored; emits domain-pre-delete and domain-delete.
 * The caller then removes the volumes and ends with app_finish_remove(), which drops the row
 * and destroys the struct.
 */
int app_begin_remove(struct app *app, struct qube *q, struct err *err);
int app_finish_remove(struct app *app, struct qube *q, struct err *err);

/* Power: sets the state, so that caches notice; the lifecycle fills the rest of q->machine. */
void qube_set_power_state(struct qube *q, enum power_state state);

#endif
