/*
 * A copy of a service's stderr in the system's log, line by line, under the name of the service
 * and its caller. Best effort: a full or missing log loses lines, never time.
 */
#ifndef BULKHEAD_QREXEC_SYSTEM_LOG_H
#define BULKHEAD_QREXEC_SYSTEM_LOG_H

#include <stddef.h>

struct system_log;

/* NULL when there is no log to write to. */
struct system_log *system_log_open(const char *descriptor, const char *source);

/* Takes bytes as they come; `log` is a struct system_log, NULL is fine. */
void system_log_add(const void *bytes, size_t size, void *log);

/* Writes what is left of an incomplete line. NULL is fine. */
void system_log_close(struct system_log *log);

#endif
