/* admin.vm.feature.* (spec admin-api.md 5 and 11.5). */
#include <errno.h>

#include "admin/api/method.h"
#include "admin/model/app.h"
#include "admin/model/change.h"

/* Not a feature but a switch of memory balancing (5.2). */
#define MEMINFO_WRITER "service.meminfo-writer"

void
handle_feature_list(struct request *r)
{
	const struct feature_set *features = &r->destination->features;

	for (size_t i = 0; i < features->count; i++)
		request_print(r, "%s\n", features->items[i].name);
	request_reply(r);
}

static void
refuse_missing(struct request *r)
{
	request_refuse(r, "QubesFeatureNotFoundError", "Feature not set for domain %s: %s",
		r->destination->name, r->argument);
}

void
handle_feature_get(struct request *r)
{
	const char *value = qube_feature_lookup(
		r->destination, r->argument, (enum feature_lookup)r->method->variant);

	if (value == NULL) {
		refuse_missing(r);
		return;
	}
	request_put(r, value);
	request_reply(r);
}

static int
switch_balancing(struct request *r, const char *value, struct err *err)
{
	struct app *app = r->api->config.app;
	struct qube *q = r->destination;
	const struct property *maxmem = property_find(app, q, "maxmem", err);
	AUTO_CHANGE struct change c = CHANGE_INIT(app);
	int result;

	if (maxmem == NULL)
		return -1;
	result = value[0] != '\0' ? property_reset(app, q, maxmem, err)
				  : property_set(app, q, maxmem, "0", 1, err);
	if (result < 0 || qube_feature(q, MEMINFO_WRITER) == NULL)
		return result;
	change_feature_remove(&c, q, MEMINFO_WRITER);
	return change_commit(&c, err);
}

/* Who may set some is not to fill the store with them. */
static int
check_count(const struct request *r, struct err *err)
{
	const struct qube *q = r->destination;

	if (q->features.count < FEATURES_MAX || qube_feature(q, r->argument) != NULL)
		return 0;
	return err_set_kind(err, "QubesValueError", ENOSPC,
		"'%s' has %d features, no more are possible", q->name, FEATURES_MAX);
}

void
handle_feature_set(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_CHANGE struct change c = CHANGE_INIT(r->api->config.app);
	const char *value;

	if (request_text_payload(r, &value) < 0)
		return;
	if (feature_check(r->destination, r->argument, value, &err) < 0 ||
		feature_check_permitted(r->argument, &err) < 0 || check_count(r, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	if (text_equal(r->argument, MEMINFO_WRITER)) {
		request_finish(r, switch_balancing(r, value, &err), &err);
		return;
	}
	change_feature_set(&c, r->destination, r->argument, value);
	request_finish(r, change_commit(&c, &err), &err);
}

void
handle_feature_remove(struct request *r)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_CHANGE struct change c = CHANGE_INIT(r->api->config.app);

	if (feature_check_permitted(r->argument, &err) < 0) {
		request_fail(r, &err);
		return;
	}
	if (qube_feature(r->destination, r->argument) == NULL) {
		refuse_missing(r);
		return;
	}
	change_feature_remove(&c, r->destination, r->argument);
	request_finish(r, change_commit(&c, &err), &err);
}
