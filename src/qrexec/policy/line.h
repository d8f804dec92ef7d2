/*
 * One line of a policy file: a rule, a directive or nothing (spec qrexec.md 5.2, 5.4 and, for
 * service files, 5.10). Pure; the bytes come from a policy file and are checked here. The
 * compiler and the lint tool read lines through the same function.
 */
#ifndef BULKHEAD_QREXEC_POLICY_LINE_H
#define BULKHEAD_QREXEC_POLICY_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "qrexec/policy/policy.h"
#include "qrexec/policy/token.h"

/* A service file has no service and argument columns and an older spelling. */
enum policy_line_form {
	POLICY_LINE_POLICY,
	POLICY_LINE_SERVICE,
};

enum policy_line_kind {
	POLICY_LINE_EMPTY,
	POLICY_LINE_RULE,
	POLICY_LINE_INCLUDE,
	POLICY_LINE_INCLUDE_DIR,
	POLICY_LINE_INCLUDE_SERVICE,
	POLICY_LINE_COMPAT,
};

/* Texts lie in the line itself. */
struct policy_line {
	enum policy_line_kind kind;
	const char *service;  /* of a rule (NULL in a service file) and of !include-service */
	const char *argument; /* "*" or "+..."; likewise */
	const char *path;     /* of the includes */
	struct policy_token source, target;
	enum policy_action action;
	bool has_redirect, has_default_target;
	struct policy_token redirect, default_target;
	const char *user; /* NULL or "": the default user */
	bool notify, autostart;
};

/*
 * Parses one line of `length` bytes without its line end; text[length] is writable (and becomes
 * NUL), the text is cut up in place. 0 or -1 with the error.
 */
int policy_line_parse(char *untrusted_text, size_t length, enum policy_line_form form,
	struct policy_line *ret, struct err *err);

/* Checks a service and an argument as columns; also for the names of legacy files. */
int policy_line_check_service(const char *service, const char *argument, struct err *err);

/*
 * Steps through the lines of a text. Returns false at the end. *position starts at 0. A CR
 * before the LF belongs to the line end.
 */
bool policy_line_next(
	char *text, size_t size, size_t *position, char **ret_line, size_t *ret_length);

#endif
