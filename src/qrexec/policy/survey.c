/* See survey.h. */
#include "qrexec/policy/survey.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/compiled.h"

#define RULE_TEXT_MAX_BYTES (1u << 20)

/* The name of a service and each argument that rules for it name, and one for all others. */
static void
add_service(struct policy_names *names, const struct policy *p, uint32_t number)
{
	const char *service = intern_text(&p->services, number);
	struct policy_walk walk;
	bool tells_apart = false;
	uint32_t rule;

	policy_names_add(names, service);
	policy_walk_start(&walk, p, number);
	while ((rule = policy_walk_next(&walk)) != POLICY_NONE) {
		const char *argument;

		if (p->rules[rule].argument == POLICY_NONE)
			continue;
		argument = intern_text(&p->arguments, p->rules[rule].argument);
		tells_apart = true;
		if (text_equal(argument, "+"))
			continue;
		AUTO_FREE char *descriptor = text_format("%s%s", service, argument);
		policy_names_add(names, descriptor);
	}
	if (tells_apart) {
		AUTO_FREE char *other = text_format("%s%s", service, SURVEY_OTHER_ARGUMENT);

		policy_names_add(names, other);
	}
}

/* Sorted, each once. */
static void
take_services(struct survey *s, struct policy_names *names)
{
	policy_names_sort(names);
	s->services = xcalloc(names->count + 1, sizeof(*s->services));
	for (size_t i = 0; i < names->count; i++) {
		if (i == 0 || !text_equal(names->names[i], names->names[i - 1]))
			s->services[s->service_count++] = text_copy(names->names[i]);
	}
	s->services[s->service_count++] = text_copy(SURVEY_OTHER_SERVICE);
}

static void
add_targets(struct survey *s, const struct policy_facts *facts)
{
	uint32_t count = (uint32_t)policy_facts_count(facts);

	s->qube_count = count;
	s->targets = xcalloc((size_t)count * 2 + 2, sizeof(*s->targets));
	for (uint32_t i = 0; i < count; i++)
		s->targets[s->target_count++] = text_copy(policy_facts_qube(facts, i)->name);
	s->targets[s->target_count++] = text_copy("");
	s->targets[s->target_count++] = text_copy("@dispvm");
	for (uint32_t i = 0; i < count; i++) {
		const struct policy_qube *qube = policy_facts_qube(facts, i);

		if (qube->template_for_dispvms)
			s->targets[s->target_count++] = text_format("@dispvm:%s", qube->name);
	}
}

void
survey_init(struct survey *s, const struct policy *policy, const struct policy *other,
	const struct policy_facts *facts)
{
	const struct policy *const policies[] = {policy, other};
	struct policy_names names = {0};

	*s = (struct survey){0};
	for (size_t i = 0; i < 2; i++) {
		const struct policy *p = policies[i];

		/* One with an error has no index, and decides nothing by its rules. */
		if (p == NULL || policy_error(p) != NULL)
			continue;
		for (uint32_t number = 0; number < p->services.count; number++)
			add_service(&names, p, number);
	}
	take_services(s, &names);
	policy_names_finish(&names);
	add_targets(s, facts);
}

void
survey_finish(struct survey *s)
{
	for (size_t i = 0; i < s->service_count; i++)
		free(s->services[i]);
	for (size_t i = 0; i < s->target_count; i++)
		free(s->targets[i]);
	free(s->services);
	free(s->targets);
	*s = (struct survey){0};
}

static void
start_walk(struct policy_walk *walk, const struct policy *p, const char *service)
{
	policy_walk_start(walk, p, intern_find(&p->services, service, strcspn(service, "+")));
}

static bool
same_text(const struct policy *a, uint32_t rule_a, const struct policy *b, uint32_t rule_b)
{
	AUTO_BUF struct buf text_a = {0};
	AUTO_BUF struct buf text_b = {0};

	buf_init(&text_a, RULE_TEXT_MAX_BYTES);
	buf_init(&text_b, RULE_TEXT_MAX_BYTES);
	return policy_rule_format(a, rule_a, &text_a) == 0 &&
	       policy_rule_format(b, rule_b, &text_b) == 0 &&
	       buf_len(&text_a) == buf_len(&text_b) &&
	       memcmp(buf_data(&text_a), buf_data(&text_b), buf_len(&text_a)) == 0;
}

bool
survey_same_rules(const struct policy *a, const struct policy *b, const char *service)
{
	struct policy_walk walk_a, walk_b;

	if (policy_error(a) != NULL || policy_error(b) != NULL)
		return false;
	start_walk(&walk_a, a, service);
	start_walk(&walk_b, b, service);
	for (;;) {
		uint32_t rule_a = policy_walk_next(&walk_a), rule_b = policy_walk_next(&walk_b);

		if (rule_a == POLICY_NONE || rule_b == POLICY_NONE)
			return rule_a == rule_b;
		if (!same_text(a, rule_a, b, rule_b))
			return false;
	}
}
