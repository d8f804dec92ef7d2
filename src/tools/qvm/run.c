/* qvm-run: its command line, and several qubes at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/encode.h"
#include "tools/lib/qubes.h"
#include "tools/lib/report.h"
#include "tools/qvm/commands.h"
#include "tools/qvm/run.h"

#define DEFAULT_COLOUR 31 /* red: what a qube says is not what dom0 says */
#define UNSAID (-1)

/* What the options say; run_request is what follows from them. */
struct run_options {
	struct qube_choice choice;
	const char *user, *local_command, *dispvm;
	const char *stdout_colour, *stderr_colour;
	bool no_auto, pass_io, service, no_shell;
	bool no_stdout_colour, no_stderr_colour;
	int gui, filter;
};

/* "0" to "255" as a colour of a terminal; -1 when it is none. */
static int
parse_colour(const char *text)
{
	uint64_t value;

	return text_parse_u64(text, 255, &value) < 0 ? -1 : (int)value;
}

/*
 * Colours and filters: on a terminal both are on, and no colour goes without the filter, as the
 * qube could end it.
 */
static int
decide_output(const struct options *o, const struct run_options *given, struct run_request *r)
{
	const bool stdout_terminal = isatty(STDOUT_FILENO), stderr_terminal = isatty(STDERR_FILENO);

	r->filter_stdout = given->filter == UNSAID ? stdout_terminal : given->filter > 0;
	r->filter_stderr = given->filter == UNSAID ? stderr_terminal : given->filter > 0;
	if (given->stdout_colour != NULL && !r->filter_stdout)
		return tool_usage_error(o, "--colour-output needs --filter-escape-chars");
	if (given->stderr_colour != NULL && !r->filter_stderr)
		return tool_usage_error(o, "--colour-stderr needs --filter-escape-chars");

	if (stdout_terminal && r->filter_stdout)
		r->stdout_colour = DEFAULT_COLOUR;
	if (stderr_terminal && r->filter_stderr)
		r->stderr_colour = DEFAULT_COLOUR;
	if (given->stdout_colour != NULL)
		r->stdout_colour = parse_colour(given->stdout_colour);
	if (given->stderr_colour != NULL)
		r->stderr_colour = parse_colour(given->stderr_colour);
	if (r->stdout_colour < 0 || r->stderr_colour < 0)
		return tool_usage_error(o, "a colour is a number of 0 to 255");
	if (given->no_stdout_colour)
		r->stdout_colour = 0;
	if (given->no_stderr_colour)
		r->stderr_colour = 0;
	return TOOL_OK;
}

static int
check_options(const struct options *o, const struct run_options *given)
{
	if (given->dispvm != NULL && (given->choice.all || given->choice.exclude.count > 0))
		return tool_usage_error(o, "--dispvm cannot be used with --all or --exclude");
	if (given->choice.exclude.count > 0 && !given->choice.all)
		return tool_usage_error(o, "--exclude can only be used with --all");
	if (given->local_command != NULL && !given->pass_io)
		return tool_usage_error(o, "--localcmd have no effect without --pass-io");
	if (given->choice.all && given->pass_io && given->local_command == NULL)
		return tool_usage_error(o,
			"--passio cannot be used when more than 1 qube is chosen "
			"and no --localcmd is used");
	if (given->user != NULL && !admin_is_local())
		return tool_usage_error(o, "--user works in dom0 only");
	if (given->user != NULL && strpbrk(given->user, ": ") != NULL)
		return tool_usage_error(o, "not the name of a user: '%s'", given->user);
	return TOOL_OK;
}

static int
check_words(const struct options *o, const struct run_request *r)
{
	if (r->word_count == 0)
		return tool_usage_error(o, "the following arguments are required: COMMAND");
	if (!r->service)
		return TOOL_OK;
	if (r->word_count > 1)
		return tool_usage_error(
			o, "--service takes no ARG; it is part of the name: NAME+ARG");
	if (!text_only_has(r->words[0], "-._+"))
		return tool_usage_error(o, "not the name of a service: '%s'", r->words[0]);
	return TOOL_OK;
}

static void
announce(const struct run_request *r, const char *qube)
{
	AUTO_FREE char *text = text_copy(r->words[0]);

	if (r->pass_io || r->quiet)
		return;
	for (size_t i = 1; i < r->word_count; i++) {
		char *longer = text_format("%s %s", text, r->words[i]);

		free(text);
		text = longer;
	}
	tool_say("Running '%s' on %s", text, qube);
}

/* --all means qubes that run, are not paused, and are not marked internal. */
static void
keep_reachable(struct qube_list *list)
{
	struct admin_call *calls = xcalloc(list->count + 1, sizeof(*calls));

	for (size_t i = 0; i < list->count; i++) {
		calls[i].method = "admin.vm.feature.Get";
		calls[i].argument = "internal";
		calls[i].destination = list->items[i].name;
		if (!text_equal(list->items[i].state, "Running"))
			list->items[i].chosen = false;
	}
	admin_calls_run(calls, list->count, -1);
	for (size_t i = 0; i < list->count; i++)
		if (calls[i].content != NULL && calls[i].size > 0)
			list->items[i].chosen = false;
	admin_calls_free(calls, list->count);
}

