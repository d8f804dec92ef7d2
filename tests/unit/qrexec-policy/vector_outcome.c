/* The outcome of a test vector as JSON; see vector_outcome.h. */
#include "vector_outcome.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/answer.h"

static json_t *
target_json(const struct policy_view *v, struct policy_target target)
{
	char text[POLICY_TARGET_TEXT_MAX];

	if (target.kind == POLICY_TARGET_NONE)
		return json_null();
	return json_string(policy_target_text(v, target, text));
}

static json_t *
choices_json(const struct policy_view *v, const struct policy_decision *d)
{
	json_t *choices = json_array();
	struct policy_target target;
	size_t cursor = 0;

	while ((target = policy_choice_next(v, d, &cursor)).kind != POLICY_TARGET_NONE)
		json_array_append_new(choices, target_json(v, target));
	return choices;
}

static json_t *
rule_json(const struct policy_view *v, const struct policy_decision *d, const char *root)
{
	struct policy_rule_place place;
	const char *file;

	if (d->rule == POLICY_NONE)
		return json_null();
	place = policy_rule_place(policy_view_policy(v), d->rule);
	file = place.file;
	if (text_starts_with(file, root))
		file += strlen(root) + 1;
	return json_pack("{s:s, s:o}", "file", file, "line",
		place.line > 0 ? json_integer(place.line) : json_null());
}

static const char *
result_name(enum policy_result result)
{
	static const char *const names[] = {
		[POLICY_DENY] = "deny",
		[POLICY_ALLOW] = "allow",
		[POLICY_ASK] = "ask",
	};

	return names[result];
}

static void
add_evaluation(
	json_t *out, const struct policy_view *v, const struct policy_decision *d, const char *root)
{
	json_object_set_new(out, "result", json_string(result_name(d->result)));
	json_object_set_new(out, "notify", json_boolean(d->notify));
	json_object_set_new(out, "rule", rule_json(v, d, root));
	json_object_set_new(out, "requested_target", target_json(v, d->requested));
	if (d->result == POLICY_DENY) {
		json_object_set_new(out, "kind", json_string(policy_reason_name(d->reason)));
		return;
	}
	json_object_set_new(out, "user", d->user != NULL ? json_string(d->user) : json_null());
	json_object_set_new(out, "autostart", json_boolean(d->autostart));
	if (d->result == POLICY_ALLOW) {
		json_object_set_new(out, "target", target_json(v, d->target));
		return;
	}
	json_object_set_new(out, "targets", choices_json(v, d));
	json_object_set_new(out, "default_target", target_json(v, d->default_target));
}

static json_t *
prompt_json(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *asked)
{
	const char *gui_qube = policy_gui_qube(v, asked), *plus = strchr(request->service, '+');
	size_t length = plus != NULL ? (size_t)(plus - request->service) : strlen(request->service);
	char text[POLICY_TARGET_TEXT_MAX];

	if (asked->result != POLICY_ASK || gui_qube == NULL)
		return json_null();
	return json_pack("{s:s, s:s, s:s%, s:s, s:s, s:o}", "guivm", gui_qube, "source",
		policy_facts_qube(policy_view_facts(v), asked->source)->name, "service",
		request->service, length, "argument", plus != NULL ? plus : "+", "default_target",
		policy_target_text(v, asked->default_target, text), "targets",
		choices_json(v, asked));
}

static json_t *
notifications_json(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d)
{
	json_t *notifications = json_array();
	struct policy_notification n;

	policy_notification(v, request, d, &n);
	if (n.gui_qube != NULL)
		json_array_append_new(notifications,
			json_pack("{s:s, s:s, s:s%, s:s, s:s, s:s}", "guivm", n.gui_qube,
				"resolution", n.resolution, "service", n.service, n.service_length,
				"argument", n.argument, "source", n.source, "target", n.target));
	return notifications;
}

static json_t *
response_json(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d)
{
	json_t *lines = json_array();
	AUTO_BUF struct buf out;
	AUTO_FREE char *text = NULL;
	char *line, *end;

	buf_init(&out, POLICY_ANSWER_MAX);
	if (policy_answer_format(v, request, d, false, &out) < 0)
		return lines;
	text = buf_steal_string(&out);
	for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1)
		json_array_append_new(lines, json_stringn(line, (size_t)(end - line)));
	return lines;
}

json_t *
vector_outcome(const struct policy_view *v, const struct policy_request *request,
	const char *prompt_answer, const char *root)
{
	AUTO_DECISION struct policy_decision d = POLICY_DECISION_INIT;
	json_t *out = json_object();

	policy_evaluate(v, request, &d);
	add_evaluation(out, v, &d, root);
	json_object_set_new(out, "prompt", prompt_json(v, request, &d));
	if (d.result == POLICY_ASK)
		policy_prompt_answer(v, &d, policy_gui_qube(v, &d) != NULL ? prompt_answer : NULL);
	json_object_set_new(out, "response", response_json(v, request, &d));
	json_object_set_new(out, "notifications", notifications_json(v, request, &d));
	return out;
}
