/*
 * The reader of one agent. agent_process_start() and _end() run in qrexec-daemon, all else in the
 * reader itself: hostile bytes come in by one descriptor, their meaning goes out by the other.
 */
#include "qrexec/host/agent_process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/sandbox.h"
#include "base/socket.h"
#include "base/stream.h"
#include "base/text.h"
#include "qrexec/host/agent_message.h"
#include "qrexec/host/control.h"

#define OWN_PROGRAM "/proc/self/exe"
#define CHANNEL_FD 3
#define DAEMON_FD 4

/* Unsent messages above which the agent is not read. */
#define FULL_BYTES 65536
#define OUT_BYTES_MAX (FULL_BYTES + 2 * AGENT_MESSAGE_MAX_BYTES)
#define RELAY_BYTES 65536

pid_t
agent_process_start(int channel_fd, const char *qube, uid_t uid, int *ret_fd, struct err *err)
{
	const char *argv[] = {OWN_PROGRAM, AGENT_PROCESS_OPTION, qube, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_FD int ours = -1;
	AUTO_FD int theirs = -1;
	int pair[2];
	pid_t pid;
	int result = socket_pair(pair);

	if (result < 0)
		return err_set_errno(err, -result, "no descriptors");
	ours = pair[0];
	theirs = pair[1];
	const struct child_fd fds[] = {{2, 2}, {channel_fd, CHANNEL_FD}, {theirs, DAEMON_FD}};

	config.argv = argv;
	config.fds = fds;
	config.fd_count = sizeof(fds) / sizeof(fds[0]);
	config.die_with_parent = true;
	if (geteuid() == 0 && uid != (uid_t)-1) {
		config.uid = uid;
		config.gid = (gid_t)uid;
	}
	pid = child_start(&config, err);
	if (pid > 0)
		*ret_fd = steal_fd(&ours);
	return pid;
}

void
agent_process_end(struct loop_child *process)
{
	if (process != NULL)
		loop_child_end(process);
}

struct reader {
	struct loop *loop;
	struct control *control;
	struct stream *daemon;
};

/* Message after message is small beside what FULL_BYTES leaves: none is ever lost. */
static void
tell(struct reader *r, const struct buf *message)
{
	if (stream_send(r->daemon, buf_data(message), buf_len(message)) < 0)
		loop_quit(r->loop, 1);
	else if (stream_pending(r->daemon) >= FULL_BYTES)
		control_pause(r->control);
}

static void
handle_ready(uint32_t version, void *data)
{
	AUTO_BUF struct buf out;

	buf_init(&out, AGENT_MESSAGE_MAX_BYTES);
	if (agent_message_put_ready(&out, version) == 0)
		tell(data, &out);
}

static void
handle_trigger(const struct qrexec_trigger *untrusted_trigger, void *data)
{
	struct reader *r = data;
	AUTO_BUF struct buf out;

	buf_init(&out, AGENT_MESSAGE_MAX_BYTES);
	if (agent_message_put_trigger(&out, untrusted_trigger) < 0)
		loop_quit(r->loop, 1);
	else
		tell(r, &out);
}

static void
handle_terminated(uint32_t untrusted_domain, uint32_t untrusted_port, void *data)
{
	AUTO_BUF struct buf out;

	buf_init(&out, AGENT_MESSAGE_MAX_BYTES);
	if (agent_message_put_terminated(&out, untrusted_domain, untrusted_port) == 0)
		tell(data, &out);
}

/* What is still to be told is told, as far as qrexec-daemon takes it. */
static void
handle_lost(bool in_order, void *data)
{
	struct reader *r = data;
	AUTO_BUF struct buf out;

	buf_init(&out, AGENT_MESSAGE_MAX_BYTES);
	if (in_order && agent_message_put_end(&out) == 0)
		tell(r, &out);
	stream_shutdown_write(r->daemon);
}

/* Frames for the agent. What it does not take yet stays, and no more is read meanwhile. */
static void
relay(struct reader *r)
{
	struct buf *in = stream_in(r->daemon);

	buf_consume(in, control_send(r->control, buf_data(in), buf_len(in)));
	if (buf_len(in) > 0)
		stream_pause(r->daemon);
}

static void
handle_room(void *data)
{
	struct reader *r = data;

	stream_resume(r->daemon);
	relay(r);
}

static void
handle_daemon_data(struct stream *stream, struct buf *in, void *data)
{
	(void)stream;
	(void)in;
	relay(data);
}

static void
handle_daemon_end(struct stream *stream, int error, void *data)
{
	struct reader *r = data;

	(void)stream;
	(void)error;
	loop_quit(r->loop, 0);
}

static void
handle_daemon_flushed(struct stream *stream, void *data)
{
	struct reader *r = data;

	(void)stream;
	control_resume(r->control);
}

static void
open_ends(struct reader *r)
{
	static const struct control_handler control_handler = {
		.handle_ready = handle_ready,
		.handle_trigger = handle_trigger,
		.handle_terminated = handle_terminated,
		.handle_room = handle_room,
		.handle_lost = handle_lost,
	};
	static const struct stream_handler daemon_handler = {
		.handle_data = handle_daemon_data,
		.handle_end = handle_daemon_end,
		.handle_flushed = handle_daemon_flushed,
	};

	r->loop = loop_create();
	if (r->loop != NULL)
		r->daemon = stream_create(
			r->loop, DAEMON_FD, RELAY_BYTES, OUT_BYTES_MAX, &daemon_handler, r);
	if (r->daemon != NULL)
		r->control = control_create(r->loop, CHANNEL_FD, &control_handler, r);
	if (r->control == NULL)
		fatal("reader of the agent: %s", strerror(errno));
}

void
agent_process_main(int argc, char *const *argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct reader r = {0};
	int status;

	if (argc != 3)
		fatal("reader of the agent: arguments are not valid");
	log_set_qube(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	open_ends(&r);
	if (sandbox_enter(NULL, 0, &err) < 0)
		fatal("reader of the agent: %s", err_message(&err));
	status = loop_run(r.loop);
	/* Nothing is left to be done, and not much would be allowed. */
	_exit(status < 0 ? 1 : status);
}
