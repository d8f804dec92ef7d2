/*
 * The argument of qubes.VMExec: a list of program arguments in the characters that a service's
 * name may have (spec guest.md 1B.3). The text comes from the caller, another qube perhaps.
 */
#ifndef BULKHEAD_QUBE_INIT_VMEXEC_H
#define BULKHEAD_QUBE_INIT_VMEXEC_H

#include <stddef.h>

/*
 * A NULL-terminated list in one block of memory that the caller frees, at least one argument
 * (maybe an empty one). 0, -EBADMSG for any text that is not exactly the encoding of a list, or
 * -ENOMEM.
 */
int vmexec_decode(const char *untrusted_text, char ***ret_argv, size_t *ret_count);

#endif
