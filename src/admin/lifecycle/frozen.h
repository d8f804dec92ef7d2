/*
 * Frozen qubes (docs/disposables.md): for each disposable template one disposable that was booted
 * up to the point where it would become somebody, and saved there: disks as a complete state,
 * memory in a sealed file of this process, devices in another. Disposables start as copies of it.
 * Private to this folder.
 *
 * A frozen qube belongs to a key: the text of everything that went into it. One whose key is not
 * that of the disposable to be started is not used, and is replaced when there is time.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_FROZEN_H
#define BULKHEAD_ADMIN_LIFECYCLE_FROZEN_H

#include <stdbool.h>

#include "admin/lifecycle/boot.h"
#include "base/err.h"

struct frozen;
struct lifecycle;
struct qube;
struct run;

#define FROZEN_RUN_DIRECTORY "/run/bulkhead/frozen"

/* Begins to keep frozen qubes; after recovery. */
void frozen_begin(struct lifecycle *l);
/* What an earlier daemon left of them; before storage_recover(). */
void frozen_recover(void);
/* Something has changed: looks after them when nothing else has for a while. */
void frozen_check_soon(struct lifecycle *l);
/* Ends those that are being made; drops all. */
void frozen_destroy_all(struct lifecycle *l);

/*
 * The frozen qube that this start may begin with, held until frozen_release(), or NULL: then it
 * boots.
 */
struct frozen *frozen_take(struct run *run);
void frozen_release(struct frozen *f);
/* A copy did not come up: it is not used again. The caller still holds it. */
void frozen_spoil(struct frozen *f);
/* The same, of a copy that ended by itself before its agent was there. */
void frozen_doubt(struct run *run);
const char *frozen_owner(const struct frozen *f);

/* Makes a machine's plan that of a copy. 0 or -1 with the error; then plan->memory is to be closed.
 */
int frozen_apply(const struct frozen *f, struct boot_plan *plan, struct err *err);

/*
 * Whether one is on its way in or out, or will be soon for this template, so that its disposables
 * would have to boot now, and not then.
 */
bool frozen_is_awaited(struct lifecycle *l, const struct qube *template);

/* Lets go of memory for another qube; those in use stay. */
void frozen_make_room(struct lifecycle *l, unsigned int memory_mib);

#endif
