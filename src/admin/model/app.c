/* The collection of qubes and the look-ups in it; see app.h. */
#include "admin/model/app.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/model/app_private.h"
#include "admin/model/events.h"
#include "admin/model/kernels.h"
#include "admin/model/property_table.h"
#include "base/log.h"

/* dom0 before all others. */
static int
compare_names(const char *a, const char *b)
{
	bool a_is_dom0 = text_equal(a, "dom0"), b_is_dom0 = text_equal(b, "dom0");

	if (a_is_dom0 || b_is_dom0)
		return (int)b_is_dom0 - (int)a_is_dom0;
	return strcmp(a, b);
}

static const char *
key_name(const struct qube *q)
{
	return q->name;
}

static const char *
key_uuid(const struct qube *q)
{
	return q->uuid;
}

/* Where the key is in a sorted array, or would be. */
static bool
find_place(struct qube *const *qubes, size_t count, const char *(*key_of)(const struct qube *),
	int (*compare)(const char *, const char *), const char *key, size_t *ret_place)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(key_of(qubes[middle]), key);

		if (order == 0) {
			*ret_place = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_place = low;
	return false;
}

static void
insert_at(struct qube **qubes, size_t count, size_t place, struct qube *q)
{
	memmove(qubes + place + 1, qubes + place, (count - place) * sizeof(void *));
	qubes[place] = q;
}

static void
remove_at(struct qube **qubes, size_t count, size_t place)
{
	memmove(qubes + place, qubes + place + 1, (count - place - 1) * sizeof(void *));
}

struct qube *
app_insert(struct app *app, int qid, const char *uuid, const char *name, enum qube_class class)
{
	struct qube *q = xcalloc(1, sizeof(*q));
	size_t by_name, by_uuid;

	q->app = app;
	q->class = class;
	q->qid = qid;
	memcpy(q->name, name, strnlen(name, QUBE_NAME_MAX));
	memcpy(q->uuid, uuid, strnlen(uuid, UUID_LENGTH));
	qube_power_reset(&q->power, class);

	if (find_place(app->qubes, app->qube_count, key_name, compare_names, q->name, &by_name) ||
		find_place(
			app->qubes_by_uuid, app->qube_count, key_uuid, strcmp, q->uuid, &by_uuid)) {
		free(q);
		return NULL;
	}
	app->qubes = reallocarray(app->qubes, app->qube_count + 1, sizeof(void *));
	app->qubes_by_uuid = reallocarray(app->qubes_by_uuid, app->qube_count + 1, sizeof(void *));
	if (app->qubes == NULL || app->qubes_by_uuid == NULL)
		fatal("out of memory");
	insert_at(app->qubes, app->qube_count, by_name, q);
	insert_at(app->qubes_by_uuid, app->qube_count, by_uuid, q);
	app->qube_count++;
	app->generation++;
	return q;
}

static void
destroy_qube(struct qube *q)
{
	property_values_finish(&q->values, false);
	feature_set_finish(&q->features);
	tag_set_finish(&q->tags);
	free(q);
}

void
app_forget_qube(struct app *app, struct qube *q, bool announce)
{
	size_t place;

	assert(q->pins == 0);
	if (find_place(app->qubes, app->qube_count, key_name, compare_names, q->name, &place))
		remove_at(app->qubes, app->qube_count, place);
	if (find_place(app->qubes_by_uuid, app->qube_count, key_uuid, strcmp, q->uuid, &place))
		remove_at(app->qubes_by_uuid, app->qube_count, place);
	app->qube_count--;
	app->generation++;
	if (announce)
		events_emit(app, NULL, "domain-delete", "vm", q->name, NULL);
	destroy_qube(q);
}

struct app *
app_create(struct store *store, const struct app_hooks *hooks, struct err *err)
{
	struct app *app = xcalloc(1, sizeof(*app));
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	app->store = store;
	if (hooks != NULL)
		app->hooks = *hooks;
	list_init(&app->labels);
	list_init(&app->subscribers);
	app->kernels = kernel_cache_create();
	if (pages > 0 && page_bytes > 0)
		app->host_memory_mib =
			(uint64_t)pages / ((uint64_t)1024 * 1024 / (uint64_t)page_bytes);
	app->host_cpus = cpus > 0 ? (unsigned int)cpus : 1;
	if (app_load(app, err) < 0) {
		app_destroy(app);
		return NULL;
	}
	return app;
}

void
app_destroy(struct app *app)
{
	if (app == NULL)
		return;
	assert(list_empty(&app->subscribers));
	for (size_t i = 0; i < app->qube_count; i++)
		destroy_qube(app->qubes[i]);
	property_values_finish(&app->values, true);
	labels_finish(app);
	kernel_cache_destroy(app->kernels);
	free(app->qubes);
	free(app->qubes_by_uuid);
	free(app);
}

struct qube *
app_find_qube(const struct app *app, const char *name)
{
	size_t place;

	if (!find_place(app->qubes, app->qube_count, key_name, compare_names, name, &place))
		return NULL;
	return app->qubes[place];
}

struct qube *
app_find_qube_by_qid(const struct app *app, int qid)
{
	struct qube *q;
	size_t i;

	app_for_each_qube(app, i, q)
	{
		if (q->qid == qid)
			return q;
	}
	return NULL;
}

struct qube *
app_lookup_qube(const struct app *app, const char *untrusted_name, struct err *err)
{
	struct qube *q = NULL;
	size_t place;

	if (!text_starts_with(untrusted_name, "uuid:")) {
		q = app_find_qube(app, untrusted_name);
	} else {
		const char *uuid = untrusted_name + strlen("uuid:");

		if (!uuid_valid(uuid)) {
			(void)err_set_kind(err, "QubesVMInvalidUUIDError", EINVAL,
				"VM UUID is not valid: '%s'", uuid);
			return NULL;
		}
		if (find_place(app->qubes_by_uuid, app->qube_count, key_uuid, strcmp, uuid, &place))
			q = app->qubes_by_uuid[place];
	}
	if (q == NULL)
		(void)err_set_kind(err, "QubesVMNotFoundError", ENOENT, "No such domain: '%s'",
			untrusted_name);
	return q;
}

struct qube *
app_dom0(const struct app *app)
{
	return app->qubes[0];
}

/* The property by which something refers to q, or NULL. */
static const struct property *
find_reference(const struct app *app, const struct qube *from, const struct qube *q)
{
	const struct property_values *values = property_values_of(app, from);
	size_t count;
	const struct property *const *rows;

	if (values->set == 0)
		return NULL;
	rows = property_list(from, &count);
	for (size_t i = 0; i < count; i++) {
		if (rows[i]->type == TYPE_VM && property_is_set(app, from, rows[i]) &&
			values->slots[property_slot(rows[i])].qube == q)
			return rows[i];
	}
	return NULL;
}

const struct property *
app_find_reference(const struct app *app, const struct qube *q, const char **ret_from)
{
	const struct property *p = find_reference(app, NULL, q);
	struct qube *other;
	size_t i;

	*ret_from = "the global properties";
	if (p != NULL)
		return p;
	app_for_each_qube(app, i, other)
	{
		if (other == q || (p = find_reference(app, other, q)) == NULL)
			continue;
		*ret_from = other->name;
		return p;
	}
	return NULL;
}

bool
app_is_referenced(const struct app *app, const struct qube *q)
{
	const char *from;

	return app_find_reference(app, q, &from) != NULL;
}
