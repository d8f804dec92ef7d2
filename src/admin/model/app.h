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
	/*
	 * The qube gets another template: its snapshot volumes get another source. Called inside
	 * the transaction of the change; NULL: there are no volumes. 0 or -1 with the error.
	 */
	int (*template_changes)(const struct qube *q, const struct qube *template,
		void *template_data, struct err *err);
	void *template_data;
	/* Whether the hypervisor can balance memory (Xen). */
	bool balances_memory;
	void *data;
};

struct app {
	struct store *store; /* not owned */
	struct app_hooks hooks;
	struct qube **qubes; /* dom0 first, then by name */
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

/* A qube of that name, or NULL. */
struct qube *app_find_qube(const struct app *app, const char *name);
struct qube *app_find_qube_by_qid(const struct app *app, int qid);
/*
 * By name or "uuid:...". NULL with QubesVMNotFoundError or QubesVMInvalidUUIDError.
 */
struct qube *app_lookup_qube(const struct app *app, const char *untrusted_name, struct err *err);
struct qube *app_dom0(const struct app *app);

/* All qubes in the order of lists: dom0 first, then by name. */
#define app_for_each_qube(app, index, q)                                                           \
	for ((index) = 0; (index) < (app)->qube_count && ((q) = (app)->qubes[index], true);        \
		(index)++)

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
 * Creation and removal are one transaction of the caller, in which storage adds or removes the
 * volumes too: a crash leaves either all of a qube or nothing.
 *
 *     store_begin(); q = app_add_qube(); storage_add_volume()...; store_commit();
 *     then app_announce_qube(q), or after a failure store_rollback() and app_forget_qube(q)
 *
 *     app_announce_removal(q); store_begin(); app_delete_qube(q); storage_remove_volumes();
 *     store_commit(); then app_forget_qube(q), or after a failure store_rollback()
 */

/* Stores the rows and takes the qube into the collection. NULL with the error. */
struct qube *app_add_qube(struct app *app, const struct qube_spec *spec, struct err *err);
/* Emits domain-add, domain-tag-add and domain-create-on-disk in the verified order (12.4). */
void app_announce_qube(struct app *app, struct qube *q, const struct qube_spec *spec);

/* The name an unnamed disposable gets from its number begins with this. */
#define DISPOSABLE_NAME_PREFIX "disp"
/* Whether unnamed disposables have such names. */
bool disposable_name_valid(const char *name);

/* Whether the model lets the qube go (11.3, admin.vm.Remove). 0 or -1 with the error. */
int app_check_removal(const struct app *app, const struct qube *q, struct err *err);
void app_announce_removal(struct app *app, struct qube *q);
/* Deletes the rows. 0 or -1 with the error. */
int app_delete_qube(struct app *app, struct qube *q, struct err *err);
/* Takes the qube out of the collection and frees it; emits domain-delete if `announce`. */
void app_forget_qube(struct app *app, struct qube *q, bool announce);

/* Power: sets the state, so that caches notice; the lifecycle fills the rest of q->power. */
void qube_set_power_state(struct qube *q, enum power_state state);

#endif
