/*
 * Logging to stderr (which the supervisor points at a file or the journal), one line a message:
 *
 *     PROGRAM[QUBE]: level: text
 *
 * Bytes outside printable ASCII are written as \xHH, so that nothing a qube says can forge a
 * line or reach a terminal. A message goes out with one write().
 */
#ifndef BULKHEAD_BASE_LOG_H
#define BULKHEAD_BASE_LOG_H

#include <stdarg.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/*
 * Sets the program's name and reads BULKHEAD_LOG (error, warning, info, debug; default info).
 * `program` must stay valid.
 */
void log_init(const char *program);

void log_set_level(enum log_level level);

/* The qube this process works for, shown on every line; NULL for none. Copied, cut at 63. */
void log_set_qube(const char *name);

void log_message(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* For a process that serves many qubes: names one for this line only. */
void log_qube_message(enum log_level level, const char *qube, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Logs and ends the process with status 1. For main() and process roles only. */
void fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
