/*
 * Qubes come and go: their rows in the caller's transaction, their place in the collection, and
 * the events of it in the verified order (spec admin-api.md 12.4, 16.1, 16.5, 17).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin/model/app_private.h"
#include "admin/model/change.h"
#include "admin/model/events.h"
#include "admin/model/property_table.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/log.h"

#define CREATOR_PREFIX "created-by-"

static int
allocate_qid(const struct app *app, struct err *err)
{
	AUTO_FREE bool *taken = xcalloc(QID_MAX + 1, sizeof(*taken));
	struct qube *q;
	size_t i;

	app_for_each_qube(app, i, q) taken[q->qid] = true;
	for (int qid = 1; qid <= QID_MAX; qid++) {
		if (!taken[qid])
			return qid;
	}
	return err_set_kind(
		err, "QubesException", ENOSPC, "there are %d qubes, no more are possible", QID_MAX);
}

static int
store_qube(struct app *app, const struct qube *q, struct err *err)
{
	struct store_query *insert = store_query(
		app->store, "INSERT INTO qube (qid, uuid, name, class) VALUES (?, ?, ?, ?)");

	query_bind_int(insert, 1, q->qid);
	query_bind_text(insert, 2, q->uuid);
	query_bind_text(insert, 3, q->name);
	query_bind_text(insert, 4, qube_class_name(q->class));
	return query_run(insert, err);
}

/* An unnamed disposable is like its template in everything that was set there. */
static void
copy_template(struct change *c, struct qube *q, struct qube *template)
{
	size_t count;
	const struct property *const *rows = property_list(q, &count);
	struct value value = {0};

	for (size_t i = 0; i < count; i++) {
		if (!property_is_cloned(rows[i]) || !property_applies(rows[i], template) ||
			!property_is_set(c->app, template, rows[i]))
			continue;
		(void)property_get(c->app, template, rows[i], &value);
		change_property_set(c, q, rows[i], &value);
	}
	for (size_t i = 0; i < template->features.count; i++) {
		const struct feature *f = &template->features.items[i];

		if (!text_starts_with(f->name, "preload-dispvm"))
			change_feature_set(c, q, f->name, f->value);
	}
	for (size_t i = 0; i < template->tags.count; i++)
		change_tag_add(c, q, template->tags.items[i]);
}

/* What a qube's feature says about the qubes it creates (5.3), or "". */
static const char *
creator_feature(const struct app *app, const struct qube_spec *spec, const char *name)
{
	const struct qube *creator = app_find_qube(app, spec->created_by);
	const char *value = creator != NULL ? qube_feature(creator, name) : NULL;

	return value != NULL ? value : "";
}

static void
set_gui_qube(struct change *c, struct qube *q, const struct qube_spec *spec)
{
	struct value value = {.state = VALUE_PRESENT};

	value.qube = app_find_qube(c->app, creator_feature(c->app, spec, "set-created-guivm"));
	if (value.qube != NULL && property_applies(property_by_id(PROPERTY_GUIVM), q))
		change_property_set(c, q, property_by_id(PROPERTY_GUIVM), &value);
}

/*
 * Calls back with each tag that a creator's feature gives to what it creates. What is no tag is
 * passed over, and what says who the creator is.
 */
static void
for_each_given_tag(struct app *app, struct qube *q, const struct qube_spec *spec,
	void (*give)(struct app *app, struct qube *q, const char *tag, void *data), void *data)
{
	AUTO_FREE char *words = text_copy(creator_feature(app, spec, "tag-created-vm-with"));
	char *rest = words, *word;

	while ((word = strsep(&rest, " ")) != NULL) {
		if (tag_check(word, NULL) == 0 && !text_starts_with(word, CREATOR_PREFIX))
			give(app, q, word, data);
	}
}

static void
store_tag(struct app *app, struct qube *q, const char *tag, void *data)
{
	change_tag_add(data, q, tag);
}

static void
set_initial(struct change *c, struct qube *q, const struct qube_spec *spec, int dispid)
{
	struct value value = {.state = VALUE_PRESENT};

	value.label = spec->label != NULL ? spec->label : qube_label(spec->template);
	change_property_set(c, q, property_by_id(PROPERTY_LABEL), &value);
	if (qube_class_has_template(spec->class)) {
		value.qube = spec->template;
		change_property_set(c, q, property_by_id(PROPERTY_TEMPLATE), &value);
	}
	set_gui_qube(c, q, spec);
	if (spec->class != CLASS_DISP)
		return;
	value.number = dispid;
	change_property_set(c, q, property_by_id(PROPERTY_DISPID), &value);
	if (spec->name != NULL)
		return;
	value.flag = true;
	change_property_set(c, q, property_by_id(PROPERTY_AUTO_CLEANUP), &value);
	copy_template(c, q, spec->template);
}

static void
add_role_tag(struct change *c, struct qube *q, enum property_id role)
{
	const struct qube *holder = qube_reference(q, role);

	if (holder != NULL) {
		AUTO_FREE char *tag =
			text_format("%s-%s", property_by_id(role)->name, holder->name);
		change_tag_add(c, q, tag);
	}
}

static char *
creator_tag(const char *created_by)
{
	return text_format(CREATOR_PREFIX "%s", created_by);
}

