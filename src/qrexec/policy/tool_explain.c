/* qrexec-policy explain: the verdict, the rule, and why each earlier rule did not decide. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/answer.h"
#include "qrexec/policy/overlay.h"
#include "qrexec/policy/tool.h"

#define TEXT_MAX_BYTES (1u << 20)

struct explanation {
	const struct explain_options *options;
	const struct policy_view *view;
	const struct policy_decision *decision;
	FILE *out;
};

static void
print_rule(const struct explanation *e, uint32_t rule)
{
	const struct policy *p = policy_view_policy(e->view);
	struct policy_rule_place place = policy_rule_place(p, rule);
	AUTO_BUF struct buf text;

	buf_init(&text, TEXT_MAX_BYTES);
	policy_rule_format(p, rule, &text);
	fprintf(e->out, "%s:%u: %.*s", place.file, place.line, (int)buf_len(&text),
		(const char *)buf_data(&text));
}

static void
print_choices(const struct explanation *e)
{
	char text[POLICY_TARGET_TEXT_MAX];
	struct policy_target target;
	size_t cursor = 0;

	fprintf(e->out, "  offered:");
	while ((target = policy_choice_next(e->view, e->decision, &cursor)).kind !=
		POLICY_TARGET_NONE)
		fprintf(e->out, " %s", policy_target_text(e->view, target, text));
	fputc('\n', e->out);
	if (e->decision->default_target.kind != POLICY_TARGET_NONE)
		fprintf(e->out, "  preselected: %s\n",
			policy_target_text(e->view, e->decision->default_target, text));
	if (policy_gui_qube(e->view, e->decision) == NULL)
		fprintf(e->out, "  but nobody can be asked: the source has no GUI qube\n");
	else
		fprintf(e->out, "  asked in: %s\n", policy_gui_qube(e->view, e->decision));
}

static void
print_verdict(const struct explanation *e)
{
	static const char *const verdicts[] = {
		[POLICY_DENY] = "deny",
		[POLICY_ALLOW] = "allow",
		[POLICY_ASK] = "ask",
	};
	const struct policy_decision *d = e->decision;
	const struct policy_request *r = &e->options->request;
	char text[POLICY_TARGET_TEXT_MAX];

	fprintf(e->out, "%s: %s from '%s' to '%s': %s\n", verdicts[d->result], r->service,
		r->source, r->target, policy_reason_text(d->reason));
	if (d->reason == POLICY_REASON_POLICY_LOAD || d->reason == POLICY_REASON_POLICY_SYNTAX)
		fprintf(e->out, "  %s\n", policy_error(policy_view_policy(e->view)));
	if (d->requested.kind != POLICY_TARGET_NONE)
		fprintf(e->out, "  taken as a call to: %s\n",
			policy_target_text(e->view, d->requested, text));
	if (d->rule != POLICY_NONE) {
		fprintf(e->out, "  by ");
		print_rule(e, d->rule);
		fputc('\n', e->out);
	}
	if (d->result == POLICY_ALLOW)
		fprintf(e->out, "  goes to: %s\n", policy_target_text(e->view, d->target, text));
	if (d->result == POLICY_ASK)
		print_choices(e);
}

static void
print_mismatch(const struct explanation *e, uint32_t rule, enum policy_mismatch mismatch)
{
	AUTO_BUF struct buf text;

	buf_init(&text, TEXT_MAX_BYTES);
	policy_mismatch_explain(e->view, &e->options->request, e->decision, rule, mismatch, &text);
	fprintf(e->out, "  ");
	print_rule(e, rule);
	fprintf(e->out, "\n      %.*s\n", (int)buf_len(&text), (const char *)buf_data(&text));
}

/* Rules for other services are only counted, unless all are wanted. */
static void
print_earlier_rules(const struct explanation *e)
{
	size_t end = e->decision->rule != POLICY_NONE
			     ? e->decision->rule
			     : policy_rule_count(policy_view_policy(e->view));
	size_t others = 0;
	bool any = false;

	for (uint32_t rule = 0; rule < end; rule++) {
		enum policy_mismatch mismatch =
			policy_rule_mismatch(e->view, &e->options->request, e->decision, rule);

		if (mismatch == POLICY_MISMATCH_SERVICE && !e->options->all) {
			others++;
			continue;
		}
		if (!any)
			fprintf(e->out, "earlier rules that do not match:\n");
		any = true;
		print_mismatch(e, rule, mismatch);
	}
	if (others > 0)
		fprintf(e->out, "and %zu earlier rules for other services\n", others);
}

/* Policy as the daemon would read it; NULL with the error. */
static struct policy *
read_policy(const struct explain_options *options, struct err *err)
{
	struct policy_directories directories;
	struct policy *policy;

	if (options->what_if != NULL)
		return tool_read_changed_policy(options, err);
	tool_find_directories(options->policy_directory, &directories);
	policy = policy_compile_changed(&directories, NULL);
	policy_directories_finish(&directories);
	return policy;
}

int
tool_explain(const struct explain_options *options, FILE *out, struct err *err)
{
	static const int status[] = {
		[POLICY_ALLOW] = 0,
		[POLICY_DENY] = 1,
		[POLICY_ASK] = 3,
	};
	struct policy_facts *facts = tool_read_facts(options->system_info, err);
	AUTO_DECISION struct policy_decision decision = POLICY_DECISION_INIT;
	struct explanation e = {.options = options, .decision = &decision, .out = out};
	struct policy *policy;
	struct policy_view *view;
	int result;

	if (facts == NULL)
		return -1;
	policy = read_policy(options, err);
	if (policy == NULL) {
		policy_facts_unref(facts);
		return -1;
	}
	view = policy_view_create(policy, facts);
	e.view = view;
	policy_evaluate(view, &options->request, &decision);
	print_verdict(&e);
	if (decision.requested.kind != POLICY_TARGET_NONE)
		print_earlier_rules(&e);
	result = status[decision.result];
	policy_view_unref(view);
	policy_unref(policy);
	policy_facts_unref(facts);
	return result;
}
