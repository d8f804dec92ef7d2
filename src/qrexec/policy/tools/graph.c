/* Drawing the policy; see graph.h. Each arrow once, in the order of services and callers. */
#include "qrexec/policy/tools/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/intern.h"
#include "qrexec/policy/survey.h"

struct drawing {
	const struct policy_view *v;
	const struct policy_facts *facts;
	const struct graph_options *options;
	struct survey survey;
	struct intern nodes, arrows; /* drawn */
	FILE *out;
};

static bool
has(const struct graph_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (text_equal(list->items[i], text))
			return true;
	}
	return list->count == 0;
}

/* Names have no such characters, but what is quoted is to be quoted. */
static void
put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

/* A qube in the colour of its label, a keyword dotted. */
static void
draw_node(struct drawing *d, const char *name)
{
	size_t known = d->nodes.count;
	uint32_t qube;

	if (intern_add(&d->nodes, name) < known)
		return;
	qube = policy_facts_find(d->facts, name);
	fputs("  ", d->out);
	put_quoted(d->out, name);
	if (qube == POLICY_NONE)
		fputs(" [style=dotted]", d->out);
	else if (policy_facts_qube(d->facts, qube)->color != POLICY_NONE)
		fprintf(d->out, " [color=\"#%06x\" penwidth=2]",
			(unsigned)policy_facts_qube(d->facts, qube)->color);
	fputs(";\n", d->out);
}

static char *
service_label(const struct drawing *d, const char *service)
{
	size_t length = strcspn(service, "+");

	if (text_equal(service, SURVEY_OTHER_SERVICE))
		return text_copy("(any other service)");
	if (!d->options->full_output)
		return text_format("%.*s", (int)length, service);
	if (text_equal(service + length, SURVEY_OTHER_ARGUMENT))
		return text_format("%.*s+(any other)", (int)length, service);
	return text_copy(service);
}

static void
draw_arrow(
	struct drawing *d, const char *source, const char *target, const char *service, bool is_ask)
{
	AUTO_FREE char *label = service_label(d, service);
	const char *color = is_ask ? "orange" : "red";
	AUTO_FREE char *key = text_format(
		"%s>%s>%s>%s", source, target, color, d->options->skip_labels ? "" : label);
	size_t known = d->arrows.count;

	if (intern_add(&d->arrows, key) < known)
		return;
	draw_node(d, source);
	draw_node(d, target);
	fputs("  ", d->out);
	put_quoted(d->out, source);
	fputs(" -> ", d->out);
	put_quoted(d->out, target);
	fputs(" [", d->out);
	if (!d->options->skip_labels) {
		fputs("label=", d->out);
		put_quoted(d->out, label);
		fputc(' ', d->out);
	}
	fprintf(d->out, "color=%s];\n", color);
}

/* Where an arrow ends: where the call goes; for a question, and in full, where it was aimed. */
static void
draw_call(struct drawing *d, const struct policy_request *request)
{
	AUTO_DECISION struct policy_decision decision = POLICY_DECISION_INIT;
	char text[POLICY_TARGET_TEXT_MAX];
	const char *target;
	bool is_ask;

	policy_evaluate(d->v, request, &decision);
	is_ask = decision.result == POLICY_ASK;
	if (decision.result == POLICY_DENY || (is_ask && !d->options->include_ask))
		return;
	target = policy_target_text(d->v,
		is_ask || d->options->full_output ? decision.requested : decision.target, text);
	if (has(&d->options->targets, target))
		draw_arrow(d, request->source, target, request->service, is_ask);
}

/* dom0's calls are not decided by policy: it calls only if it is asked for. */
static bool
is_wanted_source(const struct drawing *d, uint32_t qube)
{
	const struct graph_list *wanted = &d->options->sources;

	return wanted->count > 0 ? has(wanted, policy_facts_qube(d->facts, qube)->name)
				 : qube != policy_facts_dom0(d->facts);
}

static void
draw_service(struct drawing *d, const char *service)
{
	for (uint32_t qube = 0; qube < d->survey.qube_count; qube++) {
		if (!is_wanted_source(d, qube))
			continue;
		for (size_t i = 0; i < d->survey.target_count; i++) {
			const struct policy_request request = {
				.source = policy_facts_qube(d->facts, qube)->name,
				.target = d->survey.targets[i],
				.service = service};

			draw_call(d, &request);
		}
	}
}

/* Services as named, with each argument that the policy tells apart where none is named. */
static bool
is_wanted_service(const struct graph_list *wanted, const char *service)
{
	AUTO_FREE char *name = text_format("%.*s", (int)strcspn(service, "+"), service);

	return has(wanted, service) || has(wanted, name);
}

void
graph_print(const struct policy_view *v, const struct graph_options *options, FILE *out)
{
	struct drawing d = {.v = v, .facts = policy_view_facts(v), .options = options, .out = out};

	survey_init(&d.survey, policy_view_policy(v), NULL, d.facts);
	fputs("digraph g {\n", out);
	for (size_t i = 0; i < d.survey.service_count; i++) {
		if (is_wanted_service(&options->services, d.survey.services[i]))
			draw_service(&d, d.survey.services[i]);
	}
	/* Named, but by no rule of its own. */
	for (size_t i = 0; i < options->services.count; i++)
		draw_service(&d, options->services.items[i]);
	fputs("}\n", out);
	survey_finish(&d.survey);
	intern_finish(&d.nodes);
	intern_finish(&d.arrows);
}
