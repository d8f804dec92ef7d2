/*
 * A line of the log of decisions, taken apart: a time, then fields KEY=VALUE with a blank between
 * (decision_log.h). Values are as they stand there, with whatever was not printable written \xHH.
 * Pure; the lines hold what qubes sent, and the file may be cut off anywhere.
 */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_LOG_LINE_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_LINE_FIELDS_MAX 16

struct log_field {
	const char *key, *value;
};

/* Points into the line that was parsed. */
struct log_line {
	const char *time;
	struct log_field fields[LOG_LINE_FIELDS_MAX];
	size_t count;
};

/* Cuts the text up in place. 0, or -EBADMSG for what is no line of this log. */
int log_line_parse(char *untrusted_text, struct log_line *ret);

/* The value of a field, or "" when the line has none. */
const char *log_line_get(const struct log_line *line, const char *key);

/* What lines are wanted; NULL: any. */
struct log_filter {
	const char *source;  /* who asked, or for whom */
	const char *target;  /* that was asked for or given, also as the base of a disposable */
	const char *qube;    /* either of them */
	const char *service; /* NAME, or NAME+ARGUMENT */
	const char *result;  /* "allow" or "deny" */
	const char *since;   /* a time as the log writes it, or the beginning of one */
};

bool log_filter_matches(const struct log_filter *filter, const struct log_line *line);

#endif
