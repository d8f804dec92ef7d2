/*
 * Comparing two policies call by call; see what_if.h. Services whose rules are the same in both
 * are left out, so that a small change of a large policy is quickly told.
 */
#include "qrexec/policy/what_if.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/intern.h"
#include "qrexec/policy/survey.h"

#define OUTCOME_MAX_BYTES 1024
#define LIST_MAX_BYTES (8u << 20)
/* Names of a list that are printed unless all are wanted. */
#define NAMES_SHOWN 6

/* A list in the making: "A, B, C". */
struct list_text {
	struct buf text;
	size_t count;
	bool all;
};

struct comparison {
	const struct policy_view *before, *after;
	const struct policy_facts *facts;
	const struct survey *survey;
	struct what_if_counts *counts;
	bool all;

	struct intern blocks;       /* what is printed below a list of services */
	struct list_text *services; /* by number of the block */

	/* Of the service being looked at: */
	struct intern changes; /* "BEFORE -> AFTER" */
	uint32_t *cells;       /* change + 1 by source and target; 0: none */
};

static void
put_outcome(const struct policy_view *v, const struct policy_decision *d, struct buf *out)
{
	char text[POLICY_TARGET_TEXT_MAX];

	if (d->result == POLICY_DENY) {
		buf_put_string(out, "deny");
		return;
	}
	buf_put_string(out, d->result == POLICY_ALLOW ? "allow" : "ask");
	if (d->result == POLICY_ALLOW &&
		(d->target.kind != d->requested.kind || d->target.qube != d->requested.qube))
		buf_printf(out, " to %s", policy_target_text(v, d->target, text));
	if (d->result == POLICY_ASK) {
		size_t choices = policy_choice_count(v, d);

		buf_printf(out, " with %zu choice%s", choices, choices != 1 ? "s" : "");
	}
	if (d->result == POLICY_ASK && d->default_target.kind != POLICY_TARGET_NONE)
		buf_printf(out, ", %s first", policy_target_text(v, d->default_target, text));
	if (d->user != NULL && d->user[0] != '\0')
		buf_printf(out, " as %s", d->user);
	if (!d->autostart)
		buf_put_string(out, " if it runs");
}

/* Both views are of the same facts, so sets of choices compare word by word. */
static bool
same_choices(const struct comparison *c, const struct policy_decision *a,
	const struct policy_decision *b)
{
	size_t size = policy_facts_words(c->facts) * 2 * sizeof(*a->choices);

	return a->result != POLICY_ASK || b->result != POLICY_ASK ||
	       memcmp(a->choices, b->choices, size) == 0;
}

static void
count(struct what_if_counts *counts, enum policy_result before, enum policy_result after)
{
	counts->changed++;
	if (before == after)
		counts->otherwise++;
	else if (after == POLICY_ALLOW)
		counts->allowed++;
	else if (after == POLICY_ASK)
		counts->asked++;
	else
		counts->refused++;
}

/* The number of the change in c->changes, or POLICY_NONE when there is none. */
static uint32_t
compare_call(struct comparison *c, const struct policy_request *request)
{
	AUTO_DECISION struct policy_decision a = POLICY_DECISION_INIT;
	AUTO_DECISION struct policy_decision b = POLICY_DECISION_INIT;
	AUTO_BUF struct buf text_a = {0};
	AUTO_BUF struct buf text_b = {0};

	policy_evaluate(c->before, request, &a);
	policy_evaluate(c->after, request, &b);
	if (a.result == POLICY_DENY && b.result == POLICY_DENY)
		return POLICY_NONE;
	buf_init(&text_a, OUTCOME_MAX_BYTES);
	buf_init(&text_b, OUTCOME_MAX_BYTES);
	put_outcome(c->before, &a, &text_a);
	put_outcome(c->after, &b, &text_b);
	buf_put_u8(&text_a, 0);
	buf_put_u8(&text_b, 0);
	const char *before = (const char *)buf_data(&text_a);
	const char *after = (const char *)buf_data(&text_b);
	bool same_text = text_equal(before, after);
	if (same_text && same_choices(c, &a, &b))
		return POLICY_NONE;
	AUTO_FREE char *change =
		text_format("%s -> %s%s", before, after, same_text ? " (other ones)" : "");
	count(c->counts, a.result, b.result);
	return intern_add(&c->changes, change);
}

static uint32_t *
cell(const struct comparison *c, size_t source, size_t target)
{
	return &c->cells[source * c->survey->target_count + target];
}

static bool
compare_service(struct comparison *c, const char *service)
{
	uint32_t dom0 = policy_facts_dom0(c->facts);
	bool any = false;

	for (uint32_t source = 0; source < c->survey->qube_count; source++) {
		for (size_t target = 0; source != dom0 && target < c->survey->target_count;
			target++) {
			const struct policy_request request = {
				.source = policy_facts_qube(c->facts, source)->name,
				.target = c->survey->targets[target],
				.service = service,
			};
			uint32_t change = compare_call(c, &request);

			*cell(c, source, target) = change == POLICY_NONE ? 0 : change + 1;
			any = any || change != POLICY_NONE;
		}
	}
	return any;
}

static void
list_init(struct list_text *l, bool all)
{
	*l = (struct list_text){.all = all};
	buf_init(&l->text, LIST_MAX_BYTES);
}

static void
list_add(struct list_text *l, const char *name)
{
	l->count++;
	if (l->all || l->count <= NAMES_SHOWN)
		buf_printf(&l->text, "%s%s", l->count > 1 ? ", " : "", name);
}

