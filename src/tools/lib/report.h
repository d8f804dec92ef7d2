/*
 * What a tool tells its user on stderr, and the exit status that goes with it. Control bytes in
 * messages are shown as \xHH: a message may quote what came from a qube.
 */
#ifndef BULKHEAD_TOOLS_LIB_REPORT_H
#define BULKHEAD_TOOLS_LIB_REPORT_H

#include <stdbool.h>

#include "base/err.h"
#include "tools/lib/options.h"

enum tool_status {
	TOOL_OK = 0,
	TOOL_FAILURE = 1,
	TOOL_USAGE = 2,
};

/*
 * Parses a command's options and answers --help, --version and errors. True: go on. False: the
 * command ends with *ret_status.
 */
bool tool_accept(struct options *o, int argc, char *const *argv, int *ret_status);

/* The usage, then "PROGRAM: error: TEXT". Returns TOOL_USAGE. */
int tool_usage_error(const struct options *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "PROGRAM: error: TEXT". Returns TOOL_FAILURE. */
int tool_error(const struct options *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One line on stderr as it is; for "Error: ..." and "LOGGER: ...". */
void tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "Error: WHAT: QUBE: TEXT" for one qube of many. Returns TOOL_FAILURE. */
int tool_qube_error(const char *what, const char *qube, const struct err *err);

/* Flushes stdout; TOOL_FAILURE when that failed, with a message unless the reader just left. */
int tool_finish_output(const struct options *o, int status);

/* Asks on the terminal; only an answer of y or Y is yes, the end of input is no. */
bool tool_ask(const char *question);

#endif
