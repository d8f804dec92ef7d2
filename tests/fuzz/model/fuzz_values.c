/*
 * Values of properties, features, tags and labels: whatever a client sends is taken or refused,
 * with a reason, and what was taken can be read, and loaded again.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/app.h"
#include "admin/model/change.h"
#include "admin/store/store.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *store;
static struct app *app;
static struct qube *qube;

static struct qube *
add(enum qube_class class, const char *name, struct qube *template)
{
	struct qube_spec spec = {.class = class,
		.name = name,
		.label = label_find(app, "red"),
		.template = template,
		.created_by = "dom0"};
	struct qube *q;

	if (store_begin(store, NULL) < 0 || (q = app_add_qube(app, &spec, NULL)) == NULL ||
		store_commit(store, NULL) < 0)
		abort();
	return q;
}

static char root[] = "/dev/shm/bulkhead-fuzz-XXXXXX";

static void
end(void)
{
	app_destroy(app);
	store_close(store);
	(void)remove_tree(root, NULL);
}

static void
begin(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	if (mkdtemp(root) == NULL || setenv("BULKHEAD_ROOT", root, 1) < 0)
		abort();
	AUTO_FREE char *path = root_path("/store.sqlite");
	store = store_open(path, NULL);
	app = app_create(store, NULL, NULL);
	qube = add(CLASS_APP, "work", add(CLASS_TEMPLATE, "tmpl", NULL));
	atexit(end);
}

static void
try_property(struct qube *q, uint8_t which, const uint8_t *data, size_t size)
{
	size_t count;
	const struct property *const *rows = property_list(q, &count);
	const struct property *p = rows[which % count];
	struct err err = ERR_INIT;
	struct value value = {0};

	if (property_set(app, q, p, data, size, &err) < 0) {
		assert(err.kind != NULL && err.message[0] != '\0');
		err_clear(&err);
		return;
	}
	assert(!property_get(app, q, p, &value));
	char *text = property_text(p, &value);
	assert(text != NULL && strlen(text) <= size + 96);
	free(text);
	(void)property_reset(app, q, p, NULL);
}

static void
try_texts(const char *name, const char *value)
{
	struct change c = CHANGE_INIT(app);

	if (feature_check(qube, name, value, NULL) == 0) {
		change_feature_set(&c, qube, name, value);
		if (change_commit(&c, NULL) < 0)
			abort();
		assert(text_equal(qube_feature(qube, name), value));
		change_feature_remove(&c, qube, name);
		if (change_commit(&c, NULL) < 0)
			abort();
	}
	if (tag_check(name, NULL) == 0) {
		change_tag_add(&c, qube, name);
		if (change_commit(&c, NULL) < 0)
			abort();
		assert(qube_has_tag(qube, name));
		change_tag_remove(&c, qube, name);
		if (change_commit(&c, NULL) < 0)
			abort();
	}
	if (label_create(app, name, value, NULL) == 0 && label_remove(app, name, NULL) < 0)
		abort();
	(void)app_lookup_qube(app, name, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (app == NULL)
		begin();
	if (size < 2 || size > 4096)
		return 0;
	if (data[0] < 100) {
		try_property(qube, data[1], data + 2, size - 2);
	} else if (data[0] < 150) {
		try_property(NULL, data[1], data + 2, size - 2);
	} else {
		AUTO_FREE char *text = xcalloc(1, size);
		char *value = text;

		memcpy(text, data + 1, size - 1);
		char *name = strsep(&value, "=");
		try_texts(name, value != NULL ? value : "");
	}
	return 0;
}
