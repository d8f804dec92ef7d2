/* Texts that may be absent: a property without a value, a call without an answer. */
#ifndef BULKHEAD_BASE_MAYBE_H
#define BULKHEAD_BASE_MAYBE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/* Whether the text is there and is this one. */
static inline bool
text_is(const char *text_or_null, const char *expected)
{
	return text_or_null != NULL && text_equal(text_or_null, expected);
}

/* As text_copy(); NULL stays NULL. */
static inline char *
text_copy_or_null(const char *text_or_null)
{
	return text_or_null != NULL ? text_copy(text_or_null) : NULL;
}

/* The same where an empty text says as much as none. */
static inline char *
text_copy_unless_empty(const char *text_or_null)
{
	return text_or_null != NULL && text_or_null[0] != '\0' ? text_copy(text_or_null) : NULL;
}

#endif
