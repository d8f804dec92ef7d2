/* Noting that a qube has updates (updates.h). */
#include "tools/services/updates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/maybe.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/qubes.h"
#include "tools/lib/volumes.h"

enum { UPDATEABLE, TEMPLATE, PROPERTY_COUNT };
static const char *const properties[PROPERTY_COUNT] = {"updateable", "template"};

#define TEMPLATES_MAX 8
#define TIME_BYTES sizeof("YYYY-MM-DD HH:MM:SS")

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int
update_count_parse(const char *untrusted_text, size_t size, bool *ret_any)
{
	bool any = false;

	if (size > UPDATE_COUNT_MAX_BYTES)
		return -EBADMSG;
	while (size > 0 && is_blank(untrusted_text[size - 1]))
		size--;
	while (size > 0 && is_blank(*untrusted_text)) {
		untrusted_text++;
		size--;
	}
	if (size == 0)
		return -EBADMSG;
	for (size_t i = 0; i < size; i++) {
		if (untrusted_text[i] < '0' || untrusted_text[i] > '9')
			return -EBADMSG;
		any = any || untrusted_text[i] != '0';
	}
	*ret_any = any;
	return 0;
}

static bool
is_updateable(const struct qube *q)
{
	return text_is(q->values[UPDATEABLE], "True");
}

/* The nearest qube on the way up that is updated itself, or NULL. */
static const struct qube *
updateable_of(const struct qube_list *list, const struct qube *q)
{
	for (int i = 0; i < TEMPLATES_MAX && q != NULL && !is_updateable(q); i++)
		q = q->values[TEMPLATE] != NULL ? qubes_find(list, q->values[TEMPLATE]) : NULL;
	return q != NULL && is_updateable(q) ? q : NULL;
}

/* A running qube that shows an older state of its template knows nothing of the newer. */
static int
has_outdated_volume(struct qube_list *list, struct qube *caller, struct err *err)
{
	AUTO_VOLUMES struct volume_list volumes = {0};
	bool outdated = false;

	for (size_t i = 0; i < list->count; i++)
		list->items[i].chosen = &list->items[i] == caller;
	if (volumes_load(&volumes, list, false, err) < 0)
		return -1;
	for (size_t i = 0; i < volumes.count; i++) {
		AUTO_FREE char *value = volume_info_value(volumes.items[i].info, "is_outdated");

		outdated = outdated || text_is(value, "True");
	}
	return outdated;
}

static int
set_feature(const char *qube, const char *name, const char *value, struct err *err)
{
	return admin_call("admin.vm.feature.Set", name, qube, value, NULL, err);
}

static int
note(const char *qube, bool any, struct err *err)
{
	AUTO_ERR struct err missing = ERR_INIT;
	AUTO_FREE char *before = NULL;
	char now[TIME_BYTES] = "";
	const time_t seconds = time(NULL);
	struct tm local;

	if (localtime_r(&seconds, &local) != NULL)
		strftime(now, sizeof(now), "%Y-%m-%d %H:%M:%S", &local);
	if (admin_call("admin.vm.feature.Get", "updates-available", qube, NULL, &before, &missing) <
			0 &&
		!admin_error_is(&missing, "QubesFeatureNotFoundError"))
		return err_move(err, &missing);
	if (set_feature(qube, "updates-available", any ? "1" : "", err) < 0 ||
		set_feature(qube, "last-updates-check", now, err) < 0)
		return -1;
	if (!any && before != NULL && before[0] != '\0')
		return set_feature(qube, "last-update", now, err);
	return 0;
}

int
updates_notify(const char *caller, bool any, struct err *err)
{
	AUTO_QUBES struct qube_list list = {0};
	const struct qube *target;
	struct qube *q;
	int outdated;

	if (qubes_load(&list, properties, PROPERTY_COUNT, err) < 0)
		return -1;
	q = qubes_find(&list, caller);
	target = q != NULL ? updateable_of(&list, q) : NULL;
	if (target == NULL)
		return err_set(err, ENOENT, "nothing of '%s' is updated", caller);
	if (target == q)
		return note(q->name, any, err);
	if (!any || !qube_is_halted(target))
		return 0;
	outdated = has_outdated_volume(&list, q, err);
	return outdated != 0 ? (outdated < 0 ? -1 : 0) : note(target->name, true, err);
}
