/* A named qube in a disposable's likeness; see keep_qube.h. Runs in bulkheadd. */
#include "admin/api/keep_qube.h"

#include <errno.h>
#include <stdlib.h>

#include "admin/api/api_private.h"
#include "admin/api/disposable_owner.h"
#include "admin/api/volumes.h"
#include "admin/model/app.h"
#include "admin/model/change.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/text.h"

struct qube *
keep_template(const struct qube *from, enum qube_class class, struct err *err)
{
	struct qube *template = qube_template(from);

	if (class != CLASS_APP)
		return NULL;
	while (template != NULL && template->class != CLASS_TEMPLATE)
		template = qube_template(template);
	if (template == NULL)
		err_set_kind(err, "QubesValueError", EINVAL,
			"disposable '%s' is not based on a template: it can only be kept as a "
			"StandaloneVM",
			from->name);
	return template;
}

static bool
has_property(const struct qube *q, const struct property *p)
{
	size_t count;
	const struct property *const *rows = property_list(q, &count);

	for (size_t i = 0; i < count; i++) {
		if (rows[i] == p)
			return true;
	}
	return false;
}

/* What was set for it, or for the disposable template, which it has as its own. */
static void
copy_properties(struct change *c, struct qube *to, const struct qube *from)
{
	size_t count;
	const struct property *const *rows = property_list(from, &count);

	for (size_t i = 0; i < count; i++) {
		struct value value = {0};

		if (!property_is_cloned(rows[i]) || !has_property(to, rows[i]) ||
			property_id(rows[i]) == PROPERTY_EPHEMERAL ||
			property_get(c->app, from, rows[i], &value))
			continue;
		change_property_set(c, to, rows[i], &value);
	}
}

/* Without a template, what came from there is to be its own. */
static void
copy_inherited_properties(struct change *c, struct qube *to, const struct qube *from)
{
	static const enum property_id ids[] = {PROPERTY_DEFAULT_USER, PROPERTY_KERNEL,
		PROPERTY_KERNELOPTS, PROPERTY_MEMORY, PROPERTY_QREXEC_TIMEOUT,
		PROPERTY_SHUTDOWN_TIMEOUT, PROPERTY_VCPUS, PROPERTY_VIRT_MODE};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		const struct property *p = property_by_id(ids[i]);
		struct value value = {0};

		if (property_get(c->app, from, p, &value) && value.state == VALUE_PRESENT)
			change_property_set(c, to, p, &value);
	}
}

/* Not what it is only as a disposable. */
static bool
is_feature_kept(const char *name)
{
	static const char *const own[] = {KEEP_FEATURE, KEPT_FROM_FEATURE, DISPOSABLE_OWNER_FEATURE,
		START_FEATURE, "internal"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (text_equal(name, own[i]))
			return false;
	}
	return !text_starts_with(name, "preload-dispvm");
}

/* The nearest value wins: the qube's own, then its template's. */
static void
copy_features(struct change *c, struct qube *to, const struct qube *from)
{
	bool is_whole = to->class == CLASS_STANDALONE;

	for (const struct qube *at = from; at != NULL; at = is_whole ? qube_template(at) : NULL) {
		for (size_t i = 0; i < at->features.count; i++) {
			const struct feature *f = &at->features.items[i];
			bool is_hidden = false;

			for (const struct qube *near = from; near != at; near = qube_template(near))
				is_hidden |= qube_feature(near, f->name) != NULL;
			if (!is_hidden && is_feature_kept(f->name))
				change_feature_set(c, to, f->name, f->value);
		}
	}
}

static void
copy_tags(struct change *c, struct qube *to, const struct qube *from)
{
	for (size_t i = 0; i < from->tags.count; i++) {
		const char *tag = from->tags.items[i];

		if (!text_starts_with(tag, "created-by-") &&
			!text_starts_with(tag, "disp-created-by-"))
			change_tag_add(c, to, tag);
	}
}

static char *
rationale_of(const struct qube *from)
{
	return text_format("it is being made of what '%s' wrote", from->name);
}

static int
take_after(struct app *app, struct qube *to, const struct qube *from, struct err *err)
{
	AUTO_CHANGE struct change c = CHANGE_INIT(app);
	AUTO_FREE char *rationale = rationale_of(from);

	c.quiet = true;
	copy_properties(&c, to, from);
	if (to->class == CLASS_STANDALONE)
		copy_inherited_properties(&c, to, from);
	copy_features(&c, to, from);
	copy_tags(&c, to, from);
	change_feature_set(&c, to, START_FEATURE, rationale);
	change_feature_set(&c, to, KEPT_FROM_FEATURE, from->uuid);
	return change_commit(&c, err);
}

static struct qube *
add(struct api *api, const struct qube_spec *spec, const struct qube *from, struct err *err)
{
	static const struct volume_pools default_pools;
	struct qube *q = app_add_qube(api->config.app, spec, err);

	if (q == NULL)
		return NULL;
	if (volumes_add(api, q, &default_pools, err) < 0 ||
		take_after(api->config.app, q, from, err) < 0) {
		app_forget_qube(api->config.app, q, false);
		return NULL;
	}
	return q;
}

struct qube *
keep_make_qube(struct api *api, struct qube *from, const struct keep_wish *wish, struct err *err)
{
	struct app *app = api->config.app;
	struct qube_spec spec = {
		.class = wish->class,
		.name = wish->name,
		.label = qube_label(from),
		.template = keep_template(from, wish->class, err),
		.created_by = wish->creator,
	};
	struct qube *q;

	if (spec.template == NULL && wish->class == CLASS_APP)
		return NULL;
	if (store_begin(app->store, err) < 0)
		return NULL;
	q = add(api, &spec, from, err);
	if (q == NULL) {
		store_rollback(app->store);
		return NULL;
	}
	if (store_commit(app->store, err) < 0) {
		app_forget_qube(app, q, false);
		return NULL;
	}
	app_announce_qube(app, q, &spec);
	return q;
}

int
keep_release_qube(struct app *app, struct qube *q, struct err *err)
{
	AUTO_CHANGE struct change c = CHANGE_INIT(app);

	change_feature_remove(&c, q, START_FEATURE);
	change_feature_remove(&c, q, KEPT_FROM_FEATURE);
	return change_commit(&c, err);
}

void
keep_hold_qube(struct qube *q, const struct qube *from)
{
	AUTO_FREE char *rationale = rationale_of(from);

	feature_set_put(&q->features, START_FEATURE, rationale);
	feature_set_put(&q->features, KEPT_FROM_FEATURE, from->uuid);
}
