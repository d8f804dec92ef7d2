/* The monitors of the display, and telling qubes of them; see launcher.h (spec gui.md 8.6). */
#include <errno.h>
#include <stdlib.h>
#include <xcb/randr.h>
#include <xcb/xcb.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "gui/launcher/launcher.h"
#include "gui/launcher/qube_call.h"

#define LINES_MAX_BYTES 4096
/* Changes come in bursts. */
#define SETTLE_MS 300

struct monitors {
	xcb_connection_t *x;
	xcb_window_t root;
	struct loop *loop; /* or NULL: nobody stays to see the end of children */
	struct loop_fd *source;
	struct loop_timer *settle;
	void (*handle_changed)(void *data);
	void (*handle_lost)(void *data);
	void *data;
};

unsigned int
monitors_shown_mm(unsigned int pixels, unsigned int real_mm)
{
	unsigned int density, shown = 96;

	if (real_mm == 0)
		return 0;
	density = pixels * 254 / (real_mm * 10);
	if (density > 300)
		shown = 300;
	else if (density > 200)
		shown = 200;
	else if (density > 150)
		shown = 150;
	return (pixels * 254 + shown * 5) / (shown * 10);
}

static void
handle_settled(struct loop_timer *timer, void *data)
{
	struct monitors *m = data;

	(void)timer;
	m->handle_changed(m->data);
}

static void
take_events(struct monitors *m)
{
	xcb_generic_event_t *event;

	while ((event = xcb_poll_for_event(m->x)) != NULL) {
		free(event);
		if (m->settle != NULL)
			loop_timer_start(m->settle, SETTLE_MS);
	}
}

static void
handle_x(struct loop_fd *source, uint32_t events, void *data)
{
	struct monitors *m = data;

	(void)events;
	take_events(m);
	if (xcb_connection_has_error(m->x) != 0) {
		loop_fd_destroy(source);
		m->source = NULL;
		m->handle_lost(m->data);
	}
}

struct monitors *
monitors_open(struct loop *loop, void (*handle_changed)(void *), void (*handle_lost)(void *),
	void *data, struct err *err)
{
	struct monitors *m = xcalloc(1, sizeof(*m));
	const char *name = getenv("DISPLAY");

	m->handle_changed = handle_changed;
	m->handle_lost = handle_lost;
	m->data = data;
	m->loop = loop;
	m->x = xcb_connect(NULL, NULL);
	if (xcb_connection_has_error(m->x) != 0) {
		err_set(err, ECONNREFUSED, "display '%s': cannot connect",
			name != NULL ? name : "");
		monitors_close(m);
		return NULL;
	}
	m->root = xcb_setup_roots_iterator(xcb_get_setup(m->x)).data->root;
	xcb_randr_query_version(m->x, 1, 5);
	xcb_randr_select_input(m->x, m->root,
		XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE | XCB_RANDR_NOTIFY_MASK_CRTC_CHANGE);
	xcb_flush(m->x);
	if (loop != NULL) {
		m->settle = loop_timer_create(loop, handle_settled, m);
		m->source =
			loop_fd_create(loop, xcb_get_file_descriptor(m->x), EPOLLIN, handle_x, m);
	}
	return m;
}

void
monitors_close(struct monitors *m)
{
	if (m == NULL)
		return;
	loop_fd_destroy(m->source);
	loop_timer_destroy(m->settle);
	xcb_disconnect(m->x);
	free(m);
}

/* `W H X Y[ Wmm Hmm]`, one line a monitor. */
static int
put_monitor(struct buf *lines, const xcb_randr_monitor_info_t *info)
{
	unsigned int width_mm = monitors_shown_mm(info->width, info->width_in_millimeters);
	unsigned int height_mm = monitors_shown_mm(info->height, info->height_in_millimeters);
	int result = buf_printf(lines, "%u %u %d %d", info->width, info->height, info->x, info->y);

	if (result == 0 && width_mm > 0 && height_mm > 0)
		result = buf_printf(lines, " %u %u", width_mm, height_mm);
	return result == 0 ? buf_put_string(lines, "\n") : result;
}

int
monitors_describe(struct monitors *m, struct buf *ret_lines)
{
	xcb_randr_get_monitors_reply_t *reply =
		xcb_randr_get_monitors_reply(m->x, xcb_randr_get_monitors(m->x, m->root, 1), NULL);
	xcb_randr_monitor_info_iterator_t at;
	int result = 0;

	if (reply == NULL)
		return -EIO;
	for (at = xcb_randr_get_monitors_monitors_iterator(reply); at.rem > 0 && result == 0;
		xcb_randr_monitor_info_next(&at))
		result = put_monitor(ret_lines, at.data);
	free(reply);
	/* What came with the answer is in the library's queue, where it wakes nobody. */
	take_events(m);
	return result;
}

void
monitors_send(struct monitors *m, const char *qube)
{
	AUTO_BUF struct buf lines;

	buf_init(&lines, LINES_MAX_BYTES);
	if (monitors_describe(m, &lines) == 0)
		qube_call_start(
			m->loop, qube, "qubes.SetMonitorLayout", buf_data(&lines), buf_len(&lines));
}
