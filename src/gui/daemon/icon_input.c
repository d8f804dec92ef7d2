/* Icons on their way in; see icon_input.h. */
#include "gui/daemon/icon_input.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/socket.h"
#include "gui/daemon/icon_stream.h"
#include "gui/daemon/xcb_display.h"

#define READ_BYTES (64UL * 1024)
/* Between two reads, and more after each icon: 16 MB and 50 icons a second at most. */
#define READ_PAUSE_MS 4
#define ICON_PAUSE_MS 20

struct icon_input {
	struct loop *loop;
	struct core *core;
	struct display *display;
	int launcher_fd;
	struct loop_fd *launcher;

	struct loop_fd *source;
	int fd; /* of the call; -1: none */
	struct buf in;
	struct icon_stream *stream;
	struct loop_timer *pause;
};

static void
hang_up(struct icon_input *input)
{
	loop_timer_stop(input->pause);
	loop_fd_destroy(input->source);
	input->source = NULL;
	if (input->fd >= 0)
		close(input->fd);
	input->fd = -1;
	icon_stream_destroy(input->stream);
	input->stream = NULL;
	buf_clear(&input->in);
}

void
icon_input_hang_up(struct icon_input *input)
{
	if (input != NULL)
		hang_up(input);
}

static void
take_icons(struct icon_input *input)
{
	AUTO_ERR struct err err = ERR_INIT;
	uint64_t pause_ms = READ_PAUSE_MS;
	const struct icon *icon;
	int result;

	while ((result = icon_stream_take(input->stream, &input->in, &icon, &err)) > 0) {
		core_set_icon(input->core, icon);
		pause_ms += ICON_PAUSE_MS;
	}
	display_turn(input->display);
	if (result < 0) {
		log_warning("%s; no more icons are taken from this call", err_message(&err));
		hang_up(input);
		return;
	}
	loop_fd_set_events(input->source, EPOLLET);
	loop_timer_start(input->pause, pause_ms);
}

static void
handle_readable(struct loop_fd *source, uint32_t events, void *data)
{
	struct icon_input *input = data;
	ssize_t count = buf_read_fd(&input->in, input->fd, READ_BYTES);

	(void)source;
	(void)events;
	if (count == -EAGAIN || count == -EINTR)
		return;
	if (count <= 0)
		hang_up(input);
	else
		take_icons(input);
}

static void
handle_pause_over(struct loop_timer *timer, void *data)
{
	struct icon_input *input = data;

	(void)timer;
	if (input->source != NULL)
		loop_fd_set_events(input->source, EPOLLIN);
}

static void
start_call(struct icon_input *input, int fd)
{
	hang_up(input);
	input->fd = fd;
	input->stream = icon_stream_create();
	if (input->stream != NULL && fd_set_nonblocking(fd, 1) == 0)
		input->source = loop_fd_create(input->loop, fd, EPOLLIN, handle_readable, input);
	if (input->source == NULL)
		hang_up(input);
}

static void
handle_launcher(struct loop_fd *source, uint32_t events, void *data)
{
	struct icon_input *input = data;
	char byte;
	int fd = -1;
	ssize_t count = socket_receive_fd(input->launcher_fd, &byte, 1, &fd);

	(void)events;
	if (count == -EAGAIN || count == -EINTR)
		return;
	/* The launcher has gone; the windows stay as they are. */
	if (count <= 0) {
		loop_fd_destroy(source);
		input->launcher = NULL;
	}
	if (fd >= 0)
		start_call(input, fd);
}

struct icon_input *
icon_input_create(
	struct loop *loop, int fd, struct core *core, struct display *display, struct err *err)
{
	struct icon_input *input = calloc(1, sizeof(*input));

	if (input == NULL) {
		err_set(err, ENOMEM, "icons: no memory");
		return NULL;
	}
	input->loop = loop;
	input->core = core;
	input->display = display;
	input->launcher_fd = fd;
	input->fd = -1;
	buf_init(&input->in, READ_BYTES);
	input->pause = loop_timer_create(loop, handle_pause_over, input);
	if (input->pause != NULL && fd_set_nonblocking(fd, 1) == 0)
		input->launcher = loop_fd_create(loop, fd, EPOLLIN, handle_launcher, input);
	if (input->launcher == NULL) {
		err_set_errno(err, errno, "icons: descriptor %d", fd);
		icon_input_destroy(input);
		return NULL;
	}
	return input;
}

void
icon_input_destroy(struct icon_input *input)
{
	if (input == NULL)
		return;
	hang_up(input);
	loop_fd_destroy(input->launcher);
	loop_timer_destroy(input->pause);
	buf_finish(&input->in);
	free(input);
}
