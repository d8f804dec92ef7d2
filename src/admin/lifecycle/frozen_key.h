/*
 * What a frozen qube is made of, and whether a disposable is the same but for its identity.
 * Private to this folder.
 */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_FROZEN_KEY_H
#define BULKHEAD_ADMIN_LIFECYCLE_FROZEN_KEY_H

#include "admin/lifecycle/boot.h"
#include "admin/model/qube.h"
#include "base/err.h"

struct lifecycle;

/*
 * A disposable of this template as admin.vm.CreateDisposable would make it; it borrows all from the
 * template, is in no list, and is not to be changed or kept.
 */
void frozen_model(const struct qube *template, struct qube *ret_model);

/*
 * Everything that goes into the machine of this disposable, identity left out: contents and sizes
 * of disks, kernel, command line, memory, processors, and QEMU itself. NULL with the error; the
 * caller frees it.
 */
char *frozen_key(
	struct lifecycle *l, const struct qube *q, const char *volume_owner, struct err *err);

/* The plan of the boot that ends in freezing, for the template of that name. */
int frozen_plan(struct lifecycle *l, const char *template_name, struct boot_plan *plan,
	struct disk_images *disks, struct err *err);

#endif
