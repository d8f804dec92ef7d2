/*
 * qvm-shutdown: asks qubes to shut down, in rounds: those that others need come again when the
 * others are gone, those that do not answer once more, and then they are killed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/maybe.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"
#include "tools/qvm/power.h"

/* How long a round without --wait waits for qubes whose end lets others go. */
#define ROUND_WAIT_MS 120000
#define TIMEOUT_MAX_SECONDS 1000000

enum fate {
	FATE_PENDING,   /* to be asked in this round */
	FATE_GONE,      /* down, or with --wait not given: asked to go down */
	FATE_IN_USE,    /* refused because others need it */
	FATE_TIMED_OUT, /* asked, and still there after its time */
	FATE_FAILED,
};

struct shutdown {
	const struct options *options;
	struct qube_list *list;
	enum fate *fates;   /* one for each qube of the list, as the two below */
	struct err *errors; /* why it was refused, or failed */
	bool *timed_out_before;
	bool wait, force;
	int timeout_ms;
};

static size_t
count_fate(const struct shutdown *s, enum fate fate)
{
	size_t count = 0;

	for (size_t i = 0; i < s->list->count; i++)
		count += s->list->items[i].chosen && s->fates[i] == fate;
	return count;
}

/* "Error: TEXT: a, b" for all qubes with that fate. */
static void
say_names(const struct shutdown *s, const char *text, enum fate fate)
{
	char *names = text_copy("");

	for (size_t i = 0; i < s->list->count; i++) {
		if (!s->list->items[i].chosen || s->fates[i] != fate)
			continue;
		char *longer = text_format(
			"%s%s%s", names, *names != '\0' ? ", " : "", s->list->items[i].name);

		free(names);
		names = longer;
	}
	tool_say("Error: %s: %s", text, names);
	free(names);
}

static enum fate
fate_of(const struct admin_call *call)
{
	if (call->content != NULL)
		return FATE_GONE;
	if (admin_error_is(&call->err, "QubesVMInUseError"))
		return FATE_IN_USE;
	if (admin_error_is(&call->err, "QubesVMShutdownTimeoutError") ||
		call->err.code == ETIMEDOUT)
		return FATE_TIMED_OUT;
	/* A qube that is down, or was removed by its end, needs nothing more. */
	if (text_is(call->err.kind, "QubesVMNotStartedError") ||
		admin_error_is(&call->err, "QubesVMNotFoundError"))
		return FATE_GONE;
	return FATE_FAILED;
}

/* Asks all pending qubes at once and notes how each answered. */
static void
ask_pending(struct shutdown *s)
{
	const char *argument =
		s->force ? (s->wait ? "force+wait" : "force") : (s->wait ? "wait" : NULL);
	struct qube_list *list = s->list;
	bool *chosen = xcalloc(list->count + 1, sizeof(*chosen));
	struct admin_call *calls;

	for (size_t i = 0; i < list->count; i++) {
		chosen[i] = list->items[i].chosen;
		list->items[i].chosen = chosen[i] && s->fates[i] == FATE_PENDING;
	}
	calls = call_chosen(list, "admin.vm.Shutdown", argument, s->timeout_ms);
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].chosen) {
			s->fates[i] = fate_of(&calls[i]);
			err_move(&s->errors[i], &calls[i].err);
		}
		list->items[i].chosen = chosen[i];
	}
	free(chosen);
	admin_calls_free(calls, list->count);
}

/* Whether a qube that was asked to go is still there; a failure to learn it means no. */
static bool
anyone_leaving(const struct shutdown *s)
{
	AUTO_QUBES struct qube_list now = {0};

	if (qubes_load(&now, NULL, 0, NULL) < 0)
		return false;
	for (size_t i = 0; i < s->list->count; i++) {
		const struct qube *q = qubes_find(&now, s->list->items[i].name);

		if (s->list->items[i].chosen && s->fates[i] == FATE_GONE && q != NULL &&
			!qube_is_halted(q))
			return true;
	}
	return false;
}

/* Without --wait the daemon answers at once: the events tell when the qubes are really down. */
static void
wait_for_leaving(const struct shutdown *s)
{
	struct admin_events *events = admin_events_open("dom0", NULL);
	uint64_t end_ms = loop_now_ms() + ROUND_WAIT_MS, now_ms;

	if (events == NULL)
		return;
	while ((now_ms = loop_now_ms()) < end_ms) {
		struct admin_event event;
		bool look;

		if (admin_events_next(events, (int)(end_ms - now_ms), &event, NULL) <= 0)
			break;
		look = text_equal(event.name, "connection-established") ||
		       text_equal(event.name, "domain-shutdown") ||
		       text_equal(event.name, "domain-delete");
		admin_event_finish(&event);
		if (look && !anyone_leaving(s))
			break;
	}
	admin_events_close(events);
}

