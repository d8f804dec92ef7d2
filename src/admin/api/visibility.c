/*
 * The policy engine inside bulkheadd; see visibility.h. The policy is read when the first caller
 * that is not dom0 comes, and again when it changes; facts about the qubes are taken from the
 * model at each look that finds it changed.
 */
#include "admin/api/visibility.h"

#include <stdlib.h>
#include <string.h>

#include "admin/api/api_private.h"
#include "admin/model/app.h"
#include "admin/model/events.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qrexec/policy/facts_json.h"
#include "qrexec/policy/policy.h"
#include "qrexec/policy/store.h"

struct visibility {
	struct policy_store *store;
	struct policy_facts *facts; /* of `generation` */
	uint64_t generation;
	struct policy_view *view;
};

static struct visibility *
visibility_get(struct api *api)
{
	struct policy_directories directories;

	if (api->visibility != NULL)
		return api->visibility;
	api->visibility = xcalloc(1, sizeof(*api->visibility));
	policy_directories_default(&directories);
	api->visibility->store = policy_store_create(&directories);
	policy_directories_finish(&directories);
	return api->visibility;
}

void
visibility_destroy(struct visibility *v)
{
	if (v == NULL)
		return;
	policy_view_unref(v->view);
	policy_facts_unref(v->facts);
	policy_store_destroy(v->store);
	free(v);
}

static void
renew_facts(struct visibility *v, struct api *api)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *text = system_info_text(api);

	if (v->facts != NULL && v->generation == api->config.app->generation)
		return;
	policy_facts_unref(v->facts);
	v->facts = policy_facts_from_json(text, strlen(text), &err);
	v->generation = api->config.app->generation;
	if (v->facts == NULL)
		log_error("callers other than dom0 see nothing: %s", err_message(&err));
}

/*
 * The view to judge by; NULL: nothing can be judged. A qube that has just gone is judged by what
 * was known of it last: its owner is to hear that it went.
 */
static struct policy_view *
current_view(struct api *api, const char *qube_name)
{
	struct visibility *v = visibility_get(api);
	struct policy *policy = policy_store_current(v->store);

	bool has_gone = qube_name[0] != '@' && app_find_qube(api->config.app, qube_name) == NULL;

	if (v->facts == NULL || !has_gone)
		renew_facts(v, api);
	if (v->facts == NULL)
		return NULL;
	if (v->view == NULL || policy_view_policy(v->view) != policy ||
		policy_view_facts(v->view) != v->facts) {
		policy_view_unref(v->view);
		v->view = policy_view_create(policy, v->facts);
	}
	return v->view;
}

bool
api_may_see(struct api *api, const char *source, const char *service, const char *qube_name)
{
	const struct policy_request request = {
		.source = source, .target = qube_name, .service = service};
	AUTO_DECISION struct policy_decision decision = POLICY_DECISION_INIT;
	const struct policy_view *view = current_view(api, qube_name);

	if (view == NULL)
		return false;
	policy_evaluate(view, &request, &decision);
	return decision.result == POLICY_ALLOW;
}

/* The qube that an event is about: its subject, else what its key "vm" names, else dom0. */
static const char *
event_qube(const struct event *event)
{
	if (event->subject[0] != '\0')
		return event->subject;
	for (size_t i = 0; i < event->pair_count; i++) {
		if (text_equal(event->pairs[i].key, "vm"))
			return event->pairs[i].value;
	}
	return "@adminvm";
}

bool
api_may_hear(struct api *api, const char *source, const struct event *event)
{
	AUTO_FREE char *service = text_format("admin.Events+%s", event->name);

	for (char *c = service; *c != '\0'; c++) {
		if (*c == ':')
			*c = '_';
	}
	return api_may_see(api, source, service, event_qube(event));
}
