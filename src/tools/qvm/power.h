/* One call for each of several qubes, all at once: what the commands on power states share. */
#ifndef BULKHEAD_TOOLS_QVM_POWER_H
#define BULKHEAD_TOOLS_QVM_POWER_H

#include "tools/lib/admin_client.h"
#include "tools/lib/qubes.h"

/* Calls METHOD+ARGUMENT (may be NULL) for all chosen qubes; calls[i] belongs to items[i], and
 * is empty for those not chosen. The caller frees with admin_calls_free(). */
struct admin_call *call_chosen(
	const struct qube_list *list, const char *method, const char *argument, int timeout_ms);

/*
 * The same, and reports each failure as "Error: WHAT: QUBE: TEXT", except those of the class
 * `tolerated` (may be NULL). Returns the exit status.
 */
int call_chosen_reporting(
	const struct qube_list *list, const char *method, const char *what, const char *tolerated);

#endif
