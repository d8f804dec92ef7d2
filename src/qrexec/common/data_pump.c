/*
 * The life of one call on a joined data channel: moves bytes between the channel and the local
 * descriptors until the call is over by the rules of its role (protocol section 2.9). Runs in
 * clients and in handlers of agents. The peer is hostile; the local side may be slow, stuck or
 * gone. Nothing blocks but poll().
 */
#include "qrexec/common/data_pump.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/system_calls.h"

#define FIRST_READ_BYTES 4096

enum slot {
	SLOT_CHANNEL,
	SLOT_SOURCE,
	SLOT_ERRORS,
	SLOT_SINK,
	SLOT_PROGRAM,
	SLOT_SIGNAL,
	SLOT_COUNT,
};

bool
pump_is_service(const struct pump *p)
{
	return p->io->role == DATA_ROLE_SERVICE;
}

void
pump_close_source(struct pump *p)
{
	if (p->source.fd >= 0 && p->io->owned && p->source.fd != p->io->sink_fd)
		close(p->source.fd);
	p->source.fd = -1;
}

/* Only a service owns it: a caller's is its stderr. */
void
pump_close_errors(struct pump *p)
{
	if (p->errors.fd >= 0 && p->io->owned && pump_is_service(p))
		close(p->errors.fd);
	p->errors.fd = -1;
	if (p->blocked == &p->errors)
		p->blocked = NULL;
}

/*
 * A program's stdin is only shut down: it may still serve the other direction later. So is a
 * socket that is both source and sink. Anything else is closed.
 */
void
pump_close_sink(struct pump *p)
{
	const struct data_channel_io *io = p->io;

	if (p->sink.fd < 0)
		return;
	if (p->sink.kind == LOCAL_END_SOCKET &&
		(io->source_fd == io->sink_fd || io->switch_on_signal)) {
		shutdown(p->sink.fd, SHUT_WR); /* ENOTCONN is harmless */
		p->sink_shut = true;
	} else if (io->owned) {
		close(p->sink.fd);
	}
	p->sink.fd = -1;
	if (p->blocked == &p->sink)
		p->blocked = NULL;
}

void
pump_break_sink(struct pump *p)
{
	pump_close_sink(p);
	p->sink_broken = true;
	if (p->io->end_with_sink)
		p->code = 128 + SIGPIPE;
}

static void
watch_program(struct pump *p)
{
	p->program_fd = p->io->status_fd;
	p->local_status = -1;
	if (p->io->child <= 0)
		return;
	p->program_fd = pidfd_open(p->io->child, 0);
	if (p->program_fd < 0)
		log_error("program %d: cannot watch it: %s", (int)p->io->child, strerror(errno));
}

/* Reads how the program ended. A session that was lost takes its programs' statuses with it. */
static void
note_program_end(struct pump *p)
{
	int status = QREXEC_EXIT_PROBLEM << 8;

	if (p->io->child > 0) {
		while (waitpid(p->io->child, &status, 0) < 0 && errno == EINTR)
			;
		close(p->program_fd);
	} else if (read(p->program_fd, &status, sizeof(status)) != sizeof(status)) {
		status = QREXEC_EXIT_PROBLEM << 8;
	}
	p->program_fd = -1;
	p->local_status = data_channel_exit_code(status);
	pump_close_sink(p);
}

/* Service: queues the exit code once everything that must come before it has been queued. */
static int
conclude_service(struct pump *p)
{
	if (p->coded || !p->source_end_told || !p->errors_end_told || p->program_fd >= 0)
		return 0;
	if (p->io->socket_service && p->sink.fd >= 0)
		return 0;
	if (p->io->socket_service)
		p->code = 0;
	else
		p->code = p->local_status >= 0 ? p->local_status : QREXEC_EXIT_PROBLEM;
	p->coded = true;
	return data_channel_put_exit(p->channel, p->code);
}

/* What follows from the new state without waiting; as much as possible is sent. */
static int
settle(struct pump *p)
{
	struct data_channel *c = p->channel;
	int e;

	if ((e = pump_pass_on(p)) < 0 || (e = pump_flush(p)) < 0 || (e = pump_send_due(p)) < 0)
		return e;
	if (pump_is_service(p) && !c->out_dead && (e = conclude_service(p)) < 0)
		return e;
	if ((e = pump_flush(p)) < 0)
		return e;
	if (c->out_dead) {
		pump_close_source(p);
		if (pump_is_service(p))
			pump_close_errors(p);
	}
	return 0;
}

/* 1: go on; 0: the call is over; -ECONNRESET, -EPIPE: it ended without an exit code. */
static int
check_end(const struct pump *p)
{
	const struct data_channel *c = p->channel;

	if (p->coded && !data_channel_pending(c)) {
		if (pump_is_service(p))
			return c->out_dead ? -ECONNRESET : 0;
		if (p->program_fd < 0)
			return 0;
	}
	if (p->sink_broken && p->io->end_with_sink && !p->coded)
		return -EPIPE;
	if (c->in_ended && p->blocked == NULL && !p->coded)
		return -ECONNRESET;
	return 1;
}

static void
add_slot(struct pollfd *slot, int fd, short events)
{
	*slot = (struct pollfd){.fd = events != 0 ? fd : -1, .events = events};
}

