/*
 * The model without the API: what a store may hold, how a change fails, numbers of qubes, and
 * that 500 qubes are no matter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/app.h"
#include "admin/model/change.h"
#include "admin/model/events.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "cmocka_all.h"

static char directory[] = "/tmp/bulkhead-model-XXXXXX";

struct fixture {
	struct store *store;
	struct app *app;
	unsigned int events;
};

static int
make_root(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	return setenv("BULKHEAD_ROOT", directory, 1);
}

static int
remove_root(void **state)
{
	(void)state;
	return remove_tree(directory, NULL);
}

static void
load(struct fixture *f)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = root_path("/store.sqlite");

	f->store = store_open(path, &err);
	if (f->store == NULL)
		fail_msg("%s", err_message(&err));
	f->app = app_create(f->store, NULL, &err);
	if (f->app == NULL)
		fail_msg("%s", err_message(&err));
}

static int
start(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	AUTO_FREE char *path = root_path("/store.sqlite");

	(void)remove(path);
	load(f);
	*state = f;
	return 0;
}

static int
stop(void **state)
{
	struct fixture *f = *state;

	app_destroy(f->app);
	store_close(f->store);
	free(f);
	return 0;
}

static void
reload(struct fixture *f)
{
	app_destroy(f->app);
	store_close(f->store);
	load(f);
}

static struct qube *
add(struct fixture *f, enum qube_class class, const char *name, struct qube *template)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct qube_spec spec = {.class = class,
		.name = name,
		.label = label_find(f->app, "red"),
		.template = template,
		.created_by = "dom0"};
	struct qube *q;

	assert_int_equal(store_begin(f->store, &err), 0);
	q = app_add_qube(f->app, &spec, &err);
	if (q == NULL)
		fail_msg("%s", err_message(&err));
	assert_int_equal(store_commit(f->store, &err), 0);
	return q;
}

static void
drop(struct fixture *f, struct qube *q)
{
	assert_int_equal(app_check_removal(f->app, q, NULL), 0);
	assert_int_equal(app_delete_qube(f->app, q, NULL), 0);
	app_forget_qube(f->app, q, true);
}

static void
test_new_store(void **state)
{
	struct fixture *f = *state;
	struct qube *dom0 = app_dom0(f->app);

	assert_int_equal(f->app->qube_count, 1);
	assert_string_equal(dom0->name, "dom0");
	assert_int_equal(dom0->power.state, POWER_RUNNING);
	assert_string_equal(qube_label(dom0)->name, "black");
	assert_ptr_equal(label_find(f->app, "label-8"), qube_label(dom0));
	assert_null(label_find(f->app, "label-08"));
	reload(f);
	assert_int_equal(f->app->qube_count, 1);
}

static void
test_numbers(void **state)
{
	struct fixture *f = *state;
	struct qube *template = add(f, CLASS_TEMPLATE, "t", NULL);
	struct qube *a = add(f, CLASS_APP, "a", template), *b = add(f, CLASS_APP, "b", template);

	assert_int_equal(template->qid, 1);
	assert_int_equal(b->qid, 3);
	drop(f, a);
	assert_int_equal(add(f, CLASS_APP, "c", template)->qid, 2);
	reload(f);
	assert_int_equal(app_find_qube(f->app, "c")->qid, 2);
	assert_null(app_find_qube(f->app, "a"));
	assert_ptr_equal(app_find_qube_by_qid(f->app, 3), app_find_qube(f->app, "b"));
	assert_ptr_equal(qube_template(app_find_qube(f->app, "b")), app_find_qube(f->app, "t"));
}

/* A name that is given up in the transaction is free again. */
static void
test_rolled_back(void **state)
{
	struct fixture *f = *state;
	struct qube_spec spec = {.class = CLASS_TEMPLATE,
		.name = "x",
		.label = label_find(f->app, "red"),
		.created_by = "dom0"};
	struct qube *q;

	assert_int_equal(store_begin(f->store, NULL), 0);
	q = app_add_qube(f->app, &spec, NULL);
	assert_non_null(q);
	store_rollback(f->store);
	app_forget_qube(f->app, q, false);
	assert_null(app_find_qube(f->app, "x"));
	reload(f);
	assert_null(app_find_qube(f->app, "x"));
	add(f, CLASS_TEMPLATE, "x", NULL);
}

static void
count_event(const struct event *event, void *data)
{
	(void)event;
	(*(unsigned int *)data)++;
}

