/* Boot modes that a template offers (spec guest.md 1B.5), among its requests. */
#ifndef BULKHEAD_TOOLS_SERVICES_BOOT_MODES_H
#define BULKHEAD_TOOLS_SERVICES_BOOT_MODES_H

#include <stdbool.h>

#include "tools/services/requests.h"

#define BOOT_MODES_PREFIX "boot-mode."
#define BOOT_MODES_MAX 64

/* Whether all of them can be believed; when one is wrong, none is. */
bool boot_modes_valid(const struct feature_requests *requests);

#endif