/* A process for each qube; the status is the highest. */
static int
run_in_all(const struct options *o, const struct run_options *given, const struct run_request *r)
{
	AUTO_QUBES struct qube_list list = {0};
	AUTO_ERR struct err err = ERR_INIT;
	int highest = 0, status;

	if (qubes_load(&list, NULL, 0, &err) < 0)
		return tool_error(o, "%s", err_message(&err));
	if (qubes_choose(&list, NULL, 0, &given->choice, &err) < 0)
		return tool_usage_error(o, "%s", err_message(&err));
	keep_reachable(&list);
	for (size_t i = 0; i < list.count; i++) {
		pid_t child;

		if (!list.items[i].chosen)
			continue;
		announce(r, list.items[i].name);
		child = fork();
		if (child == 0)
			exit(run_in_qube(r, list.items[i].name));
		if (child < 0)
			highest = tool_error(o, "cannot start a process: %s", strerror(errno));
	}
	while (wait(&status) >= 0 || errno == EINTR) {
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

		highest = code > highest ? code : highest;
	}
	return highest;
}

static int
run(const struct options *o, const struct run_options *given, struct run_request *r)
{
	const bool named = given->dispvm == NULL && !given->choice.all;
	int status = check_options(o, given);

	if (status == TOOL_OK)
		status = decide_output(o, given, r);
	if (status != TOOL_OK)
		return status;
	if (named && o->argument_count == 0)
		return tool_usage_error(o, "the following arguments are required: VMNAME, COMMAND");
	r->words = o->arguments + (named ? 1 : 0);
	r->word_count = o->argument_count - (named ? 1 : 0);
	status = check_words(o, r);
	if (status != TOOL_OK)
		return status;

	if (given->choice.all)
		return run_in_all(o, given, r);
	if (given->dispvm != NULL) {
		announce(r, "a new disposable");
		return run_in_disposable(r, given->dispvm);
	}
	announce(r, o->arguments[0]);
	return run_in_qube(r, o->arguments[0]);
}

int
command_run(int argc, char **argv)
{
	struct run_options given = {.gui = UNSAID, .filter = UNSAID};
	bool start = false;
	const struct option rows[] = {
		{"VMNAME", .help = "the qube; left out with --dispvm and --all"},
		{"COMMAND", .help = "a command line for the qube's shell"},
		{"ARG", .help = "with these, COMMAND is a program that gets them as they are"},
		{"-u --user", .text = &given.user, .value = "USER",
			.help = "run as this user of the qube"},
		{"-a --auto --autostart", .flag = &start,
			.help = "start the qube if need be (default)"},
		{"-n --no-auto --no-autostart", .flag = &given.no_auto,
			.help = "do not start the qube; exit with 1 if it does not run"},
		{"-p --pass-io", .flag = &given.pass_io,
			.help = "connect stdin, stdout and stderr, and exit with the program's "
				"status"},
		{"--localcmd", .text = &given.local_command, .value = "COMMAND",
			.help = "with --pass-io: connect this local command instead"},
		{"--gui", .number = &given.gui, .constant = 1,
			.help = "wait for the user's session first (default with a display)"},
		{"--no-gui --nogui", .number = &given.gui, .constant = 0, .help = "do not"},
		{"--colour-output --color-output", .text = &given.stdout_colour, .value = "N",
			.help = "show the program's output in this colour of the terminal"},
		{"--colour-stderr --color-stderr", .text = &given.stderr_colour, .value = "N",
			.help = "the same for its error output"},
		{"--no-colour-output --no-color-output", .flag = &given.no_stdout_colour,
			.help = "do not colour the output"},
		{"--no-colour-stderr --no-color-stderr", .flag = &given.no_stderr_colour,
			.help = "do not colour the error output"},
		{"--filter-escape-chars", .number = &given.filter, .constant = 1,
			.help = "make control characters harmless (default on a terminal)"},
		{"--no-filter-escape-chars", .number = &given.filter, .constant = 0,
			.help = "let control characters of the qube reach the terminal; dangerous"},
		{"--service", .flag = &given.service,
			.help = "COMMAND is the name of a service, perhaps with +ARGUMENT"},
		{"--no-shell", .flag = &given.no_shell, .help = "run COMMAND without a shell"},
		{"--dispvm", .text = &given.dispvm, .value = "TEMPLATE", .attached = true,
			.help = "run in a new disposable, and remove it afterwards"},
		{"--all", .flag = &given.choice.all, .help = "run in every qube that runs"},
		{"--exclude", .list = &given.choice.exclude, .value = "VMNAME",
			.help = "leave this qube out of --all; may be given several times"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-run",
		.summary = "Runs a command or service in a qube.",
		.usage = "[VMNAME] COMMAND [ARG ...]",
		.rows = rows,
		.notes = "Put -- before a COMMAND whose ARGs begin with dashes.",
	};
	int status;

	if (tool_accept(&o, argc, argv, &status)) {
		struct run_request r = {
			.user = given.user,
			.local_command = given.local_command,
			.start = !given.no_auto,
			.pass_io = given.pass_io,
			.service = given.service,
			.no_shell = given.no_shell,
			.disposable = given.dispvm != NULL,
			.gui = given.gui,
			.quiet = o.verbosity < 1,
			.local = admin_is_local(),
		};

		if (r.gui == UNSAID && getenv("DISPLAY") == NULL)
			r.gui = 0;
		status = run(&o, &given, &r);
	}
	qube_choice_finish(&given.choice);
	return status;
}
