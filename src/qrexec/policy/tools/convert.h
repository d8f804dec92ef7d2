/*
 * From the policy of release 4.0, a file a service in a directory of its own, to the present form
 * (spec qrexec.md 6.5): which rules go where. No I/O but through the loader that is given.
 */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_CONVERT_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "qrexec/policy/policy.h"

#define CONVERT_FILES_MAX 16
#define CONVERT_USER_FILE "30-user.policy"

/* New text of a file of the system's directory. */
struct convert_file {
	const char *name;
	char *before; /* owned; NULL: there was none */
	char *after;  /* owned */
};

struct conversion {
	struct convert_file files[CONVERT_FILES_MAX];
	size_t count;
	char *rules; /* owned; those that were taken, a line each, with tabs */
};

void conversion_finish(struct conversion *c);

#define AUTO_CONVERSION __attribute__((cleanup(conversion_finish)))

/* The parts of a policy. */
enum convert_part {
	CONVERT_ALL,         /* as it is */
	CONVERT_LEGACY_ONLY, /* what the old files say */
	CONVERT_MODERN_ONLY, /* as if there were no old files */
};

/*
 * Compiles a part of the policy that the loader gives; with a conversion, the present files as it
 * has them. Tells whether the old files count at all: whether a file says !compat-4.0.
 */
struct policy *convert_compile(const struct policy_loader *inner, enum convert_part part,
	const struct conversion *conversion, bool *ret_compatible);

/*
 * Decides which rules go where. Of a service whose rules are all there already none is taken, of
 * another all are: their order counts. What follows the first rule that denies a service as a whole
 * is left out, that one included, or, with `keep_denials`, not. 0 or -1 with the error.
 */
int convert_plan(const struct policy_loader *inner, const struct policy *legacy,
	const struct policy *modern, bool keep_denials, struct conversion *ret, struct err *err);

#endif
