/*
 * Copies a qube piece by piece (spec admin-api.md 16.6): there is no such call, tools compose it.
 * Used by qvm-clone, and by qvm-create for a standalone qube made from a template.
 */
#ifndef BULKHEAD_TOOLS_QVM_CLONE_PARTS_H
#define BULKHEAD_TOOLS_QVM_CLONE_PARTS_H

#include <stdbool.h>

#include "base/err.h"
#include "tools/lib/options.h"

struct clone_request {
	const char *source, *target;
	const char *class;               /* NULL: as the source */
	const char *label;               /* NULL: as the source */
	const char *pool;                /* for all volumes that persist, or NULL */
	const struct option_list *pools; /* VOLUME=POOL, already checked */
	bool ignore_errors;              /* report what can not be copied, and go on */
	bool no_private;                 /* leave the private volume empty */
	bool verbose;
};

/* Creates the target. On failure it is removed again. 0 or -1 with the error. */
int clone_qube(const struct clone_request *request, struct err *err);

/*
 * The payload of admin.vm.Create.CLASS or CreateInPool.CLASS for these options, and the method's
 * name with it. Both are the caller's to free.
 */
void create_request_build(const char *class, const char *name, const char *label, const char *pool,
	const struct option_list *pools, char **ret_method, char **ret_payload);

/* Whether each is VOLUME=POOL; if not, *ret_bad is the first that is not. */
bool pool_options_valid(const struct option_list *pools, const char **ret_bad);

#endif
