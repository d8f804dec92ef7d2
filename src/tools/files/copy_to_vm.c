/*
 * qvm-copy-to-vm and qvm-move-to-vm: files of dom0 go to a qube. A child packs them
 * (filecopy/send.h); this process carries the call. The qube's answer is a stranger's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "filecopy/front.h"
#include "filecopy/send.h"
#include "filecopy/settle.h"
#include "qrexec/host/client.h"
#include "tools/files/commands.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_error.h"
#include "tools/lib/report.h"

/* Pipes of the call, named by who writes. */
struct call_pipes {
	int stream[2]; /* us to the qube */
	int answer[2]; /* the qube to us */
};

static int
make_running(const struct options *o, const char *qube)
{
	AUTO_ERR struct err err = ERR_INIT;

	/* Whatever else keeps it from running, the call will tell. */
	if (admin_call("admin.vm.Start", NULL, qube, NULL, NULL, &err) == 0 ||
		!admin_error_is(&err, "QubesVMNotFoundError"))
		return 0;
	tool_usage_error(o, "no such domain: '%s'", qube);
	return -1;
}

/* The child. Its status is that of the transfer as the sender sees it. */
static int
send_files(const struct options *o, const struct front *front, const char *qube,
	const struct call_pipes *pipes)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct progress progress;
	struct send_config config = {.ignore_links = front->ignore_links, .progress = &progress};
	struct sent_list sent = {.wanted = front->move};
	struct send_outcome outcome;
	unsigned int stayed;

	close(pipes->stream[0]);
	close(pipes->answer[1]);
	signal(SIGPIPE, SIG_IGN);
	progress_init(&progress);
	if (send_paths(pipes->stream[1], pipes->answer[0], front->paths, &config, &sent, &outcome,
		    &err) < 0)
		return tool_error(o, "%s", err_message(&err));
	stayed = settle_transfer(front->move, qube, front->paths, &sent, &outcome);
	sent_finish(&sent);
	return front->move && (stayed > 0 || outcome.left_out > 0) ? TOOL_FAILURE : TOOL_OK;
}

static int
wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return TOOL_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
carry_call(const char *qube, const char *service, const struct call_pipes *pipes, struct err *err)
{
	AUTO_FREE char *command = text_format("DEFAULT:QUBESRPC %s dom0", service);
	struct client_call call = CLIENT_CALL_INIT;

	close(pipes->stream[1]);
	close(pipes->answer[0]);
	call.target = qube;
	call.command = command;
	call.stdin_fd = pipes->stream[0];
	call.stdout_fd = pipes->answer[1];
	call.give_streams = true;
	call.filter_stderr = true;
	return client_call(&call, err);
}

static int
copy_files(
	const struct options *o, const struct front *front, const char *qube, const char *service)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct call_pipes pipes;
	int remote, local;
	pid_t child;

	if (pipe2(pipes.stream, O_CLOEXEC) < 0 || pipe2(pipes.answer, O_CLOEXEC) < 0)
		return tool_error(o, "cannot make a pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		return tool_error(o, "cannot start a process: %s", strerror(errno));
	if (child == 0)
		exit(send_files(o, front, qube, &pipes));
	remote = carry_call(qube, service, &pipes, &err);
	if (remote < 0) {
		kill(child, SIGTERM);
		wait_for(child);
		return tool_error(o, "%s: %s", qube, err_message(&err));
	}
	local = wait_for(child);
	return remote != 0 ? remote : local;
}

/* What a name means; the options are the same. In a qube, a name without target asks for it. */
struct variant {
	const char *program, *summary, *usage;
	bool move, named;
};

static int
copy_or_move(int argc, char **argv, const struct variant *variant)
{
	bool no_progress = false, with_progress = false, ignore = false, no_ignore = false;
	const struct option rows[] = {
		{"VMNAME", .help = "name of the qube that gets the files"},
		{"FILE", .help = "what to send; a directory goes with all that is in it"},
		{"--without-progress", .flag = &no_progress, .help = "do not show how far it is"},
		{"--with-progress", .flag = &with_progress,
			.help = "show it, also when stderr is not a terminal"},
		{"--ignore-symlinks", .flag = &ignore, .help = "leave out symbolic links"},
		{"--no-ignore-symlinks", .flag = &no_ignore, .help = "send them (the default)"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = variant->program,
		.summary = variant->summary,
		.usage = variant->usage,
		.rows = rows,
	};
	AUTO_ERR struct err err = ERR_INIT;
	struct front front = {.move = variant->move};
	const char *service;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	if (!variant->named) {
		tool_say(
			"%s is not supported in dom0; use %s-to-vm instead.", o.program, o.program);
		return TOOL_FAILURE;
	}
	if (o.argument_count < 2)
		return tool_usage_error(&o, "the following arguments are required: VMNAME, FILE");
	front.ignore_links = ignore && !no_ignore;
	front.show_progress =
		with_progress || (isatty(STDERR_FILENO) && !no_progress && o.verbosity > 0);
	front.paths = (char **)(void *)(o.arguments + 1);
	service = front_prepare(&front, &err);
	if (service == NULL)
		return tool_error(&o, "%s", err_message(&err));
	if (make_running(&o, o.arguments[0]) < 0)
		return TOOL_USAGE;
	return copy_files(&o, &front, o.arguments[0], service);
}

int
command_copy_to_vm(int argc, char **argv)
{
	static const struct variant variant = {"qvm-copy-to-vm",
		"Copies files of dom0 to a qube, into ~/QubesIncoming/dom0/.", "VMNAME FILE ...",
		false, true};

	return copy_or_move(argc, argv, &variant);
}

int
command_move_to_vm(int argc, char **argv)
{
	static const struct variant variant = {"qvm-move-to-vm",
		"Moves files of dom0 to a qube, into ~/QubesIncoming/dom0/.", "VMNAME FILE ...",
		true, true};

	return copy_or_move(argc, argv, &variant);
}

int
command_copy(int argc, char **argv)
{
	static const struct variant variant = {"qvm-copy",
		"Copies files to another qube. Only in a qube, where you are asked which one.",
		"FILE ...", false, false};

	return copy_or_move(argc, argv, &variant);
}

int
command_move(int argc, char **argv)
{
	static const struct variant variant = {"qvm-move",
		"Moves files to another qube. Only in a qube, where you are asked which one.",
		"FILE ...", true, false};

	return copy_or_move(argc, argv, &variant);
}
