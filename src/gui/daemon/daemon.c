/*
 * The process that shows one qube's windows: one loop over the X server, the qube's stream and the
 * helper. The qube's bytes are bounded here in time: so many messages a turn, so many a second.
 */
#include "gui/daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/sandbox.h"
#include "base/socket.h"
#include "gui/daemon/core.h"
#include "gui/daemon/helper.h"
#include "gui/daemon/icon_input.h"
#include "gui/daemon/title.h"
#include "gui/daemon/xcb_display.h"
#include "gui/protocol/window_memory.h"

#define IN_MAX_BYTES (128UL * 1024)
#define READ_BYTES (64UL * 1024)
#define MESSAGES_PER_TURN 256
/* A qube that sends more a second is read only at the lower rate until it has calmed down. */
#define MESSAGES_PER_SECOND 10000
#define MESSAGES_PER_SECOND_SLOWED 2000
#define SLOWED_TURN_MS 10
#define RECONNECT_MIN_MS 1000
#define RECONNECT_MAX_MS 30000

struct daemon {
	const struct gui_config *config;
	struct loop *loop;
	struct core *core;
	struct display *display;
	struct helper *helper;
	struct icon_input *icons; /* or NULL */
	int ready_fd;

	struct loop_fd *source; /* of the qube's stream */
	int fd;                 /* -1: not connected */
	struct buf in;
	struct loop_deferred *input_later, *output_later, *draw_later;
	struct loop_timer *slow_timer, *draw_timer, *reconnect_timer;
	uint64_t reconnect_ms, connected_at_ms;
	uint64_t drawn_at_ms;

	double allowance; /* messages that may be handled now */
	uint64_t allowance_at_ms;
	bool slowed;
};

static void
end_connection(struct daemon *dm)
{
	core_reset(dm->core);
	icon_input_hang_up(dm->icons);
	display_detach(dm->display);
	display_turn(dm->display);
	loop_fd_destroy(dm->source);
	dm->source = NULL;
	if (dm->fd >= 0)
		close(dm->fd);
	dm->fd = -1;
	buf_clear(&dm->in);
}

/* The agent ended, or its qube: it may come back. */
static void
handle_agent_gone(struct daemon *dm)
{
	if (loop_now_ms() - dm->connected_at_ms > RECONNECT_MAX_MS)
		dm->reconnect_ms = RECONNECT_MIN_MS;
	end_connection(dm);
	log_info("agent disconnected, connecting again");
	loop_timer_start(dm->reconnect_timer, dm->reconnect_ms);
	dm->reconnect_ms *= 2;
	if (dm->reconnect_ms > RECONNECT_MAX_MS)
		dm->reconnect_ms = RECONNECT_MAX_MS;
}

static void
handle_reconnect(struct loop_timer *timer, void *data)
{
	struct daemon *dm = data;

	(void)timer;
	helper_connect(dm->helper);
}

static void
handle_violation(struct daemon *dm, const struct err *err)
{
	log_error("%s; its windows are closed", err_message(err));
	helper_notify(dm->helper, "It broke the rules of the display; its windows were closed.");
	end_connection(dm);
	loop_quit(dm->loop, GUI_EXIT_VIOLATION);
}

static void
update_events(struct daemon *dm)
{
	uint32_t events = 0;

	if (dm->source == NULL)
		return;
	if (buf_room(&dm->in) >= READ_BYTES)
		events |= EPOLLIN;
	if (buf_len(core_out(dm->core)) > 0)
		events |= EPOLLOUT;
	loop_fd_set_events(dm->source, events != 0 ? events : EPOLLET);
}

static void
write_output(struct daemon *dm)
{
	struct buf *out = core_out(dm->core);

	while (dm->fd >= 0 && buf_len(out) > 0) {
		ssize_t count = buf_write_fd(out, dm->fd);

		if (count == -EAGAIN)
			break;
		if (count < 0) {
			handle_agent_gone(dm);
			return;
		}
	}
	if (core_is_stuck(dm->core)) {
		AUTO_ERR struct err err = ERR_INIT;

		err_set(&err, ENOBUFS, "the agent does not read what it is sent");
		handle_violation(dm, &err);
	}
	update_events(dm);
}

