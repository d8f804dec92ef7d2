/* What the parts of the compiler share. Internal. */
#ifndef BULKHEAD_QREXEC_POLICY_COMPILE_H
#define BULKHEAD_QREXEC_POLICY_COMPILE_H

#include "qrexec/policy/compiled.h"
#include "qrexec/policy/line.h"

struct compile {
	struct policy *policy;
	const struct policy_loader *loader;
	enum policy_directory base; /* of the top-level file being read: includes start there */
	bool grants;                /* the top-level file being read is one of grants */
	unsigned depth;
	size_t files_read, bytes_read;
	uint32_t last_file;        /* whose end was reached last */
	enum policy_reason reason; /* what an error counts as */
	struct err err;
};

/* The columns that the lines of a service file lack. */
struct compile_service {
	const char *service, *argument;
};

/*
 * Reads one file and all it includes. `service` is NULL for a policy file. 0 or -1 with the error
 * in c->err.
 */
int compile_file(
	struct compile *c, const char *path, bool included, const struct compile_service *service);

/* Appends a rule from a parsed line. */
int compile_rule(struct compile *c, const struct policy_line *line,
	const struct compile_service *service, uint32_t file, unsigned line_number);

/* !compat-4.0: everything in the legacy directory. */
int compile_legacy(struct compile *c);

#endif