static void
list_end(struct list_text *l)
{
	if (!l->all && l->count > NAMES_SHOWN)
		buf_printf(&l->text, " and %zu more", l->count - NAMES_SHOWN);
	buf_put_u8(&l->text, 0);
}

/* Whether a change concerns a source's calls to all qubes but dom0 and itself, at least two. */
static bool
is_about_all(const struct comparison *c, size_t source, uint32_t change)
{
	uint32_t dom0 = policy_facts_dom0(c->facts);

	for (size_t target = 0; target < c->survey->qube_count; target++) {
		if (target != dom0 && target != source && *cell(c, source, target) != change + 1)
			return false;
	}
	return c->survey->qube_count > 3;
}

/* The targets of a source that a change concerns, as a text the caller frees; NULL: none. */
static char *
target_list(const struct comparison *c, size_t source, uint32_t change, bool all)
{
	bool every = is_about_all(c, source, change);
	uint32_t dom0 = policy_facts_dom0(c->facts);
	struct list_text l;
	char *result;

	list_init(&l, all);
	if (every)
		list_add(&l, "every other qube");
	for (size_t target = 0; target < c->survey->target_count; target++) {
		bool is_qube = target < c->survey->qube_count && target != dom0;
		const char *name = c->survey->targets[target];

		if (*cell(c, source, target) == change + 1 && !(every && is_qube))
			list_add(&l, name[0] != '\0' ? name : "@default");
	}
	list_end(&l);
	result = l.count > 0 ? buf_steal_string(&l.text) : NULL;
	buf_finish(&l.text);
	return result;
}

/* Sources with the same targets share a line. */
static void
print_group(const struct comparison *c, const char *targets, char *const *by_source, bool *done,
	struct buf *out)
{
	size_t callers = c->survey->qube_count - 1;
	struct list_text l;

	list_init(&l, c->all);
	for (size_t source = 0; source < c->survey->qube_count; source++) {
		if (by_source[source] == NULL || !text_equal(by_source[source], targets))
			continue;
		done[source] = true;
		list_add(&l, c->survey->targets[source]);
	}
	list_end(&l);
	buf_printf(out, "    %s => ",
		l.count == callers && callers > 2 ? "every qube" : (const char *)buf_data(&l.text));
	buf_finish(&l.text);
}

static void
print_change(const struct comparison *c, uint32_t change, struct buf *out)
{
	size_t count = c->survey->qube_count;
	AUTO_FREE char **lists = xcalloc(count, sizeof(*lists));
	AUTO_FREE bool *done = xcalloc(count, sizeof(*done));

	buf_printf(out, "%s\n", intern_text(&c->changes, change));
	for (size_t source = 0; source < count; source++)
		lists[source] = target_list(c, source, change, true);
	for (size_t source = 0; source < count; source++) {
		if (lists[source] == NULL || done[source])
			continue;
		AUTO_FREE char *shown = target_list(c, source, change, c->all);
		print_group(c, lists[source], lists, done, out);
		buf_printf(out, "%s\n", shown);
	}
	for (size_t source = 0; source < count; source++)
		free(lists[source]);
}

/* Services about which the same is to be said share it. */
static void
add_block(struct comparison *c, const char *service, uint32_t change)
{
	AUTO_BUF struct buf text;
	size_t known = c->blocks.count;
	uint32_t number;

	buf_init(&text, LIST_MAX_BYTES);
	print_change(c, change, &text);
	buf_put_u8(&text, 0);
	number = intern_add(&c->blocks, (const char *)buf_data(&text));
	if (number == known && (known & (known - 1)) == 0) {
		/* Room is doubled whenever the count reaches a power of two. */
		struct list_text *larger =
			xcalloc(number > 0 ? (size_t)number * 2 : 1, sizeof(*larger));

		if (number > 0)
			memcpy(larger, c->services, number * sizeof(*larger));
		free(c->services);
		c->services = larger;
	}
	if (c->services[number].count == 0)
		list_init(&c->services[number], c->all);
	list_add(&c->services[number], service);
}

static void
print_blocks(struct comparison *c, FILE *out)
{
	for (uint32_t i = 0; i < c->blocks.count; i++) {
		list_end(&c->services[i]);
		fprintf(out, "%s: %s", (const char *)buf_data(&c->services[i].text),
			intern_text(&c->blocks, i));
		buf_finish(&c->services[i].text);
	}
	free(c->services);
	intern_finish(&c->blocks);
}

static const char *
service_title(const char *service)
{
	return text_equal(service, SURVEY_OTHER_SERVICE) ? "(any other service)" : service;
}

void
what_if_compare(const struct policy_view *before, const struct policy_view *after, bool all,
	FILE *out, struct what_if_counts *ret)
{
	const struct policy *a = policy_view_policy(before), *b = policy_view_policy(after);
	struct comparison c = {.before = before,
		.after = after,
		.facts = policy_view_facts(before),
		.counts = ret,
		.all = all};
	struct survey survey;

	*ret = (struct what_if_counts){0};
	survey_init(&survey, a, b, c.facts);
	c.survey = &survey;
	c.cells = xcalloc(survey.qube_count * survey.target_count, sizeof(*c.cells));
	for (size_t i = 0; i < survey.service_count; i++) {
		const char *service = survey.services[i];

		if (survey_same_rules(a, b, service) || !compare_service(&c, service))
			continue;
		for (uint32_t change = 0; change < c.changes.count; change++)
			add_block(&c, service_title(service), change);
		intern_finish(&c.changes);
		c.changes = (struct intern){0};
	}
	print_blocks(&c, out);
	free(c.cells);
	survey_finish(&survey);
}
