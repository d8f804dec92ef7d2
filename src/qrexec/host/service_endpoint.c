/*
 * Services of dom0. Runs in a process of its own for each call, which holds the qube's bytes and
 * nothing else. The command has been through policy; what comes over the channel has not.
 */
#include "qrexec/host/service_endpoint.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/common/data_channel.h"
#include "qrexec/common/program.h"
#include "qrexec/common/protocol.h"
#include "qrexec/common/rpc_config.h"

#define SHELL "/bin/bash"
#define SESSION_SERVICE "qubes.WaitForSession"

/* What a program is started with; the argument is there only when it is not empty. */
struct start {
	const char *argv[4];
	char **environment;
	char *path;
};

static void
start_finish(struct start *start)
{
	free(start->environment);
	free(start->path);
}

#define AUTO_START __attribute__((cleanup(start_finish)))

static void
prepare_executable(
	const struct command *command, const struct service *service, struct start *ret_start)
{
	const char *argument = command->argument;

	ret_start->path = text_copy(service->path);
	ret_start->argv[0] = ret_start->path;
	ret_start->argv[1] = argument != NULL && argument[0] != '\0' ? argument : NULL;
	ret_start->environment = service_environment(command, NULL);
}

static void
prepare_shell(const struct command *command, const char *peer_name, struct start *ret_start)
{
	AUTO_FREE char *peer = text_format("QREXEC_REMOTE_DOMAIN=%s", peer_name);
	const char *extra[] = {peer, NULL};

	ret_start->path = text_copy(SHELL);
	ret_start->argv[0] = ret_start->path;
	ret_start->argv[1] = "-c";
	ret_start->argv[2] = command->shell;
	ret_start->environment = program_environment(NULL, extra);
}

/* Returns the exit code that was sent. */
static int
run_program(struct data_channel *channel, const struct start *start)
{
	struct program program = PROGRAM_INIT;
	struct data_channel_io io = DATA_CHANNEL_IO_INIT;
	struct program_stdio stdio;
	int code = QREXEC_EXIT_PROBLEM, result;

	result = program_stdio_create(/* with_stderr= */ false, &stdio);
	if (result < 0) {
		log_error("service: no descriptors: %s", strerror(-result));
		data_channel_send_exit(channel, true, code);
		return code;
	}
	program.path = start->path;
	program.argv = start->argv;
	program.environment = start->environment;
	program.stdin_fd = stdio.theirs[0];
	program.stdout_fd = stdio.theirs[1];
	program.stderr_fd = STDERR_FILENO;
	program.new_session = true;
	io.child = program_start(&program);
	program_stdio_close_theirs(&stdio);
	if (io.child < 0) {
		code = program_failure_code(io.child);
		log_error("service: cannot run '%s': %s", start->path, strerror(-io.child));
		program_stdio_close(&stdio);
		data_channel_send_exit(channel, true, code);
		return code;
	}
	io.role = DATA_ROLE_SERVICE;
	io.sink_fd = stdio.ours[0];
	io.source_fd = stdio.ours[1];
	io.owned = true;
	data_channel_run(channel, &io, &code, NULL);
	return code;
}

static int
run_socket(struct data_channel *channel, const struct command *command,
	const struct service *service, const struct rpc_config *config)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct data_channel_io io = DATA_CHANNEL_IO_INIT;
	int code = QREXEC_EXIT_PROBLEM;
	int fd = service_connect(service, &err);

	if (fd < 0) {
		log_error("service: %s", err_message(&err));
		data_channel_send_exit(channel, true, code);
		return code;
	}
	/* A service that hung up at once is found out by what follows. */
	if (!config->skip_service_descriptor)
		write_all(fd, command->line, strlen(command->line) + 1);
	io.role = DATA_ROLE_SERVICE;
	io.source_fd = io.sink_fd = fd;
	io.owned = true;
	io.socket_service = true;
	io.exit_on_service_eof = config->exit_on_service_eof;
	io.exit_on_client_eof = config->exit_on_client_eof;
	data_channel_run(channel, &io, &code, NULL);
	return code;
}

/* Whatever becomes of it, the call goes on: its end is all that was asked for. */
static void
wait_for_session(const struct command *call)
{
	AUTO_FREE char *text = text_format("QUBESRPC %s %s", SESSION_SERVICE, call->source);
	AUTO_FREE char *line = NULL;
	AUTO_START struct start start = {0};
	AUTO_ERR struct err err = ERR_INIT;
	struct program program = PROGRAM_INIT;
	struct program_stdio stdio;
	struct command command;
	struct service service;
	const char *user = getenv("USER");
	pid_t pid = -1;

	if (command_parse(text, /* with_user= */ false, &command, &err) < 0)
		return;
	if (service_find(&command, &service, &err) != 0) {
		log_warning("service %s: %s", SESSION_SERVICE, err_message(&err));
		command_finish(&command);
		return;
	}
	prepare_executable(&command, &service, &start);
	if (program_stdio_create(false, &stdio) == 0) {
		program.path = start.path;
		program.argv = start.argv;
		program.environment = start.environment;
		program.stdin_fd = stdio.theirs[0];
		program.stderr_fd = STDERR_FILENO;
		pid = program_start(&program);
		line = text_format("%s\n", user != NULL ? user : "root");
		if (pid > 0)
			write_all(stdio.ours[0], line, strlen(line));
		program_stdio_close_theirs(&stdio);
		program_stdio_close(&stdio);
	}
	if (pid > 0)
		child_reap(pid);
	service_finish(&service);
	command_finish(&command);
}

