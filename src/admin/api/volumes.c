/* Which volumes a class has, and their life with their qube; see volumes.h. */
#include "admin/api/volumes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api/api_private.h"
#include "admin/model/app.h"
#include "admin/storage/storage.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

#define GIB (UINT64_C(1) << 30)
/* The content before the last change can be gone back to. */
#define REVISIONS_TO_KEEP 1

static const char *const role_names[VOLUME_ROLES] = {
	[VOLUME_ROOT] = "root",
	[VOLUME_PRIVATE] = "private",
	[VOLUME_VOLATILE] = "volatile",
	[VOLUME_KERNEL] = "kernel",
};

static const enum property_id default_pools[VOLUME_ROLES] = {
	[VOLUME_ROOT] = GLOBAL_DEFAULT_POOL_ROOT,
	[VOLUME_PRIVATE] = GLOBAL_DEFAULT_POOL_PRIVATE,
	[VOLUME_VOLATILE] = GLOBAL_DEFAULT_POOL_VOLATILE,
	[VOLUME_KERNEL] = GLOBAL_DEFAULT_POOL_KERNEL,
};

/* Kernel volumes are no rows: they are files of the installed kernel. */
struct volume_kind {
	bool save_on_stop;
	bool snap_on_start; /* of the template's volume of that name */
	uint64_t size_bytes;
};

static const struct volume_kind volume_kinds[QUBE_CLASS_MAX][VOLUME_KERNEL] = {
	[CLASS_TEMPLATE] = {{true, false, 10 * GIB}, {true, false, 2 * GIB},
		{false, false, 10 * GIB}},
	[CLASS_STANDALONE] = {{true, false, 10 * GIB}, {true, false, 2 * GIB},
		{false, false, 10 * GIB}},
	[CLASS_APP] = {{false, true, 10 * GIB}, {true, false, 2 * GIB}, {false, false, 10 * GIB}},
	[CLASS_DISP] = {{false, true, 10 * GIB}, {false, true, 2 * GIB}, {false, false, 12 * GIB}},
};

const char *
volume_role_name(enum volume_role role)
{
	return role_names[role];
}

