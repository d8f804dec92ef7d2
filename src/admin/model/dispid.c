/*
 * Numbers of disposables (spec admin-api.md section 2): random, so that a name seen before does
 * not come back soon and be taken for the qube it was.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/model/app_private.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

#define REUSE_AFTER_SECONDS (INT64_C(7) * 24 * 60 * 60)

bool
disposable_name_valid(const char *name)
{
	const char *number;

	if (!text_starts_with(name, DISPOSABLE_NAME_PREFIX))
		return false;
	number = name + strlen(DISPOSABLE_NAME_PREFIX);
	return number[0] != '\0' && number[strspn(number, "0123456789")] == '\0';
}

enum dispid_use {
	DISPID_FREE,
	DISPID_RECENT, /* free, but used in the last days */
	DISPID_TAKEN,
};

static void
mark_taken(const struct app *app, enum dispid_use *uses)
{
	char name[QUBE_NAME_MAX + 1];
	struct qube *q;
	size_t i;

	app_for_each_qube(app, i, q)
	{
		int64_t dispid = q->class == CLASS_DISP ? qube_number(q, PROPERTY_DISPID) : -1;

		if (dispid >= 0 && dispid <= DISPID_MAX)
			uses[dispid] = DISPID_TAKEN;
	}
	for (int dispid = 0; dispid <= DISPID_MAX; dispid++) {
		(void)snprintf(name, sizeof(name), DISPOSABLE_NAME_PREFIX "%d", dispid);
		if (app_find_qube(app, name) != NULL)
			uses[dispid] = DISPID_TAKEN;
	}
}

static int
mark_recent(struct app *app, enum dispid_use *uses, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(app->store, "SELECT dispid FROM used_dispid WHERE used_at > ?");
	int result;

	query_bind_int(q, 1, (int64_t)time(NULL) - REUSE_AFTER_SECONDS);
	while ((result = query_step(q, err)) > 0) {
		int64_t dispid = query_int(q, 0);

		if (dispid >= 0 && dispid <= DISPID_MAX && uses[dispid] == DISPID_FREE)
			uses[dispid] = DISPID_RECENT;
	}
	return result;
}

/* A random one of those in that use, or -1. */
static int
pick(const enum dispid_use *uses, enum dispid_use wanted)
{
	uint32_t count = 0, chosen;

	for (int dispid = 0; dispid <= DISPID_MAX; dispid++)
		count += uses[dispid] == wanted;
	if (count == 0)
		return -1;
	random_bytes(&chosen, sizeof(chosen));
	chosen %= count;
	for (int dispid = 0; dispid <= DISPID_MAX; dispid++) {
		if (uses[dispid] == wanted && chosen-- == 0)
			return dispid;
	}
	return -1;
}

int
dispid_allocate(struct app *app, struct err *err)
{
	AUTO_FREE enum dispid_use *uses = xcalloc(DISPID_MAX + 1, sizeof(*uses));
	int dispid;

	mark_taken(app, uses);
	if (mark_recent(app, uses, err) < 0)
		return -1;
	dispid = pick(uses, DISPID_FREE);
	if (dispid < 0)
		dispid = pick(uses, DISPID_RECENT);
	if (dispid < 0)
		return err_set_kind(
			err, "QubesException", ENOSPC, "all numbers of disposables are in use");
	return dispid;
}

int
dispid_remember(struct app *app, int dispid, struct err *err)
{
	struct store_query *old =
		store_query(app->store, "DELETE FROM used_dispid WHERE used_at <= ?");
	struct store_query *new;

	query_bind_int(old, 1, (int64_t)time(NULL) - REUSE_AFTER_SECONDS);
	if (query_run(old, err) < 0)
		return -1;
	new = store_query(
		app->store, "INSERT OR REPLACE INTO used_dispid (dispid, used_at) VALUES (?, ?)");
	query_bind_int(new, 1, dispid);
	query_bind_int(new, 2, (int64_t)time(NULL));
	return query_run(new, err);
}
