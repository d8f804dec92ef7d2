/* qrexec-client: the command line around client.h, client_connect.h and services of dom0. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"
#include "qrexec/host/admin_call.h"
#include "qrexec/host/client.h"
#include "qrexec/host/client_connect.h"
#include "qrexec/host/service_endpoint.h"

#define EXIT_USAGE 2

static int
call_qube(const struct client_options *o, struct err *err)
{
	struct client_call call = CLIENT_CALL_INIT;

	call.target = o->target;
	call.command = o->command;
	call.socket_directory = o->socket_directory;
	call.local_program = o->local_program;
	call.just_exec = o->just_exec;
	call.stdin_is_socket = o->use_stdin_socket;
	call.give_streams = true;
	call.filter_stdout = o->filter_stdout;
	call.filter_stderr = o->filter_stderr;
	call.connect_timeout_ms = o->connect_timeout_ms;
	call.prefix = o->prefix;
	call.prefix_size = o->prefix != NULL ? strlen(o->prefix) : 0;
	return client_call(&call, err);
}

/* Becomes the service: nothing is left of us then, so nothing can follow. */
static int
call_dom0(const struct client_options *o, struct err *err)
{
	struct command command;
	int code;

	if (o->local_program != NULL || o->kill_target || o->ignore_exit_code || o->prefix != NULL)
		return err_set(
			err, EINVAL, "dom0: services are run directly, without -l, -k, -E, -p");
	if (command_parse(o->command, /* with_user= */ true, &command, err) < 0)
		return -1;
	if (command.descriptor == NULL)
		code = err_set(err, EINVAL, "dom0: only services can be run");
	else
		code = service_replace_process(&command, err);
	command_finish(&command);
	if (code >= 0)
		log_error("%s", err_message(err));
	return code;
}

static void
handle_killed(const char *content, const char *exception, void *data)
{
	(void)exception;
	loop_quit(data, content != NULL ? 0 : 1);
}

static void
kill_target(const struct client_options *o)
{
	AUTO_FREE char *path = root_path("/run/qubesd.sock");
	struct loop *loop = loop_create();
	struct admin_call *call = NULL;

	if (loop != NULL)
		call = admin_call_create(
			loop, path, "admin.vm.Kill", o->target, "", handle_killed, loop);
	if (call == NULL || loop_run(loop) != 0)
		log_error("qube '%s': could not be killed", o->target);
	admin_call_destroy(call);
	loop_destroy(loop);
}

static int
run(const struct client_options *o, struct err *err)
{
	int status;

	if (o->connect_existing)
		status = client_connect(o, err);
	else if (client_target_is_dom0(o->target))
		return call_dom0(o, err);
	else
		status = call_qube(o, err);
	if (o->kill_target)
		kill_target(o);
	return status >= 0 && o->ignore_exit_code ? 0 : status;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct client_options options;
	int status;

	log_init("qrexec-client");
	if (client_options_parse(argc, argv, &options, &err) < 0) {
		fprintf(stderr, "qrexec-client: %s\n%s", err_message(&err), client_usage);
		return EXIT_USAGE;
	}
	if (options.help) {
		fputs(client_usage, stdout);
		return 0;
	}
	status = run(&options, &err);
	if (status < 0) {
		log_error("%s", err_message(&err));
		status = options.connect_existing ? CLIENT_EXIT_NOT_ARRANGED : QREXEC_EXIT_PROBLEM;
	}
	client_options_finish(&options);
	return status;
}
