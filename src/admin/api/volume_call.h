/* What the methods about one volume share: finding it, and refusing what can not be done. */
#ifndef BULKHEAD_ADMIN_API_VOLUME_CALL_H
#define BULKHEAD_ADMIN_API_VOLUME_CALL_H

#include <stdbool.h>

#include "admin/api/request.h"
#include "admin/api/volumes.h"

struct volume_info;

/*
 * The volume that the argument names and where it is (owned by the caller). False: the request
 * has been refused.
 */
bool require_volume(struct request *r, enum volume_role *ret_role, struct volume_place *ret_place);
/* The same for a volume with content of its own: not the kernel. */
bool require_image(struct request *r, enum volume_role *ret_role, struct volume_place *ret_place);

/* A copy of the text without whitespace at its ends; the caller frees it. */
char *request_strip(const char *text);

#endif
