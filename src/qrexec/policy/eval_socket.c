/*
 * policy.EvalSimple and policy.EvalGUI (spec qrexec.md 6.3): would a call be allowed if the user
 * said yes? Socket services: the first bytes are the descriptor "NAME+ARGUMENT CALLER ..." NUL,
 * then come SOURCE NUL TARGET. The caller is a qube, and nothing it sends is trusted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/policy/server.h"

#define SOURCE_MAX 31
#define TARGET_MAX 63
#define QUBES_MAX (SOURCE_MAX + 1 + TARGET_MAX)
/* The descriptor of the longest service, its caller and target, with room to see the rest. */
#define EVAL_MAX_BYTES (POLICY_SERVICE_MAX + 512)
#define NAME_CHARACTERS "@_.-"

static enum server_parse
bad(struct err *err, const char *what)
{
	err_set(err, EBADMSG, "%s", what);
	return SERVER_PARSE_BAD;
}

static bool
is_name(const char *text, size_t max_length)
{
	size_t length = strlen(text);

	return length > 0 && length <= max_length && text_only_has(text, NAME_CHARACTERS);
}

/* "SERVICE+ARGUMENT CALLER[ TYPE TARGET]", cut up in place. */
static bool
split_descriptor(
	char *descriptor, const char *service, const char **ret_argument, const char **ret_caller)
{
	char *caller = strchr(descriptor, ' '), *rest;
	size_t length = strlen(service);

	if (caller == NULL || !text_starts_with(descriptor, service) || descriptor[length] != '+')
		return false;
	*caller++ = '\0';
	rest = strchr(caller, ' ');
	if (rest != NULL)
		*rest = '\0';
	*ret_argument = descriptor + length + 1;
	*ret_caller = caller;
	return **ret_argument != '\0' && is_name(caller, SOURCE_MAX);
}

static enum server_parse
parse(const char *service, char *bytes, size_t size, bool ended, struct server_question *ret,
	struct err *err, const char **ret_caller)
{
	char *descriptor_end = memchr(bytes, '\0', size), *source, *source_end, *target;
	const char *argument;
	size_t left;

	if (descriptor_end == NULL)
		return ended ? bad(err, "the descriptor has no end") : SERVER_PARSE_MORE;
	source = descriptor_end + 1;
	left = size - (size_t)(source - bytes);
	if (left > QUBES_MAX)
		return bad(err, "source and target are too long");
	if (!ended)
		return SERVER_PARSE_MORE;
	source_end = memchr(source, '\0', left);
	if (source_end == NULL)
		return bad(err, "there is no target");
	target = source_end + 1;
	bytes[size] = '\0';
	if (strlen(target) != size - (size_t)(target - bytes) || !is_name(source, SOURCE_MAX) ||
		!is_name(target, TARGET_MAX))
		return bad(err, "source or target is not a name");
	if (!split_descriptor(bytes, service, &argument, ret_caller))
		return bad(err, "the descriptor is not that of this service");
	*ret = (struct server_question){
		.inquiry =
			{
				.request = {.source = source,
					.target = target,
					.service = argument},
				.assume_yes = true,
				.just_evaluate = true,
			},
	};
	return SERVER_PARSE_DONE;
}

static enum server_parse
parse_simple(char *untrusted_bytes, size_t size, bool ended, struct server_question *ret,
	struct err *err)
{
	const char *caller;

	return parse("policy.EvalSimple", untrusted_bytes, size, ended, ret, err, &caller);
}

static enum server_parse
parse_gui(char *untrusted_bytes, size_t size, bool ended, struct server_question *ret,
	struct err *err)
{
	const char *caller;
	enum server_parse result =
		parse("policy.EvalGUI", untrusted_bytes, size, ended, ret, err, &caller);

	if (result == SERVER_PARSE_DONE)
		ret->gui_qube = caller;
	return result;
}

static int
format_simple(const struct policy_view *v, const struct policy_decision *d,
	const struct server_question *question, struct buf *out)
{
	(void)v;
	(void)question;
	return buf_put_string(out, d->result == POLICY_ALLOW ? "result=allow\n" : "result=deny\n");
}

static bool
is_shown_by(const struct policy_view *v, const char *name, const char *tag)
{
	uint32_t qube = policy_facts_find(policy_view_facts(v), name);

	return qube != POLICY_NONE &&
	       policy_set_has(policy_facts_tagged(policy_view_facts(v), tag), qube);
}

/* A GUI qube learns only of qubes whose windows it shows. */
static int
format_gui(const struct policy_view *v, const struct policy_decision *d,
	const struct server_question *question, struct buf *out)
{
	const struct policy_request *request = &question->inquiry.request;
	char tag[sizeof("guivm-") + SOURCE_MAX];

	snprintf(tag, sizeof(tag), "guivm-%s", question->gui_qube);
	if (v == NULL || !is_shown_by(v, request->source, tag) ||
		!is_shown_by(v, request->target, tag))
		return 0;
	return format_simple(v, d, question, out);
}

const struct server_protocol eval_simple_protocol = {
	.name = "policy.EvalSimple",
	.max_bytes = EVAL_MAX_BYTES,
	.parse = parse_simple,
	.format = format_simple,
};

const struct server_protocol eval_gui_protocol = {
	.name = "policy.EvalGUI",
	.max_bytes = EVAL_MAX_BYTES,
	.parse = parse_gui,
	.format = format_gui,
};
