/* Answers of the policy socket, written and read (spec qrexec.md 6.1); see answer.h. */
#include "qrexec/policy/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

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

void
policy_answer_finish(struct policy_answer *a)
{
	free(a->user);
	free(a->target);
	free(a->target_uuid);
	free(a->requested_target);
	free(a->service);
	free(a->policy_source);
	*a = (struct policy_answer){0};
}

/* The lines of an answer, borrowed, before they are judged together. */
struct answer_lines {
	const char *result, *user, *target, *target_uuid, *autostart, *requested_target, *service,
		*policy_source;
};

/* The place of a known key, or NULL. */
static const char **
find_line(struct answer_lines *lines, const char *key)
{
	const struct {
		const char *key;
		const char **place;
	} known[] = {
		{"result", &lines->result},
		{"user", &lines->user},
		{"target", &lines->target},
		{"target_uuid", &lines->target_uuid},
		{"autostart", &lines->autostart},
		{"requested_target", &lines->requested_target},
		{"service", &lines->service},
		{"policy_source", &lines->policy_source},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (text_equal(key, known[i].key))
			return known[i].place;
	}
	return NULL;
}

static int
read_line(char *line, struct answer_lines *lines, struct err *err)
{
	char *equals = strchr(line, '=');
	const char **place;

	if (equals == NULL)
		return err_set(err, EBADMSG, "policy answer: a line without '='");
	*equals = '\0';
	place = find_line(lines, line);
	if (place == NULL)
		return 0;
	if (*place != NULL)
		return err_set(err, EBADMSG, "policy answer: '%s' is there twice", line);
	*place = equals + 1;
	return 0;
}

static char *
copy_line(const char *text)
{
	return text != NULL ? text_copy(text) : NULL;
}

/* Whether the lines are a whole answer, and no more than that. */
static int
judge_lines(const struct answer_lines *l, struct policy_answer *ret, struct err *err)
{
	bool complete = l->user && l->target && l->requested_target && l->autostart;
	bool none = !l->user && !l->target && !l->requested_target && !l->autostart;

	if (l->result == NULL)
		return err_set(err, EBADMSG, "policy answer: has no result");
	if (text_equal(l->result, "deny")) {
		if (!none)
			return err_set(err, EBADMSG, "policy answer: a refusal says too much");
		*ret = (struct policy_answer){0};
		return 0;
	}
	if (!text_equal(l->result, "allow"))
		return err_set(err, EBADMSG, "policy answer: result '%s'", l->result);
	if (!complete || l->user[0] == '\0' || l->target[0] == '\0')
		return err_set(err, EBADMSG, "policy answer: a line is missing or empty");
	if (!text_equal(l->autostart, "True") && !text_equal(l->autostart, "False"))
		return err_set(err, EBADMSG, "policy answer: autostart '%s'", l->autostart);
	*ret = (struct policy_answer){
		.allowed = true,
		.user = text_equal(l->user, "DEFAULT") ? NULL : text_copy(l->user),
		.target = copy_line(l->target),
		.target_uuid = copy_line(l->target_uuid),
		.requested_target = copy_line(l->requested_target),
		.service = copy_line(l->service),
		.policy_source = copy_line(l->policy_source),
		.autostart = text_equal(l->autostart, "True"),
	};
	return 0;
}

int
policy_answer_parse(
	const char *untrusted_text, size_t size, struct policy_answer *ret, struct err *err)
{
	struct answer_lines lines = {0};
	AUTO_FREE char *text = NULL;
	char *line, *end;

	if (size >= POLICY_ANSWER_MAX || memchr(untrusted_text, '\0', size) != NULL)
		return err_set(err, EBADMSG, "policy answer: too long, or not text");
	text = xcalloc(1, size + 1);
	memcpy(text, untrusted_text, size);
	if (size > 0 && text[size - 1] == '\n')
		text[size - 1] = '\0';
	for (line = text; line != NULL; line = end != NULL ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end = '\0';
		if (read_line(line, &lines, err) < 0)
			return -1;
	}
	return judge_lines(&lines, ret, err);
}
