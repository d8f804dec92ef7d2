/* What the files behind admin.h share: a call on its way. */
#ifndef BULKHEAD_QREXEC_POLICY_TOOLS_ADMIN_INTERNAL_H
#define BULKHEAD_QREXEC_POLICY_TOOLS_ADMIN_INTERNAL_H

#include <errno.h>

#include "qrexec/policy/tools/admin.h"
#include "qrexec/policy/tools/admin_file.h"

/* What was asked, and where. */
struct work {
	const struct policy_directories *directories;
	const struct policy_admin_call *call;
	bool include;
	struct buf *answer;
};

#define refuse(err, kind, ...)                                                                     \
	err_set_kind((err), "PolicyAdmin" kind "Exception", EINVAL, __VA_ARGS__)

/* The directory of the system's policy. */
const char *admin_directory(const struct work *w);

/* Whether all would still compile with this as the file; `bytes` NULL: without the file. */
int admin_check_policy(const struct work *w, const struct admin_file *file, const char *bytes,
	size_t size, struct err *err);

/* policy.RegisterArgument (admin_register.c). */
int admin_run_register(struct work *w, struct err *err);

#endif