static void
handle_output_later(struct loop_deferred *source, void *data)
{
	(void)source;
	write_output(data);
}

static void
handle_output(void *data)
{
	struct daemon *dm = data;

	loop_deferred_schedule(dm->output_later);
}

static unsigned int
messages_allowed(struct daemon *dm)
{
	uint64_t now = loop_now_ms();
	double rate = dm->slowed ? MESSAGES_PER_SECOND_SLOWED : MESSAGES_PER_SECOND;

	dm->allowance += (double)(now - dm->allowance_at_ms) * rate / 1000;
	dm->allowance_at_ms = now;
	if (dm->allowance > MESSAGES_PER_SECOND)
		dm->allowance = MESSAGES_PER_SECOND;
	if (dm->allowance >= MESSAGES_PER_TURN)
		return MESSAGES_PER_TURN;
	return dm->allowance < 1 ? 0 : (unsigned int)dm->allowance;
}

static void
take_input(struct daemon *dm)
{
	AUTO_ERR struct err err = ERR_INIT;
	unsigned int allowed = messages_allowed(dm);
	int count;

	if (dm->fd < 0)
		return;
	if (allowed == 0) {
		if (!dm->slowed)
			log_warning("more than %d messages a second, reading slowly",
				MESSAGES_PER_SECOND);
		dm->slowed = true;
		loop_timer_start(dm->slow_timer, SLOWED_TURN_MS);
		return;
	}
	count = core_receive(dm->core, &dm->in, allowed, &err);
	display_turn(dm->display);
	if (count < 0) {
		handle_violation(dm, &err);
		return;
	}
	dm->allowance -= count;
	if ((unsigned int)count == allowed)
		loop_deferred_schedule(dm->input_later);
	else
		dm->slowed = false;
	update_events(dm);
}

static void
handle_input_later(struct loop_deferred *source, void *data)
{
	(void)source;
	take_input(data);
}

static void
handle_slow_timer(struct loop_timer *timer, void *data)
{
	(void)timer;
	take_input(data);
}

