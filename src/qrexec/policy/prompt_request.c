/* Requests to the policy agent as JSON; see prompt_request.h. Pure. */
#include "qrexec/policy/prompt_request.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/grant_list.h"

/* The icon of disposables based on a qube: its own with "app" replaced by "disp". */
static json_t *
disposable_icon(const char *icon)
{
	const char *app = strstr(icon, "app");
	AUTO_FREE char *text = NULL;

	if (app == NULL)
		return json_string(icon);
	text = text_format("%.*sdisp%s", (int)(app - icon), icon, app + strlen("app"));
	return json_string(text);
}

static int
add_icons(const struct policy_facts *facts, json_t *icons, json_t *colors)
{
	int result = 0;

	for (uint32_t i = 0; i < policy_facts_count(facts); i++) {
		const struct policy_qube *qube = policy_facts_qube(facts, i);
		AUTO_FREE char *disposable = text_format("@dispvm:%s", qube->name);
		const char *icon = qube->icon != NULL ? qube->icon : "";
		char color[sizeof("0xrrggbb")];

		result |= json_object_set_new(icons, qube->name, json_string(icon));
		if (qube->template_for_dispvms)
			result |= json_object_set_new(icons, disposable, disposable_icon(icon));
		if (qube->color == POLICY_NONE)
			continue;
		snprintf(color, sizeof(color), "0x%06x", qube->color & 0xffffff);
		result |= json_object_set_new(colors, qube->name, json_string(color));
	}
	return result;
}

static int
add_targets(const struct policy_view *v, const struct policy_decision *asked, json_t *targets)
{
	struct policy_target target;
	size_t cursor = 0;
	int result = 0;

	while ((target = policy_choice_next(v, asked, &cursor)).kind != POLICY_TARGET_NONE) {
		char text[POLICY_TARGET_TEXT_MAX];

		result |= json_array_append_new(
			targets, json_string(policy_target_text(v, target, text)));
	}
	return result;
}

static int
add_terms(json_t *terms)
{
	int result = 0;

	for (int term = GRANT_ONCE; term < GRANT_TERMS; term++)
		result |= json_array_append_new(
			terms, json_string(grant_term_name((enum grant_term)term)));
	return result;
}

static int
add_service(json_t *root, const char *service, size_t service_length, const char *argument)
{
	return json_object_set_new(root, "service", json_stringn(service, service_length)) |
	       json_object_set_new(root, "argument", json_string(argument));
}

/* Gives the reference away. */
static char *
dump(json_t *root, int failed)
{
	char *text = failed != 0 ? NULL : json_dumps(root, JSON_COMPACT);

	json_decref(root);
	return text;
}

char *
prompt_request_format(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *asked)
{
	const struct policy_facts *facts = policy_view_facts(v);
	const char *plus = strchr(request->service, '+');
	size_t length = plus != NULL ? (size_t)(plus - request->service) : strlen(request->service);
	json_t *root = json_object(), *targets = json_array(), *terms = json_array();
	json_t *icons = json_object(), *colors = json_object();
	char text[POLICY_TARGET_TEXT_MAX];
	int failed =
		add_targets(v, asked, targets) | add_icons(facts, icons, colors) | add_terms(terms);

	failed |= json_object_set_new(
		root, "source", json_string(policy_facts_qube(facts, asked->source)->name));
	failed |= add_service(root, request->service, length, plus != NULL ? plus : "+");
	failed |= json_object_set_new(root, "targets", targets);
	failed |= json_object_set_new(root, "default_target",
		json_string(policy_target_text(v, asked->default_target, text)));
	failed |= json_object_set_new(root, "icons", icons);
	/* Ours alone. */
	failed |= json_object_set_new(root, "colors", colors);
	failed |= json_object_set_new(root, "terms", terms);
	return dump(root, failed);
}

char *
notify_request_format(const struct policy_notification *notification)
{
	json_t *root = json_object();
	int failed = 0;

	failed |= json_object_set_new(root, "resolution", json_string(notification->resolution));
	failed |= add_service(
		root, notification->service, notification->service_length, notification->argument);
	failed |= json_object_set_new(root, "source", json_string(notification->source));
	failed |= json_object_set_new(root, "target", json_string(notification->target));
	return dump(root, failed);
}