int
volume_role_parse(const char *name, enum volume_role *ret_role)
{
	for (unsigned int i = 0; i < VOLUME_ROLES; i++) {
		if (text_equal(role_names[i], name)) {
			*ret_role = (enum volume_role)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* There is one pool for images so far; with more, the pool is to be kept for each volume. */
struct volume_place
volume_place_of(const struct qube *q, enum volume_role role)
{
	struct volume_place place;

	if (role == VOLUME_KERNEL) {
		place.pool = text_copy(STORAGE_POOL_KERNEL);
		place.vid = qube_text(q, PROPERTY_KERNEL);
		return place;
	}
	place.pool = text_copy(STORAGE_POOL_DEFAULT);
	place.vid = text_format("%s/%s/%s", q->class == CLASS_TEMPLATE ? "vm-templates" : "appvms",
		q->name, role_names[role]);
	return place;
}

void
volume_place_finish(struct volume_place *place)
{
	free(place->pool);
	free(place->vid);
}

/* The qube whose volume this one is a snapshot of: for a disposable's root the last template. */
static const struct qube *
find_origin(const struct qube *template, enum volume_role role)
{
	const struct qube *origin = template;

	if (role != VOLUME_ROOT)
		return origin;
	while (qube_template(origin) != NULL)
		origin = qube_template(origin);
	return origin;
}

static char *
default_pool(const struct app *app, enum volume_role role)
{
	const struct property *p = property_by_id(default_pools[role]);
	struct value value = {0};

	(void)property_get(app, NULL, p, &value);
	return text_copy(value.state == VALUE_PRESENT ? value.text : STORAGE_POOL_DEFAULT);
}

static int
check_pool(const struct volume_kind *kind, enum volume_role role, const char *wanted,
	const char *pool, struct err *err)
{
	if (wanted == NULL || text_equal(wanted, pool))
		return 0;
	if (kind != NULL && kind->snap_on_start)
		return err_set_kind(err, "QubesException", EINVAL,
			"Snapshot volume %s must be in the same pool as its origin, '%s'",
			role_names[role], pool);
	return err_set_kind(err, "QubesException", EINVAL, "volume %s cannot be in pool '%s'",
		role_names[role], wanted);
}

static bool
is_ephemeral(struct api *api, const struct qube *q, enum volume_role role)
{
	AUTO_PLACE struct volume_place place = volume_place_of(q, role);
	struct volume_info info;
	bool ephemeral;

	if (storage_volume_info(api->config.storage, place.pool, place.vid, &info, NULL) < 0)
		return false;
	ephemeral = info.ephemeral;
	volume_info_finish(&info);
	return ephemeral;
}

static int
add_volume(struct api *api, const struct qube *q, enum volume_role role, const char *wanted_pool,
	struct err *err)
{
	const struct volume_kind *kind = &volume_kinds[q->class][role];
	AUTO_PLACE struct volume_place place = volume_place_of(q, role);
	AUTO_PLACE struct volume_place source = {0};
	AUTO_FREE char *fallback = default_pool(api->config.app, role);
	struct volume_config config = {
		.pool = place.pool,
		.vid = place.vid,
		.name = role_names[role],
		.owner = q->name,
		.size_bytes = kind->size_bytes,
		.rw = true,
		.save_on_stop = kind->save_on_stop,
		.snap_on_start = kind->snap_on_start,
		.revisions_to_keep = kind->save_on_stop ? REVISIONS_TO_KEEP : 0,
	};

	if (kind->snap_on_start) {
		source = volume_place_of(find_origin(qube_template(q), role), role);
		config.source = source.vid;
	} else if (wanted_pool == NULL) {
		wanted_pool = fallback;
	}
	if (q->class == CLASS_DISP)
		config.ephemeral = is_ephemeral(api, qube_template(q), role);
	if (check_pool(kind, role, wanted_pool, place.pool, err) < 0)
		return -1;
	return storage_add_volume(api->config.storage, &config, err);
}

int
volumes_add(
	struct api *api, const struct qube *q, const struct volume_pools *pools, struct err *err)
{
	if (!qube_class_has_machine(q->class))
		return 0;
	for (unsigned int role = 0; role < VOLUME_KERNEL; role++) {
		if (add_volume(api, q, (enum volume_role)role, pools->names[role], err) < 0)
			return -1;
	}
	return check_pool(
		NULL, VOLUME_KERNEL, pools->names[VOLUME_KERNEL], STORAGE_POOL_KERNEL, err);
}

static int
set_source(struct api *api, const struct qube *q, const struct qube *template,
	enum volume_role role, struct err *err)
{
	AUTO_PLACE struct volume_place place = volume_place_of(q, role);
	AUTO_PLACE struct volume_place source = volume_place_of(find_origin(template, role), role);

	return storage_set_source(api->config.storage, place.pool, place.vid, source.vid, err);
}

static int
follow(struct api *api, const struct qube *q, const struct qube *template, struct err *err)
{
	for (unsigned int role = 0; role < VOLUME_KERNEL; role++) {
		if (volume_kinds[q->class][role].snap_on_start &&
			set_source(api, q, template, (enum volume_role)role, err) < 0)
			return -1;
	}
	return 0;
}

int
volumes_follow_template(
	const struct qube *q, const struct qube *template, void *data, struct err *err)
{
	struct api *api = data;
	struct qube *other;
	size_t i;

	if (follow(api, q, template, err) < 0)
		return -1;
	/* Disposables of this qube have their root from its template. */
	app_for_each_qube(api->config.app, i, other)
	{
		if (other->class == CLASS_DISP && qube_template(other) == q &&
			set_source(api, other, template, VOLUME_ROOT, err) < 0)
			return -1;
	}
	return 0;
}

static int
compare_vids(const void *key, const void *element)
{
	return strcmp(key, *(char *const *)element);
}

void
volumes_report_missing(struct api *api)
{
	AUTO_ERR struct err err = ERR_INIT;
	char **vids;
	size_t count = 0, i;
	struct qube *q;

	if (storage_list_vids(api->config.storage, STORAGE_POOL_DEFAULT, &vids, &err) < 0) {
		log_error("%s", err_message(&err));
		return;
	}
	while (vids[count] != NULL)
		count++;
	app_for_each_qube(api->config.app, i, q)
	{
		for (unsigned int role = 0;
			role < VOLUME_KERNEL && qube_class_has_machine(q->class); role++) {
			AUTO_PLACE struct volume_place place =
				volume_place_of(q, (enum volume_role)role);

			if (bsearch(place.vid, vids, count, sizeof(*vids), compare_vids) == NULL)
				log_qube_message(LOG_LEVEL_ERROR, q->name,
					"volume '%s' is missing from the store", role_names[role]);
		}
	}
	storage_free_vids(vids);
}
