/*
 * qvm-transfer: lists what was copied and moved, and takes it back: in a qube, by its service
 * bulkhead.Transfer, or in dom0 itself. What a qube prints is made fit for the terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "filecopy/transfers.h"
#include "filecopy/undo.h"
#include "qrexec/host/client.h"
#include "tools/files/commands.h"
#include "tools/lib/report.h"

static int
call_qube(const struct options *o, const char *qube, const char *argument)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *command =
		text_format("DEFAULT:QUBESRPC bulkhead.Transfer+%s dom0", argument);
	AUTO_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct client_call call = CLIENT_CALL_INIT;
	int status;

	call.target = qube;
	call.command = command;
	call.stdin_fd = null;
	call.filter_stdout = call.filter_stderr = true;
	status = client_call(&call, &err);
	return status < 0 ? tool_error(o, "%s: %s", qube, err_message(&err)) : status;
}

static int
list(const struct options *o, const char *qube)
{
	AUTO_ERR struct err err = ERR_INIT;

	if (qube != NULL && !text_equal(qube, "dom0"))
		return call_qube(o, qube, "list");
	if (undo_list(stdout, &err) < 0)
		return tool_error(o, "%s", err_message(&err));
	return tool_finish_output(o, TOOL_OK);
}

static int
undo(const struct options *o, const char *qube, const char *id)
{
	AUTO_ERR struct err err = ERR_INIT;
	int result;

	if (!transfer_id_valid(id))
		return tool_usage_error(o, "'%s' is not the id of a transfer", id);
	if (qube != NULL && !text_equal(qube, "dom0")) {
		AUTO_FREE char *argument = text_format("undo+%s", id);

		return call_qube(o, qube, argument);
	}
	result = undo_transfer(id, stdout, &err);
	if (result < 0)
		return tool_error(o, "%s", err_message(&err));
	return tool_finish_output(o, result);
}

int
command_transfer(int argc, char **argv)
{
	const struct option rows[] = {
		{"list [VMNAME]", .help = "list the transfers of a qube, without name of dom0"},
		{"undo [VMNAME] ID",
			.help = "take back what the transfer did in that qube: what arrived goes "
				"to its trash, originals of a move return from it"},
		{NULL},
	};
	AUTO_OPTIONS struct options o = {
		.program = "qvm-transfer",
		.summary = "Lists what was copied and moved between qubes, and takes it back.",
		.usage = "list [VMNAME] | undo [VMNAME] ID",
		.rows = rows,
	};
	const char *first, *second;
	int status;

	if (!tool_accept(&o, argc, argv, &status))
		return status;
	first = o.argument_count > 1 ? o.arguments[1] : NULL;
	second = o.argument_count > 2 ? o.arguments[2] : NULL;
	if (o.argument_count >= 1 && o.argument_count <= 2 && text_equal(o.arguments[0], "list"))
		return list(&o, first);
	if (o.argument_count >= 2 && o.argument_count <= 3 && text_equal(o.arguments[0], "undo"))
		return undo(&o, second != NULL ? first : NULL, second != NULL ? second : first);
	return tool_usage_error(&o, "list or undo is needed");
}
