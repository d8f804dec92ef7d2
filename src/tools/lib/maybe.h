/* Texts that may be absent: a property without a value, a call without an answer. */
#ifndef BULKHEAD_TOOLS_LIB_MAYBE_H
#define BULKHEAD_TOOLS_LIB_MAYBE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/* Whether the text is there and is this one. */
static inline bool
text_is(const char *text_or_null, const char *expected)
{
	return text_or_null != NULL && text_equal(text_or_null, expected);
}

#endif
