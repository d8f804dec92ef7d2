/* The Admin API's exception classes as a client sees them (spec admin-api.md section 10). */
#ifndef BULKHEAD_TOOLS_LIB_ADMIN_ERROR_H
#define BULKHEAD_TOOLS_LIB_ADMIN_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The kind of an error that carries an exception whose class is not in the published set. */
extern const char admin_error_unknown[];

/* The class of this name in static storage, for err.kind. Never NULL. */
const char *admin_error_kind(const char *name);

/* Whether the error is an exception of this class or of one derived from it. */
bool admin_error_is(const struct err *err, const char *kind);

/*
 * Fills in a message: %s, %r and %d take the next parameter, %% is a percent sign; whatever else
 * stands there is shown as it is. The caller frees the result.
 */
char *admin_error_format(const char *format, const char *const *parameters, size_t count);

#endif
