/*
 * From the store into memory. The store is ours, but a store that was changed by hand, or that
 * does not fit together, must not be guessed at: a qube could lose its netvm and be given another.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/app_private.h"
#include "admin/model/change.h"
#include "admin/model/property_table.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/text.h"

#define DOM0_UUID "00000000-0000-0000-0000-000000000000"

static const struct {
	const char *name;
	uint32_t color;
} builtin_labels[LABEL_BUILTIN_COUNT] = {
	{"red", 0xcc0000},
	{"orange", 0xf57900},
	{"yellow", 0xedd400},
	{"green", 0x73d216},
	{"gray", 0x555555},
	{"blue", 0x3465a4},
	{"purple", 0x75507b},
	{"black", 0x000000},
};

static int
insert_label(struct store *s, int index, const char *name, uint32_t color, struct err *err)
{
	struct store_query *q =
		store_query(s, "INSERT INTO label (position, name, color) VALUES (?, ?, ?)");

	query_bind_int(q, 1, index);
	query_bind_text(q, 2, name);
	query_bind_int(q, 3, color);
	return query_run(q, err);
}

static int
insert_property(struct store *s, int qid, const char *name, const char *value, struct err *err)
{
	struct store_query *q =
		store_query(s, "INSERT INTO property (qid, name, value) VALUES (?, ?, ?)");

	query_bind_int(q, 1, qid);
	query_bind_text(q, 2, name);
	query_bind_text(q, 3, value);
	return query_run(q, err);
}

/* What is there from the first moment: labels, dom0, the pool of kernels. */
static int
fill_new_store(struct store *s, struct err *err)
{
	struct store_query *dom0;

	for (int i = 0; i < LABEL_BUILTIN_COUNT; i++) {
		if (insert_label(s, i + 1, builtin_labels[i].name, builtin_labels[i].color, err) <
			0)
			return -1;
	}
	dom0 = store_query(s, "INSERT INTO qube (qid, uuid, name, class) VALUES (0, ?, ?, ?)");
	query_bind_text(dom0, 1, DOM0_UUID);
	query_bind_text(dom0, 2, "dom0");
	query_bind_text(dom0, 3, qube_class_name(CLASS_ADMIN));
	if (query_run(dom0, err) < 0)
		return -1;
	if (insert_property(s, 0, "label", "black", err) < 0)
		return -1;
	return insert_property(s, -1, "default_pool_kernel", "linux-kernel", err);
}

static int
check_new_store(struct store *s, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(s, "SELECT (SELECT count(*) FROM qube) + (SELECT count(*) FROM label)");
	int64_t rows;

	if (query_step(q, err) < 0)
		return -1;
	rows = query_int(q, 0);
	query_finish(q);
	if (rows > 0)
		return 0;
	if (store_begin(s, err) < 0)
		return -1;
	if (fill_new_store(s, err) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, err);
}

static int
load_labels(struct app *app, struct err *err)
{
	AUTO_QUERY struct store_query *q = store_query(
		app->store, "SELECT position, name, color FROM label ORDER BY position");
	int result;

	while ((result = query_step(q, err)) > 0) {
		const char *name = query_text(q, 1);
		int64_t index = query_int(q, 0);

		if (name[0] == '\0' || strlen(name) > LABEL_NAME_MAX || index < 1 ||
			index > INT32_MAX)
			return err_set(err, EBADMSG, "store: label '%s' is not valid", name);
		label_insert(app, (int)index, name, (uint32_t)query_int(q, 2));
	}
	return result;
}

static int
load_qubes(struct app *app, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(app->store, "SELECT qid, uuid, name, class FROM qube");
	int result;

	while ((result = query_step(q, err)) > 0) {
		const char *uuid = query_text(q, 1), *name = query_text(q, 2);
		enum qube_class class;

		if (qube_class_parse(query_text(q, 3), &class) < 0 ||
			!qube_name_valid(name, NULL) || !uuid_valid(uuid) ||
			(class == CLASS_ADMIN) != (query_int(q, 0) == 0) ||
			(class == CLASS_ADMIN) != text_equal(name, "dom0") ||
			app_insert(app, (int)query_int(q, 0), uuid, name, class) == NULL)
			return err_set(err, EBADMSG, "store: qube '%s' is not valid", name);
	}
	if (result == 0 && (app->qube_count == 0 || !qube_is_dom0(app->qubes[0])))
		return err_set(err, EBADMSG, "store: there is no dom0");
	return result;
}

