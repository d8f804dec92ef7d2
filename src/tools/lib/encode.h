/* Texts in the forms that other programs read: service arguments, shell words, JSON. */
#ifndef BULKHEAD_TOOLS_LIB_ENCODE_H
#define BULKHEAD_TOOLS_LIB_ENCODE_H

#include <stddef.h>

#include "base/buf.h"

/*
 * A command line as the argument of qubes.VMExec (spec guest.md 1B.3): words joined by '+', bytes
 * outside [A-Za-z0-9_.] as -HH in upper case, '-' as "--". The caller frees it.
 */
char *encode_vmexec(const char *const *words, size_t count);

/* Words quoted for a POSIX shell and joined by spaces. The caller frees it. */
char *encode_shell(const char *const *words, size_t count);

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
int encode_json_string(struct buf *to, const char *text);

#endif