static char *
disposable_creator_tag(const char *created_by)
{
	return text_format("disp-created-by-%s", created_by);
}

/* Two changes, because the roles follow from properties that the first one sets. */
static int
store_initial(
	struct app *app, struct qube *q, const struct qube_spec *spec, int dispid, struct err *err)
{
	AUTO_CHANGE struct change values = CHANGE_INIT(app);
	AUTO_CHANGE struct change tags = CHANGE_INIT(app);
	AUTO_FREE char *creator = creator_tag(spec->created_by);

	values.quiet = tags.quiet = true;
	if (store_qube(app, q, err) < 0)
		return -1;
	set_initial(&values, q, spec, dispid);
	if (change_commit(&values, err) < 0)
		return -1;

	change_tag_add(&tags, q, creator);
	for_each_given_tag(app, q, spec, store_tag, &tags);
	if (spec->name == NULL) {
		AUTO_FREE char *disposable = disposable_creator_tag(spec->created_by);
		change_tag_add(&tags, q, disposable);
	}
	add_role_tag(&tags, q, PROPERTY_GUIVM);
	add_role_tag(&tags, q, PROPERTY_AUDIOVM);
	return change_commit(&tags, err);
}

struct qube *
app_add_qube(struct app *app, const struct qube_spec *spec, struct err *err)
{
	char uuid[UUID_LENGTH + 1], name[QUBE_NAME_MAX + 1];
	int qid = allocate_qid(app, err), dispid = 0;
	struct qube *q;

	if (qid < 0)
		return NULL;
	if (spec->class == CLASS_DISP &&
		((dispid = dispid_allocate(app, err)) < 0 || dispid_remember(app, dispid, err) < 0))
		return NULL;
	if (spec->name != NULL)
		(void)snprintf(name, sizeof(name), "%s", spec->name);
	else
		(void)snprintf(name, sizeof(name), DISPOSABLE_NAME_PREFIX "%d", dispid);
	uuid_generate(uuid);
	q = app_insert(app, qid, uuid, name, spec->class);
	if (q == NULL) {
		(void)err_set_kind(
			err, "QubesVMAlreadyExistsError", EEXIST, "Qube already exists: %s", name);
		return NULL;
	}
	if (store_initial(app, q, spec, dispid, err) < 0) {
		app_forget_qube(app, q, false);
		return NULL;
	}
	return q;
}

static void
emit_tag(struct app *app, struct qube *q, const char *tag)
{
	AUTO_FREE char *event = text_format("domain-tag-add:%s", tag);

	events_emit(app, q, event, "tag", tag, NULL);
}

static void
announce_tag(struct app *app, struct qube *q, const char *tag, void *data)
{
	(void)data;
	emit_tag(app, q, tag);
}

void
app_announce_qube(struct app *app, struct qube *q, const struct qube_spec *spec)
{
	AUTO_FREE char *creator = creator_tag(spec->created_by);
	AUTO_FREE char *disposable = disposable_creator_tag(spec->created_by);

	events_emit(app, NULL, "domain-add", "vm", q->name, NULL);
	if (spec->name != NULL) {
		emit_tag(app, q, creator);
		for_each_given_tag(app, q, spec, announce_tag, NULL);
		events_emit(app, q, "domain-create-on-disk", NULL);
		return;
	}
	events_emit(app, q, "domain-create-on-disk", NULL);
	if (!qube_has_tag(spec->template, creator))
		emit_tag(app, q, creator);
	for_each_given_tag(app, q, spec, announce_tag, NULL);
	emit_tag(app, q, disposable);
}

int
app_check_removal(const struct app *app, const struct qube *q, struct err *err)
{
	const struct property *p;
	const char *from;

	if (qube_is_dom0(q))
		return err_set_kind(err, "QubesVMInUseError", EPERM, "'dom0' cannot be removed");
	if (qube_flag(q, PROPERTY_INSTALLED_BY_RPM))
		return err_set_kind(err, "QubesVMInUseError", EPERM,
			"VM installed by package manager: %s", q->name);
	if (qube_class_has_machine(q->class) && !qube_is_halted(q))
		return err_set_kind(err, "QubesVMNotHaltedError", EBUSY,
			"Domain is not powered off: '%s'", q->name);
	p = app_find_reference(app, q, &from);
	if (p != NULL) {
		log_qube_message(LOG_LEVEL_WARNING, q->name,
			"not removed: property '%s' of %s refers to it", p->name, from);
		return err_set_kind(err, "QubesVMInUseError", EBUSY,
			"Domain is in use: '%s';  see 'journalctl -u qubesd -e' in dom0 for "
			"details",
			q->name);
	}
	if (q->pins > 0)
		return err_set_kind(err, "QubesVMInUseError", EBUSY,
			"Domain is in use: '%s'; an operation on it is not finished", q->name);
	return 0;
}

void
app_announce_removal(struct app *app, struct qube *q)
{
	events_emit(app, NULL, "domain-pre-delete", "vm", q->name, NULL);
}

int
app_delete_qube(struct app *app, struct qube *q, struct err *err)
{
	struct store_query *delete = store_query(app->store, "DELETE FROM qube WHERE qid = ?");

	query_bind_int(delete, 1, q->qid);
	return query_run(delete, err);
}
