/* Memory that spare machines give back. Private to this folder. */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_PRELOAD_ROOM_H
#define BULKHEAD_ADMIN_LIFECYCLE_PRELOAD_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct lifecycle;

/* Ends as many as are needed. Whether any memory is on its way back. */
bool preload_make_room(struct lifecycle *l, uint64_t missing_mib);

#endif
