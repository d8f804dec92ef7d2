/* qvm-check: answers by its exit status whether qubes exist, or are what the flags ask. */
#include "base/cleanup.h"
#include "base/maybe.h"
#include "base/text.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"

/* One flag: its name in the answer and what makes a qube qualify. */
struct question {
	const char *name;
	bool (*qualifies)(const struct qube *q);
	bool asked;
};

static bool
is_running(const struct qube *q)
{
	return text_equal(q->state, "Running") || text_equal(q->state, "Transient");
}

static bool
is_paused(const struct qube *q)
{
	return text_equal(q->state, "Paused");
}

static bool
is_template(const struct qube *q)
{
	return text_equal(q->class, "TemplateVM");
}

static bool
is_networked(const struct qube *q)
{
	return (q->values[0] != NULL && q->values[0][0] != '\0') || text_is(q->values[1], "True");
}

/* Without flags: whether each name is one of a qube. */
static int
check_existence(const struct options *o, const struct qube_choice *choice, struct qube_list *list)
{
	int status = TOOL_OK;

	if (choice->all) {
		for (size_t i = 0; i < list->count; i++)
			if (list->items[i].chosen && o->verbosity > 0)
				tool_say("%s: %s: exists", o->program, list->items[i].name);
		return TOOL_OK;
	}
	for (size_t i = 0; i < o->argument_count; i++) {
		bool exists = qubes_find(list, o->arguments[i]) != NULL;

		if (!exists)
			status = TOOL_FAILURE;
		if (o->verbosity > 0)
			tool_say("%s: %s: %s", o->program, o->arguments[i],
				exists ? "exists" : "non-existent!");
	}
	return status;
}

static bool
qualifies(const struct qube *q, const struct question *questions, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (questions[i].asked && !questions[i].qualifies(q))
			return false;
	return true;
}

/* "running, paused": what was asked, for the answer. */
static char *
describe(const struct question *questions, size_t count)
{
	char *text = text_copy("");

	for (size_t i = 0; i < count; i++) {
		if (!questions[i].asked)
			continue;
		char *longer =
			text_format("%s%s%s", text, *text != '\0' ? ", " : "", questions[i].name);

		free(text);
		text = longer;
	}
	return text;
}

static int
check_questions(const struct options *o, const struct qube_list *list,
	const struct question *questions, size_t count)
{
	AUTO_FREE char *asked = describe(questions, count), *names = text_copy("");
	size_t chosen = 0, found = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (!list->items[i].chosen)
			continue;
		chosen++;
		if (!qualifies(&list->items[i], questions, count))
			continue;
		found++;
		char *longer =
			text_format("%s%s%s", names, found > 1 ? ", " : "", list->items[i].name);

		free(names);
		names = longer;
	}
	if (o->verbosity > 0 && found == 0)
		tool_say("%s: None of qubes: %s", o->program, asked);
	else if (o->verbosity > 0 && found < chosen)
		tool_say("%s: Only some of qubes: %s: %s", o->program, asked, names);
	return found > 0 ? TOOL_OK : TOOL_FAILURE;
}

int
command_check(int argc, char **argv)
{
	static const char *const properties[] = {"netvm", "provides_network"};
	AUTO_CHOICE struct qube_choice choice = {0};
	struct question questions[] = {
		{"running", is_running, false},
		{"paused", is_paused, false},
		{"template", is_template, false},
		{"networked", is_networked, false},
	};
	const size_t count = sizeof(questions) / sizeof(questions[0]);
	const struct option rows[] = {
		QUBE_CHOICE_ROWS(choice),
		{"--running", .flag = &questions[0].asked, .help = "whether a qube runs"},
		{"--paused", .flag = &questions[1].asked, .help = "whether a qube is paused"},
		{"--template", .flag = &questions[2].asked, .help = "whether a qube is a template"},
		{"--networked", .flag = &questions[3].asked,
			.help = "whether a qube has a network, or gives one to others"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-check",
		.summary = "Tells whether qubes exist, or whether any of them is what the options "
			   "ask.",
		.usage = "[VMNAME ...]",
		.rows = rows,
		.notes = "Exit status 0 means yes, 1 means no.",
	};
	AUTO_QUBES struct qube_list list = {0};
	AUTO_ERR struct err err = ERR_INIT;
	bool any = false;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	for (size_t i = 0; i < count; i++)
		any = any || questions[i].asked;
	if (any)
		return qubes_accept(
			       &o, &choice, properties, questions[3].asked ? 2 : 0, &list, &status)
			       ? check_questions(&o, &list, questions, count)
			       : status;
	if (o.argument_count == 0 && !choice.all)
		return tool_usage_error(&o, "one of the arguments --all VMNAME is required");
	if (qubes_load(&list, NULL, 0, &err) < 0)
		return tool_error(&o, "%s", err_message(&err));
	if (choice.all && qubes_choose(&list, o.arguments, o.argument_count, &choice, &err) < 0)
		return tool_usage_error(&o, "%s", err_message(&err));
	return check_existence(&o, &choice, &list);
}
