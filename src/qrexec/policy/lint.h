/*
 * Looking over a policy file line by line, without what it includes: every error the compiler
 * would find in a line, and things that are legal and probably not meant.
 */
#ifndef BULKHEAD_QREXEC_POLICY_LINT_H
#define BULKHEAD_QREXEC_POLICY_LINT_H

#include "qrexec/policy/line.h"

enum lint_severity {
	LINT_ERROR,
	LINT_WARNING,
};

/* `line` is the line as written, of `length` bytes. */
typedef void (*lint_callback)(unsigned line_number, enum lint_severity severity, const char *text,
	const char *line, size_t length, void *data);

/* Returns the number of errors. */
size_t lint_text(const char *untrusted_text, size_t size, enum policy_line_form form,
	lint_callback callback, void *data);

#endif
