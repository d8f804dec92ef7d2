/* Answers of the policy socket (spec qrexec.md 6.1); see answer.h. */
#include "qrexec/policy/answer.h"

#include <errno.h>
#include <string.h>

/* Where the call is connected to: for a remote qube its relay, for any other the target. */
static int
format_target(const struct policy_view *v, const struct policy_decision *d, struct buf *out)
{
	const struct policy_facts *facts = policy_view_facts(v);
	char text[POLICY_TARGET_TEXT_MAX];
	const struct policy_qube *qube =
		policy_facts_qube(facts, d->relay != POLICY_NONE ? d->relay : d->target.qube);
	int result;

	if (d->target.kind == POLICY_TARGET_QUBE && d->target.qube == policy_facts_dom0(facts))
		return buf_put_string(out, "target=" POLICY_DOM0_NAME "\n");
	result = buf_printf(out, "target=%s\n",
		d->relay != POLICY_NONE ? qube->name : policy_target_text(v, d->target, text));
	if (result == 0 && qube->uuid[0] != '\0')
		result = buf_printf(out, "target_uuid=%suuid:%s\n",
			d->target.kind == POLICY_TARGET_DISPVM_BASE ? "@dispvm:" : "", qube->uuid);
	return result;
}

/* The service that carries a call to the other machine. */
static int
format_relayed_service(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, struct buf *out)
{
	const struct policy_qube *remote = policy_facts_qube(policy_view_facts(v), d->target.qube);
	char text[POLICY_TARGET_TEXT_MAX];

	return buf_printf(out, "service=%s+%s+%s%s\n", remote->transport,
		policy_target_text(v, d->target, text), request->service,
		strchr(request->service, '+') != NULL ? "" : "+");
}

static const char *
user_of(const struct policy_decision *d)
{
	bool is_default = d->user == NULL || d->user[0] == '\0' || d->relay != POLICY_NONE;

	return is_default ? "DEFAULT" : d->user;
}

static int
format_allowed(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, struct buf *out)
{
	char text[POLICY_TARGET_TEXT_MAX];
	int result = buf_printf(out, "user=%s\nresult=allow\n", user_of(d));

	if (result == 0)
		result = format_target(v, d, out);
	if (result == 0)
		result = buf_printf(out, "autostart=%s\nrequested_target=%s\n",
			d->autostart ? "True" : "False", policy_target_text(v, d->requested, text));
	if (result == 0 && d->relay != POLICY_NONE)
		result = format_relayed_service(v, request, d, out);
	if (result == 0 && d->claimed)
		result = buf_printf(out, "policy_source=%s\n",
			policy_facts_qube(policy_view_facts(v), d->source)->name);
	return result;
}

int
policy_answer_format(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, bool just_evaluate, struct buf *out)
{
	size_t before = buf_len(out);
	int result;

	if (d->result != POLICY_ALLOW)
		return buf_put_string(out, "result=deny\n");
	if (just_evaluate)
		return buf_put_string(out, "result=allow\n");
	result = format_allowed(v, request, d, out);
	if (result == 0 && buf_len(out) - before >= POLICY_ANSWER_MAX)
		result = -ENOBUFS;
	if (result < 0)
		buf_trim(out, buf_len(out) - before);
	return result;
}
