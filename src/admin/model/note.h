/* Notes: what the user wrote down about a qube (spec admin-api.md 11.5). Kept in the store only. */
#ifndef BULKHEAD_ADMIN_MODEL_NOTE_H
#define BULKHEAD_ADMIN_MODEL_NOTE_H

#include <stddef.h>

#include "base/err.h"

#define NOTE_MAX_BYTES 256000

struct qube;

/* The text, which the caller frees; "" without notes. 0 or -1 with the error. */
int note_get(const struct qube *q, char **ret_text, struct err *err);

/*
 * Stores the bytes, which have to be UTF-8, with characters that mislead the eye replaced by "_"
 * (newline and tab are kept). 0 or -1 with the error.
 */
int note_set(const struct qube *q, const char *untrusted_bytes, size_t size, struct err *err);

/* The clean text, which the caller frees, or NULL with the error. Pure. */
char *note_clean(const char *untrusted_bytes, size_t size, struct err *err);

#endif