/* Qubes by number, for the tables that name them so. */
struct qid_index {
	struct qube *by_qid[QID_MAX + 1];
};

static struct qube *
find_by_qid(const struct qid_index *index, int64_t qid)
{
	return qid >= 0 && qid <= QID_MAX ? index->by_qid[qid] : NULL;
}

static int
load_property(struct app *app, struct qube *q, const char *name, const char *text, struct err *err)
{
	const struct property *p = property_find(app, q, name, err);
	struct value value = {0};

	if (p == NULL || !property_has_slot(p))
		return err_wrap(err, "store");
	if (text != NULL) {
		if (property_parse(app, p, text, &value, err) < 0)
			return err_wrap(err, "store: property '%s' of '%s'", name,
				q != NULL ? q->name : "Qubes");
	} else if (p->type == TYPE_VM) {
		value.state = VALUE_NONE;
	} else {
		return err_set(err, EBADMSG, "store: property '%s' has no value", name);
	}
	property_values_put(q != NULL ? &q->values : &app->values, p, &value,
		p->type == TYPE_STR ? text_copy(text) : NULL);
	return 0;
}

static int
load_properties(struct app *app, const struct qid_index *index, struct err *err)
{
	AUTO_QUERY struct store_query *q =
		store_query(app->store, "SELECT qid, name, value FROM property");
	int result;

	while ((result = query_step(q, err)) > 0) {
		int64_t qid = query_int(q, 0);
		struct qube *qube = find_by_qid(index, qid);

		if (qid != -1 && qube == NULL)
			return err_set(
				err, EBADMSG, "store: property '%s' of no qube", query_text(q, 1));
		if (load_property(app, qube, query_text(q, 1), query_text(q, 2), err) < 0)
			return -1;
	}
	return result;
}

static int
load_features_and_tags(struct app *app, const struct qid_index *index, struct err *err)
{
	AUTO_QUERY struct store_query *features = NULL;
	AUTO_QUERY struct store_query *tags = NULL;
	int result;

	features =
		store_query(app->store, "SELECT qid, name, value FROM feature ORDER BY position");
	while ((result = query_step(features, err)) > 0) {
		struct qube *q = find_by_qid(index, query_int(features, 0));

		if (q == NULL)
			return err_set(err, EBADMSG, "store: feature of no qube");
		feature_set_put(&q->features, query_text(features, 1), query_text(features, 2));
	}
	if (result < 0)
		return -1;

	tags = store_query(app->store, "SELECT qid, name FROM tag");
	while ((result = query_step(tags, err)) > 0) {
		struct qube *q = find_by_qid(index, query_int(tags, 0));

		if (q == NULL)
			return err_set(err, EBADMSG, "store: tag of no qube");
		tag_set_add(&q->tags, query_text(tags, 1));
	}
	return result;
}

/* What every qube must have. */
static int
check_qubes(const struct app *app, struct err *err)
{
	struct qube *q;
	size_t i;

	app_for_each_qube(app, i, q)
	{
		const struct qube *template = qube_template(q);
		size_t depth = 0;

		if (qube_label(q) == NULL)
			return err_set(err, EBADMSG, "store: qube '%s' has no label", q->name);
		if (qube_class_has_template(q->class) && template == NULL)
			return err_set(err, EBADMSG, "store: qube '%s' has no template", q->name);
		for (; template != NULL; template = qube_template(template)) {
			if (++depth > 2)
				return err_set(err, EBADMSG, "store: templates of '%s' do not end",
					q->name);
		}
		size_t hops = 0;
		for (const struct qube *hop = qube_netvm(q); hop != NULL; hop = qube_netvm(hop)) {
			if (++hops > app->qube_count)
				return err_set(
					err, EBADMSG, "store: netvms of '%s' do not end", q->name);
		}
	}
	return 0;
}

int
app_load(struct app *app, struct err *err)
{
	AUTO_FREE struct qid_index *index = xcalloc(1, sizeof(*index));
	struct qube *q;
	size_t i;

	if (check_new_store(app->store, err) < 0 || load_labels(app, err) < 0 ||
		load_qubes(app, err) < 0)
		return -1;
	app_for_each_qube(app, i, q) index->by_qid[q->qid] = q;
	if (load_properties(app, index, err) < 0 || load_features_and_tags(app, index, err) < 0)
		return -1;
	return check_qubes(app, err);
}
