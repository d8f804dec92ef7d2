/*
 * One call; see handler.h. The process carries no other meanwhile: it may wait, crash or be killed
 * without harm to other calls. Bytes of the data channel are another qube's, and are only passed on
 * here.
 */
#include "qrexec/qube/handler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/common/data_channel.h"
#include "qrexec/common/protocol.h"
#include "qrexec/qube/system_log.h"

static bool
has_streams(const struct handler *h)
{
	return h->type == QREXEC_EXEC_CMDLINE;
}

/* Launches with streams that we carry, and carries them. Returns an exit code if it cannot. */
static int
run_program(const struct handler *h, struct data_channel *channel, const char *path)
{
	struct data_channel_io io = DATA_CHANNEL_IO_INIT;
	struct launched launched = {0, -1};
	struct program_stdio stdio;
	struct system_log *copy = NULL;
	int e = program_stdio_create(true, &stdio);
	int code;

	if (e < 0) {
		log_error("call: cannot create its streams: %s", strerror(-e));
		return QREXEC_EXIT_PROBLEM;
	}
	const struct launch launch = {
		.command = h->command,
		.path = path,
		.stdio = {stdio.theirs[0], stdio.theirs[1], stdio.theirs[2]},
	};
	code = h->launch(h, &launch, &launched);
	program_stdio_close_theirs(&stdio);
	if (code != 0) {
		program_stdio_close(&stdio);
		return code;
	}
	io.role = DATA_ROLE_SERVICE;
	io.owned = true;
	io.sink_fd = stdio.ours[0];
	io.source_fd = stdio.ours[1];
	io.error_fd = stdio.ours[2];
	io.child = launched.child;
	io.status_fd = launched.status_fd;
	io.switch_on_signal = true;
	if (h->copy_errors && h->command->descriptor != NULL) {
		copy = system_log_open(h->command->descriptor, h->command->source);
		io.note_errors = system_log_add;
		io.note_data = copy;
	}
	e = data_channel_run(channel, &io, &code, NULL);
	system_log_close(copy);
	return e;
}

/* A program whose streams nobody wants: only whether it was started is told. */
static int
run_detached(const struct handler *h, const char *path)
{
	const struct launch launch = {
		.command = h->command,
		.path = path,
		.stdio = {-1, -1, -1},
	};
	struct launched launched = {0, -1};

	return h->launch(h, &launch, &launched);
}

/* Sends the first bytes that a socket service expects. */
static int
send_descriptor(const struct handler *h, int fd)
{
	const char *line = h->command->line;

	if (h->config->skip_service_descriptor)
		return 0;
	return write_all(fd, line, strlen(line) + 1);
}

static int
run_socket(const struct handler *h, struct data_channel *channel, const struct service *service)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct data_channel_io io = DATA_CHANNEL_IO_INIT;
	int fd = service_connect(service, &err);
	int code;
	int e;

	if (fd < 0) {
		log_error("%s", err_message(&err));
		return QREXEC_EXIT_PROBLEM;
	}
	e = send_descriptor(h, fd);
	if (e < 0 && e != -EPIPE && e != -ECONNRESET) {
		log_error("service '%s': cannot send to it: %s", service->path, strerror(-e));
		close(fd);
		return QREXEC_EXIT_PROBLEM;
	}
	if (!has_streams(h)) {
		close(fd);
		return 0;
	}
	io.role = DATA_ROLE_SERVICE;
	io.owned = true;
	io.source_fd = io.sink_fd = fd;
	io.socket_service = true;
	io.exit_on_service_eof = h->config->exit_on_service_eof;
	io.exit_on_client_eof = h->config->exit_on_client_eof;
	return data_channel_run(channel, &io, &code, NULL);
}

static void
warn_about_options(const struct handler *h)
{
	if (rpc_config_has_socket_options(h->config))
		log_warning("service '%s': options for sockets have no effect on a program",
			h->command->descriptor);
}

static int
run_service(const struct handler *h, struct data_channel *channel)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct service service = {.fd = -1};
	int code = service_find(h->command, &service, &err);

	if (code != 0) {
		log_error("%s", err_message(&err));
		return code;
	}
	if (service.kind != SERVICE_EXECUTABLE) {
		code = run_socket(h, channel, &service);
	} else if (!h->command->words_valid) {
		log_error("service '%s': a program needs a source, or a source and a target",
			h->command->descriptor);
		code = QREXEC_EXIT_PROBLEM;
	} else {
		warn_about_options(h);
		code = has_streams(h) ? run_program(h, channel, service.path)
				      : run_detached(h, service.path);
	}
	service_finish(&service);
	return code;
}

/* Positive: an exit code still to be sent (JUST_EXEC: also 0); else the call has been carried. */
static int
run_call(const struct handler *h, struct data_channel *channel)
{
	if (h->command == NULL)
		return QREXEC_EXIT_PROBLEM;
	if (h->command->descriptor != NULL)
		return run_service(h, channel);
	return has_streams(h) ? run_program(h, channel, NULL) : run_detached(h, NULL);
}

int
handler_run(const struct handler *h)
{
	struct data_channel *channel;
	char pid[16];
	int e;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("QREXEC_AGENT_PID", pid, 1);
	channel = data_channel_connect((int)h->domain, (int)h->port, DATA_CHANNEL_AGENT_WAIT_MS);
	if (channel == NULL) {
		log_error(
			"data channel %u:%u: cannot join: %s", h->domain, h->port, strerror(errno));
		return 1;
	}
	e = data_channel_open(channel, false, DATA_CHANNEL_AGENT_WAIT_MS);
	if (e < 0) {
		log_error("data channel %u:%u: %s", h->domain, h->port, strerror(-e));
		data_channel_close(channel);
		return 1;
	}
	e = run_call(h, channel);
	if (e > 0 || (e == 0 && !has_streams(h)))
		e = data_channel_send_exit(channel, has_streams(h), e);
	data_channel_close(channel);
	return e < 0 ? 1 : 0;
}
