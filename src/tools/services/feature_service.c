/* Setting the features that a qube asked for (feature_service.h), by the Admin API as dom0. */
#include "tools/services/feature_service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/qubes.h"
#include "tools/services/feature_rules.h"

#define FEATURES_MAX 8192
#define CALL_TIMEOUT_MS 60000

/* What is set already: names point into `names`, values into the calls. */
struct present {
	char *names;
	struct admin_call *calls;
	struct feature *features;
	size_t count;
};

static void
present_finish(struct present *p)
{
	admin_calls_free(p->calls, p->count);
	free(p->features);
	free(p->names);
}

static int
split_names(struct present *p, const char *caller, struct err *err)
{
	size_t lines = 1;

	if (admin_call("admin.vm.feature.List", NULL, caller, NULL, &p->names, err) < 0)
		return -1;
	for (const char *c = p->names; *c != '\0'; c++)
		lines += *c == '\n';
	if (lines > FEATURES_MAX)
		return err_set(err, E2BIG, "'%s' has too many features", caller);
	p->calls = xcalloc(lines, sizeof(*p->calls));
	p->features = xcalloc(lines, sizeof(*p->features));
	for (char *name = p->names, *next; *name != '\0'; name = next) {
		size_t length = strcspn(name, "\n");

		next = name + length + (name[length] == '\n');
		name[length] = '\0';
		p->calls[p->count++] = (struct admin_call){
			.method = "admin.vm.feature.Get", .argument = name, .destination = caller};
	}
	return 0;
}

static int
present_load(struct present *p, const char *caller, struct err *err)
{
	if (split_names(p, caller, err) < 0)
		return -1;
	admin_calls_run(p->calls, p->count, CALL_TIMEOUT_MS);
	for (size_t i = 0; i < p->count; i++) {
		if (p->calls[i].content == NULL)
			return err_move(err, &p->calls[i].err);
		p->features[i] = (struct feature){
			.name = p->calls[i].argument, .value = p->calls[i].content};
	}
	return 0;
}

/* All of them are tried: one that the daemon refuses must not keep the rest from being known. */
static int
carry_out(const char *caller, const struct feature_rules *rules, struct err *err)
{
	static const char *const methods[] = {[CHANGE_SET] = "admin.vm.feature.Set",
		[CHANGE_REMOVE] = "admin.vm.feature.Remove",
		[CHANGE_TAG] = "admin.vm.tag.Set"};
	int result = 0;

	for (size_t i = 0; i < rules->change_count; i++) {
		const struct feature_change *change = &rules->changes[i];
		AUTO_ERR struct err own = ERR_INIT;

		if (admin_call(methods[change->kind], change->name, caller, change->value, NULL,
			    &own) == 0)
			continue;
		log_qube_message(
			LOG_LEVEL_WARNING, caller, "'%s': %s", change->name, err_message(&own));
		result = err_set(err, EINVAL, "some of it was refused");
	}
	return result;
}

static int
has_template(const char *caller, bool *ret_has, struct err *err)
{
	static const char *const properties[] = {"template"};
	AUTO_QUBES struct qube_list list = {0};
	const struct qube *q;

	if (qubes_load(&list, properties, 1, err) < 0)
		return -1;
	q = qubes_find(&list, caller);
	if (q == NULL)
		return err_set(err, ENOENT, "no qube '%s'", caller);
	*ret_has = q->values[0] != NULL && q->values[0][0] != '\0';
	return 0;
}

int
features_apply(const char *caller, const struct feature_requests *requests, struct err *err)
{
	struct feature_rules rules = {.requests = requests};
	struct present present = {0};
	int result = -1;

	if (requests->count == 0)
		return 0;
	if (has_template(caller, &rules.has_template, err) == 0 &&
		present_load(&present, caller, err) == 0) {
		rules.features = present.features;
		rules.feature_count = present.count;
		feature_rules_run(&rules);
		result = carry_out(caller, &rules, err);
	}
	feature_rules_finish(&rules);
	present_finish(&present);
	return result;
}
