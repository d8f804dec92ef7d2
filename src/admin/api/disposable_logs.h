/*
 * What the host has logged about unnamed disposables, in files of their own: it goes with them. Of
 * the last few that could not be started it stays for a while, as the error names it.
 */
#ifndef BULKHEAD_ADMIN_API_DISPOSABLE_LOGS_H
#define BULKHEAD_ADMIN_API_DISPOSABLE_LOGS_H

#include <stdbool.h>

#include "base/text.h"

struct app;

/* How many that could not be started have their logs yet. */
#define DISPOSABLE_LOGS_KEPT 16

/* Zeroed: none. */
struct disposable_logs {
	char kept[DISPOSABLE_LOGS_KEPT][QUBE_NAME_MAX + 1]; /* a ring */
	unsigned int next;
};

/* Removes those of disposables that are not there; at the start of the daemon. */
void disposable_logs_sweep(const struct app *app);
/* The disposable of that name has been removed. */
void disposable_logs_forget(
	struct disposable_logs *logs, const struct app *app, const char *name, bool has_failed);

#endif