/* Those that timed out for the first time are asked again; true when there are any. */
static bool
retry_timed_out(struct shutdown *s)
{
	bool retry = false;

	for (size_t i = 0; i < s->list->count; i++) {
		if (s->fates[i] != FATE_TIMED_OUT || s->timed_out_before[i])
			continue;
		s->timed_out_before[i] = true;
		s->fates[i] = FATE_PENDING;
		retry = true;
	}
	return retry;
}

/* Those that were refused are asked again if others went meanwhile; true when that is so. */
static bool
retry_in_use(struct shutdown *s, bool others_went)
{
	if (!others_went || count_fate(s, FATE_IN_USE) == 0)
		return false;
	say_names(s, "Retrying shutdown of qubes that were in use", FATE_IN_USE);
	if (!s->wait)
		wait_for_leaving(s);
	for (size_t i = 0; i < s->list->count; i++)
		if (s->fates[i] == FATE_IN_USE)
			s->fates[i] = FATE_PENDING;
	return true;
}

static int
report_failures(const struct shutdown *s)
{
	int status = TOOL_OK;

	for (size_t i = 0; i < s->list->count; i++)
		if (s->list->items[i].chosen &&
			(s->fates[i] == FATE_IN_USE || s->fates[i] == FATE_FAILED))
			status = tool_qube_error(
				"Failed to shut down", s->list->items[i].name, &s->errors[i]);
	return status;
}

static int
kill_timed_out(struct shutdown *s)
{
	if (count_fate(s, FATE_TIMED_OUT) == 0)
		return TOOL_OK;
	say_names(s, "Killing timed out qubes", FATE_TIMED_OUT);
	for (size_t i = 0; i < s->list->count; i++)
		s->list->items[i].chosen =
			s->list->items[i].chosen && s->fates[i] == FATE_TIMED_OUT;
	return call_chosen_reporting(
		s->list, "admin.vm.Kill", "Failed to shut down", "QubesVMNotStartedError");
}

static int
run_rounds(struct shutdown *s)
{
	bool again = true;
	int failed, killed;

	while (again) {
		size_t gone_before = count_fate(s, FATE_GONE);

		ask_pending(s);
		again = retry_timed_out(s);
		again = retry_in_use(s, count_fate(s, FATE_GONE) > gone_before) || again;
	}
	failed = report_failures(s);
	killed = kill_timed_out(s);
	return failed != TOOL_OK ? failed : killed;
}

/* --dry-run: the names of what would be asked. */
static int
print_chosen(const struct options *o, const struct qube_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].chosen)
			puts(list->items[i].name);
	return tool_finish_output(o, TOOL_OK);
}

static int
shut_down(struct shutdown *s)
{
	size_t count = s->list->count;
	int status;

	s->fates = xcalloc(count + 1, sizeof(*s->fates));
	s->errors = xcalloc(count + 1, sizeof(*s->errors));
	s->timed_out_before = xcalloc(count + 1, sizeof(*s->timed_out_before));
	status = run_rounds(s);
	for (size_t i = 0; i < count; i++)
		err_clear(&s->errors[i]);
	free(s->timed_out_before);
	free(s->errors);
	free(s->fates);
	return status;
}

int
command_shutdown(int argc, char **argv)
{
	AUTO_CHOICE struct qube_choice choice = {0};
	bool wait = false, force = false, dry_run = false;
	const char *timeout = NULL;
	const struct option rows[] = {
		QUBE_CHOICE_ROWS(choice),
		{"--wait", .flag = &wait, .help = "return only when the qubes are down"},
		{"--timeout", .text = &timeout, .value = "SECONDS",
			.help = "implies --wait; how long to wait before the qube is asked again, "
				"and "
				"then killed (default: the qube's shutdown_timeout)"},
		{"--force", .flag = &force,
			.help = "also when other qubes need it; implied by --all without "
				"--exclude"},
		{"--dry-run", .flag = &dry_run, .help = "only print the names of the qubes"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-shutdown",
		.summary = "Asks qubes to shut down.",
		.usage = "[VMNAME ...]",
		.rows = rows,
	};
	AUTO_QUBES struct qube_list list = {0};
	struct shutdown s = {.options = &o, .list = &list, .timeout_ms = -1};
	uint64_t seconds;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (timeout != NULL) {
		if (text_parse_u64(timeout, TIMEOUT_MAX_SECONDS, &seconds) < 0)
			return tool_usage_error(
				&o, "--timeout: not a number of seconds: '%s'", timeout);
		s.timeout_ms = (int)seconds * 1000;
	}
	if (!qubes_accept(&o, &choice, NULL, 0, &list, &status))
		return status;
	for (size_t i = 0; i < list.count; i++)
		if (qube_is_halted(&list.items[i]))
			list.items[i].chosen = false;
	if (dry_run)
		return print_chosen(&o, &list);
	s.wait = wait || timeout != NULL;
	s.force = force || (choice.all && choice.exclude.count == 0);
	return shut_down(&s);
}
