/* The compiled policy: storage, index, and rules as text again; see compiled.h. */
#include "qrexec/policy/compiled.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

struct policy *
policy_ref(struct policy *p)
{
	p->references++;
	return p;
}

void
policy_unref(struct policy *p)
{
	if (p == NULL || --p->references > 0)
		return;
	free(p->error);
	free(p->rules);
	intern_finish(&p->services);
	intern_finish(&p->arguments);
	intern_finish(&p->users);
	intern_finish(&p->files);
	intern_finish(&p->tokens);
	free(p->by_service);
	free(p->service_start);
	free(p->for_any_service);
	free(p);
}

const char *
policy_error(const struct policy *p)
{
	return p->error;
}

size_t
policy_rule_count(const struct policy *p)
{
	return p->rule_count;
}

void
policy_add_rule(struct policy *p, const struct policy_rule *rule)
{
	if (p->rule_count == p->rule_capacity) {
		size_t capacity = p->rule_capacity > 0 ? p->rule_capacity * 2 : 64;
		struct policy_rule *larger = xcalloc(capacity, sizeof(*larger));

		if (p->rule_count > 0)
			memcpy(larger, p->rules, p->rule_count * sizeof(*larger));
		free(p->rules);
		p->rules = larger;
		p->rule_capacity = capacity;
	}
	p->rules[p->rule_count++] = *rule;
}

uint32_t
policy_add_token(struct policy *p, const struct policy_token *token)
{
	AUTO_FREE char *text = text_format("%c%s", 'a' + (int)token->kind, token->value);

	return intern_add(&p->tokens, text);
}

enum policy_token_kind
policy_token_kind(const struct policy *p, uint32_t token)
{
	return (enum policy_token_kind)(intern_text(&p->tokens, token)[0] - 'a');
}

const char *
policy_token_value(const struct policy *p, uint32_t token)
{
	return intern_text(&p->tokens, token) + 1;
}

/* Counts, then places: the rules of each service stay in their order. */
void
policy_index(struct policy *p)
{
	AUTO_FREE uint32_t *next = xcalloc(p->services.count + 1, sizeof(*next));
	size_t named = 0;

	p->service_start = xcalloc(p->services.count + 1, sizeof(*p->service_start));
	p->by_service = xcalloc(p->rule_count, sizeof(*p->by_service));
	p->for_any_service = xcalloc(p->rule_count, sizeof(*p->for_any_service));
	for (size_t i = 0; i < p->rule_count; i++) {
		if (p->rules[i].service != POLICY_NONE)
			next[p->rules[i].service]++;
	}
	for (size_t i = 0; i <= p->services.count; i++) {
		size_t count = next[i];

		p->service_start[i] = next[i] = (uint32_t)named;
		named += count;
	}
	for (uint32_t i = 0; i < p->rule_count; i++) {
		uint32_t service = p->rules[i].service;

		if (service != POLICY_NONE)
			p->by_service[next[service]++] = i;
		else
			p->for_any_service[p->for_any_service_count++] = i;
	}
}

void
policy_walk_start(struct policy_walk *walk, const struct policy *p, uint32_t service)
{
	*walk = (struct policy_walk){
		.any = p->for_any_service,
		.any_end = p->for_any_service + p->for_any_service_count,
	};
	if (service == POLICY_NONE)
		return;
	walk->own = p->by_service + p->service_start[service];
	walk->own_end = p->by_service + p->service_start[service + 1];
}

struct policy_rule_place
policy_rule_place(const struct policy *p, uint32_t rule)
{
	assert(rule < p->rule_count);
	return (struct policy_rule_place){
		.file = intern_text(&p->files, p->rules[rule].file),
		.line = p->rules[rule].line,
	};
}

enum policy_action
policy_rule_action(const struct policy *p, uint32_t rule)
{
	assert(rule < p->rule_count);
	return p->rules[rule].action;
}

static const char *
token_prefix(enum policy_token_kind kind)
{
	static const char *const prefixes[] = {
		[POLICY_TOKEN_ANY] = "*",
		[POLICY_TOKEN_ANYVM] = "@anyvm",
		[POLICY_TOKEN_ADMINVM] = "@adminvm",
		[POLICY_TOKEN_DEFAULT] = "@default",
		[POLICY_TOKEN_NAME] = "",
		[POLICY_TOKEN_TYPE] = "@type:",
		[POLICY_TOKEN_TAG] = "@tag:",
		[POLICY_TOKEN_DISPVM] = "@dispvm",
		[POLICY_TOKEN_DISPVM_NAME] = "@dispvm:",
		[POLICY_TOKEN_DISPVM_TAG] = "@dispvm:@tag:",
	};

	return prefixes[kind];
}

static int
format_token(const struct policy *p, const char *before, uint32_t token, struct buf *out)
{
	return buf_printf(out, "%s%s%s", before, token_prefix(policy_token_kind(p, token)),
		policy_token_value(p, token));
}

static int
format_parameters(const struct policy *p, const struct policy_rule *r, struct buf *out)
{
	int result = 0;

	if (r->redirect != POLICY_NONE)
		result = format_token(p, " target=", r->redirect, out);
	if (result == 0 && r->default_target != POLICY_NONE)
		result = format_token(p, " default_target=", r->default_target, out);
	if (result == 0 && r->user != POLICY_NONE)
		result = buf_printf(out, " user=%s", intern_text(&p->users, r->user));
	if (result == 0 && r->notify != (r->action == POLICY_ACTION_DENY))
		result = buf_printf(out, " notify=%s", r->notify ? "yes" : "no");
	if (result == 0 && !r->autostart)
		result = buf_put_string(out, " autostart=no");
	return result;
}

int
policy_rule_format(const struct policy *p, uint32_t rule, struct buf *out)
{
	static const char *const actions[] = {
		[POLICY_ACTION_ALLOW] = "allow",
		[POLICY_ACTION_ASK] = "ask",
		[POLICY_ACTION_DENY] = "deny",
	};
	const struct policy_rule *r = &p->rules[rule];
	int result;

	assert(rule < p->rule_count);
	result = buf_printf(out, "%s %s",
		r->service != POLICY_NONE ? intern_text(&p->services, r->service) : "*",
		r->argument != POLICY_NONE ? intern_text(&p->arguments, r->argument) : "*");
	if (result == 0)
		result = format_token(p, " ", r->source, out);
	if (result == 0)
		result = format_token(p, " ", r->target, out);
	if (result == 0)
		result = buf_printf(out, " %s", actions[r->action]);
	return result == 0 ? format_parameters(p, r, out) : result;
}