/* False when there is something to do with the channel at once. */
static bool
fill_slots(const struct pump *p, struct pollfd slots[SLOT_COUNT])
{
	const struct data_channel *c = p->channel;
	short channel_events;
	bool sleeps = vchan_stream_sleeps(
		&c->stream, pump_wants_channel(p), data_channel_pending(c), &channel_events);

	add_slot(&slots[SLOT_CHANNEL], c->stream.fd, channel_events);
	/* Even when it is neither read nor written, its end matters. */
	if (channel_events == 0 && !c->in_ended && !p->hung_up)
		slots[SLOT_CHANNEL].fd = c->stream.fd;
	add_slot(&slots[SLOT_SOURCE], p->source.fd, pump_wants_source(p) ? POLLIN : 0);
	add_slot(&slots[SLOT_ERRORS], p->errors.fd, pump_wants_errors(p) ? POLLIN : 0);
	if (p->blocked == &p->errors)
		add_slot(&slots[SLOT_ERRORS], p->errors.fd, POLLOUT);
	add_slot(&slots[SLOT_SINK], p->sink.fd, p->blocked == &p->sink ? POLLOUT : 0);
	add_slot(&slots[SLOT_PROGRAM], p->program_fd, POLLIN);
	add_slot(&slots[SLOT_SIGNAL], data_channel_signal_fd(),
		p->io->switch_on_signal ? POLLIN : 0);
	return sleeps;
}

static int
serve_channel(struct pump *p, short events)
{
	if (events == 0)
		return 0;
	vchan_stream_hear(&p->channel->stream);
	if (pump_wants_channel(p))
		return pump_receive(p);
	if ((events & (POLLHUP | POLLERR)) != 0 || p->channel->stream.gone) {
		p->hung_up = true;
		data_channel_give_up(p->channel);
	}
	return 0;
}

static int
serve_local(struct pump *p, const struct pollfd slots[SLOT_COUNT])
{
	int e;

	if (slots[SLOT_SOURCE].revents != 0 && pump_wants_source(p)) {
		p->source.ready = true;
		if ((e = pump_read_source(p)) < 0 || (e = pump_flush(p)) < 0)
			return e;
	}
	if (slots[SLOT_ERRORS].revents != 0 && pump_wants_errors(p)) {
		p->errors.ready = true;
		return pump_read_errors(p);
	}
	return 0;
}

static int
serve_slots(struct pump *p, const struct pollfd slots[SLOT_COUNT])
{
	int slot = p->blocked == &p->sink ? SLOT_SINK : SLOT_ERRORS;
	int e;

	if (slots[SLOT_SIGNAL].revents != 0)
		pump_check_signal(p);
	/* The local end that was full takes some more; settle() goes on. */
	if (p->blocked != NULL && slots[slot].revents != 0) {
		p->blocked->ready = true;
		p->blocked = NULL;
	} else if ((e = serve_channel(p, slots[SLOT_CHANNEL].revents)) < 0) {
		return e;
	}
	if ((e = serve_local(p, slots)) < 0)
		return e;
	if (slots[SLOT_PROGRAM].revents != 0)
		note_program_end(p);
	return 0;
}

static int
run(struct pump *p)
{
	struct pollfd slots[SLOT_COUNT];
	bool sleeps;
	int e;

	for (;;) {
		if ((e = settle(p)) < 0)
			return e;
		if ((e = check_end(p)) <= 0)
			return e;
		sleeps = fill_slots(p, slots);
		if (poll(slots, SLOT_COUNT, sleeps ? -1 : 0) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (!sleeps)
			slots[SLOT_CHANNEL].revents |= POLLIN;
		if ((e = serve_slots(p, slots)) < 0)
			return e;
	}
}

static void
begin(struct pump *p, struct data_channel *channel, const struct data_channel_io *io)
{
	*p = (struct pump){.channel = channel, .io = io, .code = QREXEC_EXIT_LOST};
	p->in_size = p->out_size = FIRST_READ_BYTES;
	data_receiver_init(&p->receiver, io->role,
		channel->version < 3 ? QREXEC_CHUNK_V2_BYTES : QREXEC_CHUNK_BYTES);
	local_end_init(&p->source, io->source_fd);
	local_end_init(&p->sink, io->sink_fd);
	local_end_init(&p->errors, io->error_fd);
	watch_program(p);
}

static void
finish(struct pump *p)
{
	feeder_destroy(p->feeder);
	/* The sink first: a program that holds its stdout's lock lets go at the end of its input.
	 */
	pump_close_sink(p);
	pump_close_source(p);
	pump_close_errors(p);
	if (p->sink_shut && p->io->owned)
		close(p->io->sink_fd);
	if (p->io->child > 0 && p->program_fd >= 0)
		close(p->program_fd);
}

int
data_channel_run(struct data_channel *channel, const struct data_channel_io *io, int *ret_code,
	int *ret_local)
{
	struct pump p;
	int e;

	begin(&p, channel, io);
	e = run(&p);
	finish(&p);
	*ret_code = p.code;
	if (ret_local != NULL)
		*ret_local = p.local_status;
	return e;
}
