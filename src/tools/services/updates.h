/* The service qubes.NotifyUpdates (spec guest.md 7.3, admin-api.md 11.12): only ever a flag. */
#ifndef BULKHEAD_TOOLS_SERVICES_UPDATES_H
#define BULKHEAD_TOOLS_SERVICES_UPDATES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define UPDATE_COUNT_MAX_BYTES 64

/* Decimal digits, blanks around them allowed: whether there are updates. 0 or -EBADMSG. */
int update_count_parse(const char *untrusted_text, size_t size, bool *ret_any);

/*
 * Notes it for the caller, or for the template that it comes from; nothing is started for that.
 * 0, also when it does not count, or -1 with the error.
 */
int updates_notify(const char *caller, bool any, struct err *err);

#endif