/* dom0 has one user for its services; a demand for another one can not be met, so it refuses. */
static int
check_call(const struct command *command, const struct service *service,
	const struct rpc_config *config, struct err *err)
{
	if (config->force_user != NULL)
		return err_set(err, ENOTSUP, "force-user '%s' is not possible in dom0",
			config->force_user);
	if (service->kind == SERVICE_EXECUTABLE && !command->words_valid)
		return err_set(err, EINVAL, "command '%s': number of words", command->line);
	if (service->kind == SERVICE_EXECUTABLE && rpc_config_has_socket_options(config))
		log_warning("service '%s': socket options are for sockets only", service->path);
	return 0;
}

static int
run_found(struct data_channel *channel, const struct command *command,
	const struct service *service, const struct rpc_config *config)
{
	AUTO_START struct start start = {0};

	if (config->wait_for_session)
		wait_for_session(command);
	if (service->kind != SERVICE_EXECUTABLE)
		return run_socket(channel, command, service, config);
	prepare_executable(command, service, &start);
	return run_program(channel, &start);
}

/* 0, or the exit code of a call that cannot be made, with the error. */
static int
look_up(const struct command *command, struct service *ret_service, struct rpc_config *ret_config,
	struct err *err)
{
	int code;

	*ret_config = (struct rpc_config){0};
	if (!command->nogui && rpc_config_load(command, ret_config, err) < 0)
		return QREXEC_EXIT_PROBLEM;
	code = service_find(command, ret_service, err);
	if (code != 0)
		return code;
	if (check_call(command, ret_service, ret_config, err) < 0)
		code = QREXEC_EXIT_PROBLEM;
	if (code != 0)
		service_finish(ret_service);
	return code;
}

static int
run_service(struct data_channel *channel, const struct command *command)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct rpc_config config;
	struct service service;
	int code = look_up(command, &service, &config, &err);

	if (code != 0) {
		log_error("service '%s': %s", command->descriptor, err_message(&err));
		data_channel_send_exit(channel, true, code);
	} else {
		code = run_found(channel, command, &service, &config);
		service_finish(&service);
	}
	rpc_config_finish(&config);
	return code;
}

static int
run_command(struct data_channel *channel, const char *peer_name, const char *text)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_START struct start start = {0};
	struct command command;
	int code = QREXEC_EXIT_PROBLEM;

	if (command_parse(text, /* with_user= */ false, &command, &err) < 0) {
		log_error("command '%s': %s", text, err_message(&err));
		data_channel_send_exit(channel, true, code);
		return code;
	}
	if (command.descriptor != NULL) {
		code = run_service(channel, &command);
	} else {
		prepare_shell(&command, peer_name, &start);
		code = run_program(channel, &start);
	}
	command_finish(&command);
	return code;
}

int
service_endpoint_run(
	int domain, int port, const char *peer_name, const char *command, int timeout_ms)
{
	struct data_channel *channel = data_channel_connect(domain, port, timeout_ms);
	int code = QREXEC_EXIT_PROBLEM, result;

	if (channel == NULL) {
		log_error("data channel %d of domain %d: cannot join: %s", port, domain,
			strerror(errno));
		return code;
	}
	result = data_channel_open(channel, /* peer_first= */ true, timeout_ms);
	if (result < 0)
		log_error("data channel %d of domain %d: cannot open: %s", port, domain,
			strerror(-result));
	else
		code = run_command(channel, peer_name, command);
	data_channel_close(channel);
	return code;
}

int
service_replace_process(const struct command *command, struct err *err)
{
	AUTO_START struct start start = {0};
	struct rpc_config config;
	struct service service;
	int code = look_up(command, &service, &config, err);

	if (code != 0)
		return code;
	rpc_config_finish(&config);
	if (service.kind != SERVICE_EXECUTABLE) {
		service_finish(&service);
		err_set(err, ENOTSUP, "service is a socket: only programs can be run directly");
		return QREXEC_EXIT_PROBLEM;
	}
	prepare_executable(command, &service, &start);
	service_finish(&service);
	execve(start.path, (char *const *)(uintptr_t)start.argv, start.environment);
	code = program_failure_code(-errno);
	err_set_errno(err, errno, "cannot run '%s'", start.path);
	return code;
}
