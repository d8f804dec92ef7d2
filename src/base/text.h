/* Strings: strict numbers, formatting into fresh memory, names checked once at the edge. */
#ifndef BULKHEAD_BASE_TEXT_H
#define BULKHEAD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As asprintf(), but ends the process without memory. The caller frees the result. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As strdup() and calloc(), but end the process without memory. */
char *text_copy(const char *text);
void *xcalloc(size_t count, size_t size);

bool text_equal(const char *a, const char *b);
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/* Decimal digits only, no sign, no leading zeros but "0" itself. 0, -EINVAL or -ERANGE. */
int text_parse_u64(const char *text, uint64_t max, uint64_t *ret_value);

/* Whether every byte is an ASCII letter, a digit or one of `others`. */
bool text_only_has(const char *text, const char *others);

/* Longest name of a qube in bytes, without the NUL (spec admin-api.md section 2). */
#define QUBE_NAME_MAX 31

/*
 * Whether the text can be a qube's name; if not, *ret_reason (may be NULL) says why in the
 * Admin API's words.
 */
bool qube_name_valid(const char *name, const char **ret_reason);

/* Canonical lower-case UUIDs, 36 characters. */
#define UUID_LENGTH 36
void uuid_generate(char ret_uuid[UUID_LENGTH + 1]);
bool uuid_valid(const char *text);

#endif
