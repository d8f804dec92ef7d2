/* The volumes of qubes, asked for all at once (spec admin-api.md 11.8). */
#ifndef BULKHEAD_TOOLS_LIB_VOLUMES_H
#define BULKHEAD_TOOLS_LIB_VOLUMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/qubes.h"

struct volume {
	const struct qube *qube; /* of the list given to volumes_load() */
	char *name;              /* owned, as all texts here */
	char *info;              /* the lines of admin.vm.volume.Info */
	char *revisions;         /* the lines of ListSnapshots, when asked for; else NULL */
};

struct volume_list {
	struct volume *items; /* by qube, then in the daemon's order */
	size_t count;
};

/*
 * Asks for the volumes of the chosen qubes. A qube or volume removed meanwhile is left out.
 * 0 or -1 with the error.
 */
int volumes_load(struct volume_list *ret_list, const struct qube_list *qubes, bool with_revisions,
	struct err *err);
void volumes_finish(struct volume_list *list);

#define AUTO_VOLUMES __attribute__((cleanup(volumes_finish)))

/* The value of KEY=VALUE among the lines; the caller frees it. NULL when it is not there. */
char *volume_info_value(const char *info, const char *key);

/* The same as a number; 0 when it is none. */
uint64_t volume_info_number(const char *info, const char *key);

#endif