static void
handle_stream(struct loop_fd *source, uint32_t events, void *data)
{
	struct daemon *dm = data;
	ssize_t count;

	(void)source;
	if ((events & EPOLLOUT) != 0)
		write_output(dm);
	if (dm->fd < 0 || (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
		return;
	if (buf_room(&dm->in) < READ_BYTES)
		return;
	count = buf_read_fd(&dm->in, dm->fd, READ_BYTES);
	if (count == -EAGAIN)
		return;
	if (count <= 0) {
		handle_agent_gone(dm);
		return;
	}
	take_input(dm);
}

static int
start_connection(struct daemon *dm, int stream_fd, int pool_fd, struct err *err)
{
	uint64_t pool_bytes = 0;

	if (pool_fd >= 0) {
		if (window_memory_check(pool_fd, &pool_bytes, err) < 0) {
			close(pool_fd);
			return -1;
		}
		if (display_attach(dm->display, pool_fd, pool_bytes, err) < 0)
			return -1;
	} else {
		log_warning("no window memory: windows have no content");
	}
	if (fd_set_nonblocking(stream_fd, 1) < 0)
		return err_set(err, EIO, "stream: cannot be used");
	dm->source = loop_fd_create(dm->loop, stream_fd, EPOLLIN, handle_stream, dm);
	if (dm->source == NULL)
		return err_set_errno(err, errno, "stream: cannot watch it");
	core_begin(dm->core, pool_bytes);
	return 0;
}

static void
tell_ready(struct daemon *dm)
{
	if (dm->ready_fd < 0)
		return;
	if (write(dm->ready_fd, "\n", 1) < 0)
		log_debug("nobody waits for us to be ready");
	close(dm->ready_fd);
	dm->ready_fd = -1;
}

static void
handle_connected(void *data, int stream_fd, int pool_fd)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct daemon *dm = data;

	if (stream_fd < 0) {
		if (pool_fd >= 0)
			close(pool_fd);
		handle_agent_gone(dm);
		return;
	}
	dm->fd = stream_fd;
	dm->connected_at_ms = dm->allowance_at_ms = loop_now_ms();
	dm->allowance = MESSAGES_PER_SECOND;
	if (start_connection(dm, stream_fd, pool_fd, &err) < 0) {
		log_error("%s", err_message(&err));
		loop_quit(dm->loop, GUI_EXIT_FAILED);
		return;
	}
	display_turn(dm->display);
	log_info("agent connected");
	tell_ready(dm);
}

static void
handle_refused(void *data)
{
	struct daemon *dm = data;

	log_info("the qube is gone");
	loop_quit(dm->loop, 0);
}

static void
handle_paste_data(void *data, uint32_t window, const void *bytes, size_t size)
{
	struct daemon *dm = data;

	core_paste(dm->core, window, bytes, size);
}

static void
handle_helper_lost(void *data)
{
	struct daemon *dm = data;

	log_error("the helper ended");
	loop_quit(dm->loop, GUI_EXIT_FAILED);
}

static const struct helper_handler helper_handler = {
	.handle_connected = handle_connected,
	.handle_refused = handle_refused,
	.handle_paste = handle_paste_data,
	.handle_lost = handle_helper_lost,
};

static void
draw(struct daemon *dm)
{
	dm->drawn_at_ms = loop_now_ms();
	core_draw(dm->core);
	if (dm->config->stats_fd >= 0)
		dprintf(dm->config->stats_fd, "draw %llu\n", (unsigned long long)dm->drawn_at_ms);
	display_turn(dm->display);
}

static void
handle_draw_timer(struct loop_timer *timer, void *data)
{
	(void)timer;
	draw(data);
}

static void
handle_draw_later(struct loop_deferred *source, void *data)
{
	(void)source;
	draw(data);
}

/* The first damage after a rest is drawn at once, the next a frame later. */
static void
handle_damage(void *data)
{
	struct daemon *dm = data;
	uint64_t since_ms = loop_now_ms() - dm->drawn_at_ms;

	if (since_ms >= dm->config->draw_interval_ms)
		loop_deferred_schedule(dm->draw_later);
	else
		loop_timer_start(dm->draw_timer, dm->config->draw_interval_ms - since_ms);
}

static void
handle_copy(void *data, enum core_copy_result result, const void *bytes, size_t size, uint32_t time,
	uint32_t agent_version)
{
	struct daemon *dm = data;

	helper_copy(dm->helper, result, bytes, size, time, agent_version);
}

static void
handle_paste(void *data, uint32_t window, uint32_t time)
{
	struct daemon *dm = data;

	helper_paste(dm->helper, window, time);
}

static void
handle_notice(void *data, const char *text)
{
	struct daemon *dm = data;

	helper_notify(dm->helper, text);
}

static void
handle_question(void *data, const char *text)
{
	struct daemon *dm = data;

	helper_ask(dm->helper, text);
}

static const struct core_handler core_handler = {
	.handle_output = handle_output,
	.handle_damage = handle_damage,
	.handle_copy = handle_copy,
	.handle_paste = handle_paste,
	.handle_notice = handle_notice,
	.handle_question = handle_question,
};

static void
handle_display_lost(void *data, const char *why)
{
	struct daemon *dm = data;

	log_error("%s", why);
	loop_quit(dm->loop, GUI_EXIT_FAILED);
}

static void
handle_end_signal(struct loop_signal *source, int signal_number, void *data)
{
	struct daemon *dm = data;

	(void)source;
	(void)signal_number;
	loop_quit(dm->loop, 0);
}

static void
handle_refresh_signal(struct loop_signal *source, int signal_number, void *data)
{
	struct daemon *dm = data;

	(void)source;
	(void)signal_number;
	display_refresh(dm->display);
}

static int
make_sources(struct daemon *dm, struct err *err)
{
	struct loop *loop = dm->loop;

	dm->input_later = loop_deferred_create(loop, handle_input_later, dm);
	dm->output_later = loop_deferred_create(loop, handle_output_later, dm);
	dm->draw_later = loop_deferred_create(loop, handle_draw_later, dm);
	dm->slow_timer = loop_timer_create(loop, handle_slow_timer, dm);
	dm->draw_timer = loop_timer_create(loop, handle_draw_timer, dm);
	dm->reconnect_timer = loop_timer_create(loop, handle_reconnect, dm);
	if (dm->input_later == NULL || dm->output_later == NULL || dm->draw_later == NULL ||
		dm->slow_timer == NULL || dm->draw_timer == NULL || dm->reconnect_timer == NULL)
		return err_set(err, ENOMEM, "no memory");
	return 0;
}

static void
destroy_sources(struct daemon *dm)
{
	loop_deferred_destroy(dm->input_later);
	loop_deferred_destroy(dm->output_later);
	loop_deferred_destroy(dm->draw_later);
	loop_timer_destroy(dm->slow_timer);
	loop_timer_destroy(dm->draw_timer);
	loop_timer_destroy(dm->reconnect_timer);
}

/* Everything that needs a file or a new socket happens in here. */
static int
set_up(struct daemon *dm, struct err *err)
{
	title_init();
	dm->helper = helper_start(dm->config, err);
	if (dm->helper == NULL)
		return -1;
	dm->loop = loop_create();
	if (dm->loop == NULL)
		return err_set_errno(err, errno, "no event loop");
	dm->display = display_open(dm->loop, dm->config, err);
	if (dm->display == NULL)
		return -1;
	dm->core = core_create(dm->config, dm->display, &core_handler, dm);
	if (dm->core == NULL || make_sources(dm, err) < 0)
		return err_set(err, ENOMEM, "no memory");
	if (helper_watch(dm->helper, dm->loop, &helper_handler, dm, err) < 0)
		return -1;
	if (dm->config->icons_fd >= 0) {
		dm->icons = icon_input_create(
			dm->loop, dm->config->icons_fd, dm->core, dm->display, err);
		if (dm->icons == NULL)
			return -1;
	}
	return sandbox_enter(NULL, 0, err);
}

static int
serve(struct daemon *dm, struct err *err)
{
	struct loop_signal *term = loop_signal_create(dm->loop, SIGTERM, handle_end_signal, dm);
	struct loop_signal *interrupt = loop_signal_create(dm->loop, SIGINT, handle_end_signal, dm);
	struct loop_signal *user = loop_signal_create(dm->loop, SIGUSR1, handle_end_signal, dm);
	struct loop_signal *hangup =
		loop_signal_create(dm->loop, SIGHUP, handle_refresh_signal, dm);
	int status = GUI_EXIT_FAILED;

	if (display_start(dm->display, dm->core, handle_display_lost, dm, err) == 0) {
		helper_connect(dm->helper);
		status = loop_run(dm->loop);
	}
	loop_signal_destroy(term);
	loop_signal_destroy(interrupt);
	loop_signal_destroy(user);
	loop_signal_destroy(hangup);
	return status;
}

int
gui_daemon_run(const struct gui_config *config, int ready_fd)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct daemon dm = {
		.config = config, .fd = -1, .ready_fd = ready_fd, .reconnect_ms = RECONNECT_MIN_MS};
	int status = GUI_EXIT_FAILED;

	signal(SIGPIPE, SIG_IGN);
	buf_init(&dm.in, IN_MAX_BYTES);
	if (set_up(&dm, &err) == 0)
		status = serve(&dm, &err);
	if (err.code != 0)
		log_error("%s", err_message(&err));
	if (dm.core != NULL && dm.fd >= 0)
		end_connection(&dm);
	icon_input_destroy(dm.icons);
	core_destroy(dm.core);
	display_close(dm.display);
	destroy_sources(&dm);
	helper_stop(dm.helper);
	loop_destroy(dm.loop);
	buf_finish(&dm.in);
	return status;
}
