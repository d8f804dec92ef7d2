/*
 * qrexec-client-vm: calls a service of another qube or of dom0. Runs as any user of a qube: asks
 * the local agent, is the server of the call's data channel, and carries our standard streams, or
 * those of a local program. What the peer sends is hostile to terminals.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "qrexec/common/data_channel.h"
#include "qrexec/common/program.h"
#include "qrexec/common/protocol.h"
#include "qrexec/common/service.h"
#include "qrexec/qube/client_vm_options.h"

#define AGENT_SOCKET "/run/qubes/qrexec-agent"
#define SAVED_MAX 3

/* The request, protocol section 2.7. Names that are too long are cut. */
static int
send_request(int agent_fd, const struct client_vm_options *o)
{
	struct qrexec_trigger trigger = {0};
	AUTO_FREE char *service = text_copy(o->service);
	AUTO_BUF struct buf message;
	int e;

	snprintf(trigger.source, sizeof(trigger.source), "%s", o->source != NULL ? o->source : "");
	snprintf(trigger.target, sizeof(trigger.target), "%s", o->target);
	for (char *c = trigger.target; *c != '\0'; c++)
		if (*c == '$')
			*c = '@';
	memcpy(trigger.id, "SOCKET", 6);
	trigger.service = service;
	trigger.size = strlen(service) + 1;
	buf_init(&message, QREXEC_HEADER_BYTES + QREXEC_TRIGGER4_HEAD_BYTES + QREXEC_SERVICE_BYTES);
	if ((e = qrexec_put_trigger(&message, QREXEC_VERSION, &trigger)) < 0)
		return e;
	return write_all(agent_fd, buf_data(&message), buf_len(&message));
}

static uint32_t
get_u32(const uint8_t *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/*
 * Asks the agent and waits, as long as a prompt may take. Returns the connection, to be kept open
 * as long as the call lasts. Ends the process when the call is refused.
 */
static int
ask_agent(const struct client_vm_options *o, uint32_t *ret_domain, uint32_t *ret_port)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *standard = root_path(AGENT_SOCKET);
	uint8_t answer[QREXEC_PARAMS_BYTES];
	int fd = socket_connect(o->agent_socket != NULL ? o->agent_socket : standard, &err);
	int e;

	if (fd < 0)
		fatal("agent: %s", err_message(&err));
	if ((e = send_request(fd, o)) < 0 && e != -EPIPE && e != -ECONNRESET)
		fatal("agent: cannot ask it: %s", strerror(-e));
	e = read_exactly(fd, answer, sizeof(answer));
	if (e == -ENODATA || e == -ECONNRESET) {
		fputs("Request refused\n", stderr);
		exit(QREXEC_EXIT_REFUSED);
	}
	if (e < 0)
		fatal("agent: no answer: %s", strerror(-e));
	*ret_domain = get_u32(answer);
	*ret_port = get_u32(answer + 4);
	return fd;
}

/* Our own stdin and stdout (and stderr, if asked for) for the program, under other numbers. */
static size_t
save_streams(int saved[SAVED_MAX], char *variables[SAVED_MAX])
{
	size_t count = getenv("PASS_LOCAL_STDERR") != NULL ? 3 : 2;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		int fd = dup((int)i);

		if (fd < 0)
			continue;
		variables[n] = text_format("SAVED_FD_%zu=%d", i, fd);
		saved[n++] = fd;
	}
	return n;
}

/* Starts the local program, which gets the pid of its signal's receiver in the environment. */
static pid_t
start_program(char *const *argv, const struct program_stdio *stdio)
{
	char *pid_text = text_format("QREXEC_AGENT_PID=%d", (int)getpid());
	const char *extra[SAVED_MAX + 2] = {NULL};
	AUTO_FREE char **environment = NULL;
	char *variables[SAVED_MAX] = {NULL};
	struct program program = PROGRAM_INIT;
	int saved[SAVED_MAX];
	size_t count = save_streams(saved, variables);
	pid_t pid;

	for (size_t i = 0; i < count; i++)
		extra[i] = variables[i];
	extra[count] = pid_text;
	environment = program_environment(NULL, extra);
	program.path = argv[0];
	program.argv = (const char *const *)argv;
	program.environment = environment;
	program.stdin_fd = stdio->theirs[0];
	program.stdout_fd = stdio->theirs[1];
	program.stderr_fd = STDERR_FILENO;
	program.keep_fds = saved;
	program.keep_count = count;
	program.search_path = true;
	pid = program_start(&program);
	for (size_t i = 0; i < count; i++) {
		close(saved[i]);
		free(variables[i]);
	}
	free(pid_text);
	return pid;
}

static void
use_program(const struct client_vm_options *o, struct data_channel_io *io)
{
	struct program_stdio stdio;
	int e = program_stdio_create(false, &stdio);
	pid_t pid;

	if (e < 0)
		fatal("program '%s': %s", o->program[0], strerror(-e));
	pid = start_program(o->program, &stdio);
	if (pid < 0) {
		fprintf(stderr, "qrexec-client-vm: program '%s': cannot execute: %s\n",
			o->program[0], strerror(-pid));
		exit(program_failure_code(pid));
	}
	program_stdio_close_theirs(&stdio);
	io->sink_fd = stdio.ours[0];
	io->source_fd = stdio.ours[1];
	io->child = pid;
	io->switch_on_signal = true;
}

static void
use_own_streams(const struct client_vm_options *o, struct data_channel_io *io)
{
	io->source_fd = STDIN_FILENO;
	io->sink_fd = o->use_stdin_socket ? STDIN_FILENO : STDOUT_FILENO;
	io->end_with_sink = true;
}

static int
exit_status(int result, int code, int local)
{
	if (result == -ECONNRESET)
		return QREXEC_EXIT_LOST;
	if (result == -EPIPE)
		return code;
	if (result < 0)
		return 1;
	return code != 0 || local < 0 ? code : local;
}

int
main(int argc, char **argv)
{
	struct client_vm_options o;
	struct data_channel_io io = DATA_CHANNEL_IO_INIT;
	struct data_channel *channel;
	uint32_t domain, port;
	int agent_fd, code, local, e;

	log_init("qrexec-client-vm");
	client_vm_parse_options(argc, argv, &o);
	signal(SIGPIPE, SIG_IGN);
	agent_fd = ask_agent(&o, &domain, &port);
	channel = data_channel_listen((int)domain, (int)port, o.buffer_size);
	if (channel == NULL)
		fatal("data channel %u:%u: cannot offer it: %s", domain, port, strerror(errno));
	e = data_channel_open(channel, false, DATA_CHANNEL_AGENT_WAIT_MS);
	if (e < 0)
		fatal("data channel %u:%u: %s", domain, port, strerror(-e));

	io.role = DATA_ROLE_CALLER;
	io.owned = true;
	io.error_fd = STDERR_FILENO;
	io.prefix = o.prefix;
	io.prefix_size = o.prefix != NULL ? strlen(o.prefix) : 0;
	io.filter_output = o.filter_output && o.program == NULL;
	io.filter_errors = o.filter_errors;
	if (o.program != NULL)
		use_program(&o, &io);
	else
		use_own_streams(&o, &io);
	e = data_channel_run(channel, &io, &code, &local);
	data_channel_close(channel);
	close(agent_fd);
	return exit_status(e, code, local);
}