/* What the store refuses has not happened: not in memory, not for listeners. */
static void
test_failed_change(void **state)
{
	struct fixture *f = *state;
	struct qube *q = add(f, CLASS_TEMPLATE, "x", NULL);
	AUTO_CHANGE struct change c = CHANGE_INIT(f->app);
	struct event_subscriber *s = events_subscribe(f->app, count_event, &f->events);
	struct store_query *trigger =
		store_query(f->store, "CREATE TEMP TRIGGER no_tags BEFORE INSERT ON main.tag "
				      "BEGIN SELECT RAISE(ABORT, 'no'); END");

	assert_int_equal(query_run(trigger, NULL), 0);
	change_feature_set(&c, q, "f", "1");
	change_tag_add(&c, q, "t");
	assert_int_equal(change_commit(&c, NULL), -1);
	assert_int_equal(f->events, 0);
	assert_null(qube_feature(q, "f"));
	assert_false(qube_has_tag(q, "t"));
	change_feature_set(&c, q, "f", "1");
	assert_int_equal(change_commit(&c, NULL), 0);
	assert_int_equal(f->events, 2);
	events_unsubscribe(s);
	reload(f);
	assert_string_equal(qube_feature(app_find_qube(f->app, "x"), "f"), "1");
}

struct self {
	struct event_subscriber *subscriber, *other;
	unsigned int calls;
};

static void
unsubscribe_both(const struct event *event, void *data)
{
	struct self *self = data;

	(void)event;
	self->calls++;
	events_unsubscribe(self->subscriber);
	events_unsubscribe(self->other);
}

static void
test_unsubscribe_within(void **state)
{
	struct fixture *f = *state;
	struct self self = {0};

	self.subscriber = events_subscribe(f->app, unsubscribe_both, &self);
	self.other = events_subscribe(f->app, count_event, &f->events);
	events_emit(f->app, NULL, "one", NULL);
	events_emit(f->app, NULL, "two", "key", "value", NULL);
	assert_int_equal(self.calls, 1);
	assert_int_equal(f->events, 0);
	assert_true(list_empty(&f->app->subscribers));
}

/* A store changed by hand must not be guessed at. */
static void
test_damaged_stores(void **state)
{
	struct fixture *f = *state;
	static const char *const damages[] = {
		"INSERT INTO property VALUES (1, 'netvm', 'nobody')",
		"INSERT INTO property VALUES (1, 'memory', 'much')",
		"INSERT INTO property VALUES (1, 'nothing', '1')",
		"INSERT INTO property VALUES (7, 'memory', '1')",
		"INSERT INTO property VALUES (1, 'icon', '1')",
		"INSERT INTO property VALUES (-1, 'stats_interval', NULL)",
		"DELETE FROM property WHERE qid = 1 AND name = 'label'",
		"DELETE FROM property WHERE qid = 2 AND name = 'template'",
		"UPDATE property SET value = 'a' WHERE qid = 2 AND name = 'template'",
		"UPDATE qube SET name = '../x' WHERE qid = 1",
		"UPDATE qube SET uuid = 'x' WHERE qid = 1",
		"UPDATE qube SET class = 'HVM' WHERE qid = 1",
		"UPDATE qube SET class = 'AdminVM' WHERE qid = 1",
		"UPDATE qube SET name = 'dom1' WHERE qid = 0",
		"UPDATE label SET name = '' WHERE position = 1",
		"DELETE FROM label WHERE position = 1",
		"INSERT INTO property VALUES (1, 'netvm', 'a'), (2, 'netvm', 't')",
	};

	add(f, CLASS_APP, "a", add(f, CLASS_TEMPLATE, "t", NULL));
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		AUTO_ERR struct err err = ERR_INIT;

		assert_int_equal(store_begin(f->store, NULL), 0);
		assert_int_equal(query_run(store_query(f->store, damages[i]), &err), 0);
		struct app *app = app_create(f->store, NULL, &err);
		if (app != NULL)
			fail_msg("loaded after: %s", damages[i]);
		assert_true(text_starts_with(err_message(&err), "store") ||
			    strstr(err_message(&err), "store") != NULL);
		store_rollback(f->store);
	}
	reload(f);
}

static void
test_references(void **state)
{
	struct fixture *f = *state;
	struct qube *template = add(f, CLASS_TEMPLATE, "t", NULL);
	struct qube *a = add(f, CLASS_APP, "a", template);
	AUTO_ERR struct err err = ERR_INIT;
	const struct property *dispvm = property_by_id(PROPERTY_DEFAULT_DISPVM);

	assert_true(app_is_referenced(f->app, template));
	assert_false(app_is_referenced(f->app, a));
	/* A reference to itself keeps nobody. */
	assert_int_equal(property_set(f->app, a, property_by_id(PROPERTY_TEMPLATE_FOR_DISPVMS), "1",
				 1, &err),
		0);
	assert_int_equal(property_set(f->app, a, dispvm, "a", 1, &err), 0);
	assert_false(app_is_referenced(f->app, a));
	qube_pin(a);
	assert_int_equal(app_check_removal(f->app, a, &err), -1);
	assert_string_equal(err.kind, "QubesVMInUseError");
	qube_unpin(a);
	drop(f, a);
	assert_false(app_is_referenced(f->app, template));
}

