/* qvm-pause and qvm-unpause: stop the processors of qubes, and let them go on. */
#include <stdlib.h>

#include "base/text.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"
#include "tools/qvm/power.h"

/* --all means those that can be paused; a qube named one by one gets the daemon's answer. */
static void
keep_state(struct qube_list *list, const char *state, const char *other_state)
{
	for (size_t i = 0; i < list->count; i++)
		if (!text_equal(list->items[i].state, state) &&
			!text_equal(list->items[i].state, other_state))
			list->items[i].chosen = false;
}

int
command_pause(int argc, char **argv)
{
	AUTO_CHOICE struct qube_choice choice = {0};
	bool suspend = false;
	const struct option rows[] = {
		QUBE_CHOICE_ROWS(choice),
		{"-S --suspend", .flag = &suspend,
			.help = "let the qube suspend itself, if it can"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-pause",
		.summary = "Pauses qubes: they keep their memory and do nothing until qvm-unpause.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	AUTO_QUBES struct qube_list list = {0};
	int status;

	if (!tool_accept(&o, argc, argv, &status) ||
		!qubes_accept(&o, &choice, NULL, 0, &list, &status))
		return status;
	if (choice.all)
		keep_state(&list, "Running", "Transient");
	return call_chosen_reporting(&list, suspend ? "admin.vm.Suspend" : "admin.vm.Pause",
		suspend ? "Failed to suspend" : "Failed to pause", NULL);
}

/* A suspended qube is woken, any other unpaused: two rounds, with the choice split. */
static int
unpause_chosen(struct qube_list *list)
{
	static const char failure[] = "Failed to unpause/resume";
	bool *suspended = xcalloc(list->count + 1, sizeof(*suspended));
	int status, resumed;

	for (size_t i = 0; i < list->count; i++) {
		struct qube *q = &list->items[i];

		suspended[i] = q->chosen && text_equal(q->state, "Suspended");
		q->chosen = q->chosen && !suspended[i];
	}
	status = call_chosen_reporting(list, "admin.vm.Unpause", failure, NULL);
	for (size_t i = 0; i < list->count; i++)
		list->items[i].chosen = suspended[i];
	resumed = call_chosen_reporting(list, "admin.vm.Resume", failure, NULL);
	free(suspended);
	return status != TOOL_OK ? status : resumed;
}

int
command_unpause(int argc, char **argv)
{
	AUTO_CHOICE struct qube_choice choice = {0};
	const struct option rows[] = {QUBE_CHOICE_ROWS(choice), {NULL}};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-unpause",
		.summary = "Lets paused or suspended qubes go on.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	AUTO_QUBES struct qube_list list = {0};
	int status;

	if (!tool_accept(&o, argc, argv, &status) ||
		!qubes_accept(&o, &choice, NULL, 0, &list, &status))
		return status;
	if (choice.all)
		keep_state(&list, "Paused", "Suspended");
	return unpause_chosen(&list);
}
