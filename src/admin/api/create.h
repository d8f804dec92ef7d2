/* Making a qube: its rows and its volumes in one transaction. */
#ifndef BULKHEAD_ADMIN_API_CREATE_H
#define BULKHEAD_ADMIN_API_CREATE_H

#include "admin/api/volumes.h"
#include "admin/model/app.h"
#include "base/err.h"

struct api;

/* The new qube, announced; NULL with the error, and nothing is left. */
struct qube *create_qube(struct api *api, const struct qube_spec *spec,
	const struct volume_pools *pools, struct err *err);

#endif