/* Numbers of disposables differ, and one that was given up does not come back. */
static void
test_dispids(void **state)
{
	struct fixture *f = *state;
	struct qube *template = add(f, CLASS_APP, "d", add(f, CLASS_TEMPLATE, "t", NULL));
	bool seen[DISPID_MAX + 1] = {false};

	assert_int_equal(property_set(f->app, template,
				 property_by_id(PROPERTY_TEMPLATE_FOR_DISPVMS), "1", 1, NULL),
		0);
	for (int i = 0; i < 50; i++) {
		struct qube *q = add(f, CLASS_DISP, NULL, template);
		int64_t dispid = qube_number(q, PROPERTY_DISPID);
		AUTO_FREE char *name = text_format("disp%lld", (long long)dispid);

		assert_in_range(dispid, 0, DISPID_MAX);
		assert_false(seen[dispid]);
		seen[dispid] = true;
		assert_string_equal(q->name, name);
		assert_true(qube_flag(q, PROPERTY_AUTO_CLEANUP));
		drop(f, q);
	}
}

/* Those of the last days come again when there are no others; those that are there never. */
static void
test_no_dispids_left(void **state)
{
	struct fixture *f = *state;
	struct qube *template = add(f, CLASS_APP, "d", add(f, CLASS_TEMPLATE, "t", NULL)), *q;
	struct store_query *all =
		store_query(f->store, "WITH RECURSIVE n(d) AS (SELECT 0 UNION ALL SELECT d + 1"
				      " FROM n WHERE d < 9999)"
				      " INSERT INTO used_dispid (dispid, used_at)"
				      " SELECT d, CAST(strftime('%s') AS INTEGER) FROM n"
				      " WHERE d <> 4711");

	assert_int_equal(property_set(f->app, template,
				 property_by_id(PROPERTY_TEMPLATE_FOR_DISPVMS), "1", 1, NULL),
		0);
	assert_int_equal(query_run(all, NULL), 0);
	q = add(f, CLASS_DISP, NULL, template);
	assert_string_equal(q->name, "disp4711");
	for (int i = 0; i < 20; i++) {
		struct qube *another = add(f, CLASS_DISP, NULL, template);

		assert_true(qube_number(another, PROPERTY_DISPID) != 4711);
		drop(f, another);
	}
}

static void
test_many(void **state)
{
	struct fixture *f = *state;
	struct qube *template = add(f, CLASS_TEMPLATE, "t", NULL), *q;
	size_t i, count = 0;
	const char *before = "";

	/* One transaction around all of them: five hundred would take seconds. */
	assert_int_equal(store_begin(f->store, NULL), 0);
	for (int n = 0; n < 500; n++) {
		AUTO_FREE char *name = text_format("q%d", (n * 37) % 500);
		add(f, CLASS_APP, name, template);
	}
	assert_int_equal(store_commit(f->store, NULL), 0);
	reload(f);
	app_for_each_qube(f->app, i, q)
	{
		if (i > 0)
			assert_true(strcmp(before, q->name) < 0);
		before = i > 0 ? q->name : "";
		assert_ptr_equal(app_find_qube(f->app, q->name), q);
		AUTO_FREE char *uuid = text_format("uuid:%s", q->uuid);
		assert_ptr_equal(app_lookup_qube(f->app, uuid, NULL), q);
		count++;
	}
	assert_int_equal(count, 502);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_store, start, stop),
		cmocka_unit_test_setup_teardown(test_numbers, start, stop),
		cmocka_unit_test_setup_teardown(test_rolled_back, start, stop),
		cmocka_unit_test_setup_teardown(test_failed_change, start, stop),
		cmocka_unit_test_setup_teardown(test_unsubscribe_within, start, stop),
		cmocka_unit_test_setup_teardown(test_damaged_stores, start, stop),
		cmocka_unit_test_setup_teardown(test_references, start, stop),
		cmocka_unit_test_setup_teardown(test_dispids, start, stop),
		cmocka_unit_test_setup_teardown(test_no_dispids_left, start, stop),
		cmocka_unit_test_setup_teardown(test_many, start, stop),
	};

	return cmocka_run_group_tests_name("model", tests, make_root, remove_root);
}
