/* Decisions in words: names of reasons, targets as text, notifications (spec qrexec.md 5.11). */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/view.h"

static const struct {
	const char *name, *text;
} reasons[] = {
	[POLICY_REASON_RULE] = {"rule", "a rule says so"},
	[POLICY_REASON_NO_RULE] = {"no-rule", "no rule matches"},
	[POLICY_REASON_NO_TARGET] = {"no-target", "the rule matches but leaves no target"},
	[POLICY_REASON_NO_ASK_TARGET] = {"no-ask-target", "there is no target to choose from"},
	[POLICY_REASON_NO_DEFAULT_DISPVM] = {"no-default-dispvm",
		"the caller has no default_dispvm"},
	[POLICY_REASON_BAD_DISPVM] = {"bad-dispvm", "that is no template for disposables"},
	[POLICY_REASON_BAD_TARGET] = {"bad-target", "a caller may not ask for such a target"},
	[POLICY_REASON_BAD_SOURCE] = {"bad-source",
		"the caller may not speak for the qube it claims to be"},
	[POLICY_REASON_BAD_SERVICE] = {"bad-service", "that is not the name of a service"},
	[POLICY_REASON_UNKNOWN_CALLER] = {"unknown-caller", "there is no such caller"},
	[POLICY_REASON_AUTOSTART] = {"autostart",
		"the target is not running and the rule does not start it"},
	[POLICY_REASON_LOOPBACK] = {"loopback", "a qube can not call itself"},
	[POLICY_REASON_REMOTE_CONFIG] = {"remote-config",
		"the remote qube has no relay or no transport service"},
	[POLICY_REASON_POLICY_SYNTAX] = {"policy-syntax", "the policy has an error"},
	[POLICY_REASON_POLICY_LOAD] = {"policy-load", "the policy can not be read"},
	[POLICY_REASON_NO_GUI_QUBE] = {"no-gui-qube", "there is nobody to ask"},
	[POLICY_REASON_NO_PROMPT_AGENT] = {"no-prompt-agent", "there is no prompt to ask with"},
	[POLICY_REASON_NO_FACTS] = {"no-facts", "nothing is known about the qubes"},
	[POLICY_REASON_CHANGED] = {"changed",
		"the policy or the qubes changed while the user was asked"},
	[POLICY_REASON_USER_REFUSED] = {"user-refused", "the user said no"},
	[POLICY_REASON_BAD_PROMPT_ANSWER] = {"bad-prompt-answer",
		"the prompt answered with something that was not offered"},
	[POLICY_REASON_ASK_NOT_ALLOWED] = {"ask-not-allowed",
		"the requested target is not among the choices"},
	[POLICY_REASON_NO_ANSWER] = {"no-answer", "the user did not answer in time"},
	[POLICY_REASON_TOO_MANY_PROMPTS] = {"too-many-prompts",
		"the user has too many questions to answer already"},
};

const char *
policy_reason_name(enum policy_reason reason)
{
	return reasons[reason].name;
}

const char *
policy_reason_text(enum policy_reason reason)
{
	return reasons[reason].text;
}

static const char *
format_qube(const struct policy_view *v, const char *before, struct policy_target target,
	char ret_text[POLICY_TARGET_TEXT_MAX])
{
	const struct policy_qube *qube = policy_facts_qube(v->facts, target.qube);

	snprintf(ret_text, POLICY_TARGET_TEXT_MAX, "%s%s%s", before, target.by_uuid ? "uuid:" : "",
		target.by_uuid ? qube->uuid : qube->name);
	return ret_text;
}

const char *
policy_target_text(const struct policy_view *v, struct policy_target target,
	char ret_text[POLICY_TARGET_TEXT_MAX])
{
	switch (target.kind) {
	case POLICY_TARGET_NONE:
		return "";
	case POLICY_TARGET_DEFAULT:
		return "@default";
	case POLICY_TARGET_ADMINVM:
		return "@adminvm";
	case POLICY_TARGET_DISPVM:
		return "@dispvm";
	case POLICY_TARGET_DISPVM_BASE:
		return format_qube(v, "@dispvm:", target, ret_text);
	case POLICY_TARGET_QUBE:
		return format_qube(v, "", target, ret_text);
	}
	return "";
}

static const char *
qube_name(const struct policy_view *v, uint32_t qube)
{
	return policy_facts_qube(v->facts, qube)->name;
}

/* A refusal is told to the caller's user in the caller's words, a call that happens by where it
 * goes. */
void
policy_notification(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, struct policy_notification *ret)
{
	uint32_t told = d->result == POLICY_ALLOW ? d->source : d->caller;
	const char *plus = strchr(request->service, '+');

	*ret = (struct policy_notification){
		.resolution = d->result == POLICY_ALLOW ? "allow" : "deny",
		.source = request->source,
		.target = request->target,
		.service = request->service,
		.service_length =
			plus != NULL ? (size_t)(plus - request->service) : strlen(request->service),
		.argument = plus != NULL ? plus : "+",
	};
	if (d->result == POLICY_ALLOW) {
		ret->source = qube_name(v, d->source);
		ret->target = policy_target_text(v, d->target, ret->target_text);
	}
	if (d->notify && d->result != POLICY_ASK && told != POLICY_NONE)
		ret->gui_qube = policy_facts_qube(v->facts, told)->gui_qube;
}
