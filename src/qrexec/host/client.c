/*
 * A call from dom0 to a qube. Runs in qrexec-client and in tools; everything on the data channel
 * is the qube's, and data_channel.h deals with it.
 */
#include "qrexec/host/client.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/common/data_channel.h"
#include "qrexec/common/program.h"
#include "qrexec/common/protocol.h"
#include "qrexec/common/service.h"
#include "qrexec/host/client_request.h"

#define SHELL "/bin/bash"

/* Its stdin and stdout become the call's; stderr stays ours. */
static int
start_local_program(const struct client_call *call, struct program_stdio *stdio,
	struct data_channel_io *io, struct err *err)
{
	AUTO_FREE char *peer = text_format("QREXEC_REMOTE_DOMAIN=%s", call->target);
	const char *extra[] = {peer, NULL};
	const char *argv[] = {SHELL, "-c", call->local_program, NULL};
	struct program program = PROGRAM_INIT;
	AUTO_FREE char **environment = NULL;
	int result = program_stdio_create(/* with_stderr= */ false, stdio);

	if (result < 0)
		return err_set_errno(err, -result, "local program");
	environment = program_environment(NULL, extra);
	program.path = SHELL;
	program.argv = argv;
	program.environment = environment;
	program.stdin_fd = stdio->theirs[0];
	program.stdout_fd = stdio->theirs[1];
	program.stderr_fd = call->stderr_fd;
	io->child = program_start(&program);
	program_stdio_close_theirs(stdio);
	if (io->child < 0) {
		program_stdio_close(stdio);
		return err_set_errno(err, -io->child, "local program '%s'", call->local_program);
	}
	io->sink_fd = stdio->ours[0];
	io->source_fd = stdio->ours[1];
	io->owned = true;
	return 0;
}

static int
choose_streams(const struct client_call *call, struct data_channel_io *io, struct err *err)
{
	struct program_stdio stdio;

	io->role = DATA_ROLE_CALLER;
	io->prefix = call->prefix;
	io->prefix_size = call->prefix_size;
	io->filter_output = call->filter_stdout;
	io->filter_errors = call->filter_stderr;
	io->error_fd = call->stderr_fd;
	if (call->local_program != NULL)
		return start_local_program(call, &stdio, io, err);
	if (call->just_exec)
		return 0;
	io->owned = call->give_streams;
	io->end_with_sink = true;
	io->source_fd = call->stdin_fd;
	io->sink_fd = call->stdin_is_socket ? call->stdin_fd : call->stdout_fd;
	return 0;
}

/* The remote code decides, and the local program's only when that is 0. */
static int
run_channel(struct data_channel *channel, const struct data_channel_io *io)
{
	int code = QREXEC_EXIT_LOST, local = -1;

	data_channel_run(channel, io, &code, &local);
	return code != 0 || local < 0 ? code : local;
}

static int
run_call(const struct client_call *call, uint32_t domain, uint32_t port, struct err *err)
{
	struct data_channel_io io = DATA_CHANNEL_IO_INIT;
	struct data_channel *channel = data_channel_listen((int)domain, (int)port, 0);
	int result;

	if (channel == NULL)
		return err_set_errno(err, errno, "data channel %u of domain %u", port, domain);
	result = choose_streams(call, &io, err);
	if (result == 0) {
		result = data_channel_open(
			channel, /* peer_first= */ false, call->connect_timeout_ms);
		if (result < 0)
			err_set_errno(err, -result, "qube '%s': cannot open the data channel",
				call->target);
	}
	if (result == 0)
		result = run_channel(channel, &io);
	data_channel_close(channel);
	return result;
}

int
client_call(const struct client_call *call, struct err *err)
{
	const struct client_request request = {
		.socket_directory = call->socket_directory,
		.target = call->target,
		.type = call->just_exec ? QREXEC_JUST_EXEC : QREXEC_EXEC_CMDLINE,
		.text = call->command,
		.size = strlen(call->command) + 1,
	};
	AUTO_FD int fd = -1;
	uint32_t domain, port;

	signal(SIGPIPE, SIG_IGN);
	fd = client_request_send(&request, err);
	if (fd < 0)
		return -1;
	if (client_request_await(fd, request.type, call->target, call->connect_timeout_ms, &domain,
		    &port, err) < 0)
		return -1;
	return run_call(call, domain, port, err);
}
