/*
 * The volumes that a qube of each class has (spec admin-api.md 15.1), and where each one is.
 */
#ifndef BULKHEAD_ADMIN_API_VOLUMES_H
#define BULKHEAD_ADMIN_API_VOLUMES_H

#include <stddef.h>

#include "admin/model/qube.h"
#include "base/err.h"

struct api;

enum volume_role {
	VOLUME_ROOT,
	VOLUME_PRIVATE,
	VOLUME_VOLATILE,
	VOLUME_KERNEL,
	VOLUME_ROLES,
};

const char *volume_role_name(enum volume_role role);
/* 0 or -EINVAL. */
int volume_role_parse(const char *name, enum volume_role *ret_role);

/*
 * The names under which storage knows a qube's volume; both owned by the caller. The vid of a
 * kernel volume is the kernel's name, "" if the qube boots none.
 */
struct volume_place {
	char *pool, *vid;
};

struct volume_place volume_place_of(const struct qube *q, enum volume_role role);
void volume_place_finish(struct volume_place *place);
#define AUTO_PLACE __attribute__((cleanup(volume_place_finish)))

/* Pools asked for at creation; NULL: the default. */
struct volume_pools {
	const char *names[VOLUME_ROLES];
};

/* Adds the volumes of a new qube in the caller's transaction. 0 or -1 with the error. */
int volumes_add(
	struct api *api, const struct qube *q, const struct volume_pools *pools, struct err *err);

/* The model's hook: snapshots of the old template become snapshots of the new one. */
int volumes_follow_template(
	const struct qube *q, const struct qube *template, void *data, struct err *err);

/* Logs qubes whose volumes are not in the store: a damaged store must not go unnoticed. */
void volumes_report_missing(struct api *api);

#endif
