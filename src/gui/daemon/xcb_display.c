/*
 * The connection to the X server: its events in, our requests out, fences, the window memory. See
 * xcb_display.h.
 */
#include "gui/daemon/xcb_display.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xcb/xcbext.h>

#include "base/log.h"
#include "gui/daemon/xcb_private.h"

/* Events taken from the socket before others get their turn. */
#define EVENTS_PER_TURN 256

void
display_fail(struct display *d, const char *why)
{
	if (d->lost)
		return;
	d->lost = true;
	loop_fd_destroy(d->source);
	d->source = NULL;
	if (d->handle_lost != NULL)
		d->handle_lost(d->lost_data, why);
}

struct display_window *
display_find_frame(struct display *d, xcb_window_t frame)
{
	struct display_window *v;

	list_for_each (v, &d->buckets[frame % DISPLAY_BUCKETS], link) {
		if (v->frame == frame)
			return v;
	}
	return NULL;
}

struct display_window *
display_find_content(struct display *d, xcb_window_t content)
{
	struct display_window *v;

	list_for_each (v, &d->content_buckets[content % DISPLAY_BUCKETS], content_link) {
		if (v->content == content)
			return v;
	}
	return NULL;
}

void
display_send_message(struct display *d, xcb_window_t to, xcb_window_t window, xcb_atom_t type,
	const uint32_t data[5], uint32_t mask)
{
	xcb_client_message_event_t e = {
		.response_type = XCB_CLIENT_MESSAGE,
		.format = 32,
		.window = window,
		.type = type,
	};

	for (int i = 0; i < 5; i++)
		e.data.data32[i] = data[i];
	xcb_send_event(d->x, 0, to, mask, (const char *)&e);
}

void
display_get_areas(struct display *d, struct area *ret_root, struct area *ret_work)
{
	*ret_root = d->root;
	*ret_work = d->work;
}

void
display_refresh(struct display *d)
{
	display_read_work_area(d);
	display_turn(d);
}

uint64_t
display_fence(struct display *d)
{
	struct display_fence *fence;

	/* Nothing was drawn since the last one, which is still out: it says the same. */
	if (!d->drawn_since_fence && !list_empty(&d->fences))
		return d->fence_number;
	fence = calloc(1, sizeof(*fence));
	if (fence == NULL) {
		display_fail(d, "no memory");
		return d->fence_number;
	}
	fence->sequence = xcb_get_input_focus(d->x).sequence;
	fence->number = ++d->fence_number;
	list_append(&d->fences, &fence->link);
	d->drawn_since_fence = false;
	return fence->number;
}

/* Whether one was done. */
static bool
take_fences(struct display *d)
{
	struct display_fence *fence, *following;
	bool taken = false;

	list_for_each_safe (fence, following, &d->fences, link) {
		xcb_generic_error_t *error = NULL;
		void *reply = NULL;
		uint64_t number = fence->number;

		if (!xcb_poll_for_reply(d->x, fence->sequence, &reply, &error))
			break;
		free(reply);
		free(error);
		list_remove(&fence->link);
		free(fence);
		core_handle_fence(d->core, number);
		taken = true;
	}
	return taken;
}

void
display_get_keymap(struct display *d, uint8_t *ret_bits)
{
	xcb_query_keymap_reply_t *reply =
		xcb_query_keymap_reply(d->x, xcb_query_keymap(d->x), NULL);

	for (int i = 0; i < GUI_KEYMAP_BYTES; i++)
		ret_bits[i] = reply != NULL ? reply->keys[i] : 0;
	free(reply);
}

/*
 * Windows of ours can be gone before a request for them arrives, or not be viewable when they are
 * to get the focus; everything else is a mistake of ours, and going on would hide it.
 */
static void
handle_error(struct display *d, const xcb_generic_error_t *e)
{
	char text[128];

	if (e->error_code == XCB_WINDOW || e->error_code == XCB_DRAWABLE)
		return;
	if (e->major_code == XCB_SET_INPUT_FOCUS || e->major_code == XCB_CONFIGURE_WINDOW)
		return;
	snprintf(text, sizeof(text), "X error %u in request %u.%u, resource 0x%x", e->error_code,
		e->major_code, e->minor_code, e->resource_id);
	display_fail(d, text);
}

static void
handle_event(struct display *d, xcb_generic_event_t *event)
{
	if (event->response_type == 0)
		handle_error(d, (const xcb_generic_error_t *)event);
	else if (display_delay(d, event))
		return;
	else
		display_dispatch(d, event);
	free(event);
}

/*
 * Waiting for a reply, and even sending, may take events off the socket: there they no longer wake
 * the loop. So a turn ends only when nothing is left in the library's queue either.
 */
void
display_turn(struct display *d)
{
	for (int left = EVENTS_PER_TURN; !d->lost; left--) {
		xcb_generic_event_t *event = left > 0 ? xcb_poll_for_event(d->x) : NULL;

		if (event == NULL) {
			xcb_flush(d->x);
			if (take_fences(d))
				continue;
			event = xcb_poll_for_queued_event(d->x);
		}
		if (event == NULL)
			break;
		handle_event(d, event);
	}
	if (!d->lost && xcb_connection_has_error(d->x) != 0)
		display_fail(d, "the X server is gone");
}

static void
handle_readable(struct loop_fd *source, uint32_t events, void *data)
{
	(void)source;
	(void)events;
	display_turn(data);
}

struct display *
display_open(struct loop *loop, const struct gui_config *config, struct err *err)
{
	struct display *d = calloc(1, sizeof(*d));
	xcb_screen_iterator_t screens;

	if (d == NULL) {
		err_set(err, ENOMEM, "no memory");
		return NULL;
	}
	d->loop = loop;
	d->config = config;
	d->pool_fd = -1;
	list_init(&d->fences);
	list_init(&d->delayed);
	for (int i = 0; i < DISPLAY_BUCKETS; i++) {
		list_init(&d->buckets[i]);
		list_init(&d->content_buckets[i]);
	}
	d->x = xcb_connect(NULL, &d->screen_number);
	if (xcb_connection_has_error(d->x) != 0) {
		const char *name = getenv("DISPLAY");

		err_set(err, ECONNREFUSED, "display '%s': cannot connect",
			name != NULL ? name : "");
		display_close(d);
		return NULL;
	}
	screens = xcb_setup_roots_iterator(xcb_get_setup(d->x));
	for (int i = 0; i < d->screen_number && screens.rem > 1; i++)
		xcb_screen_next(&screens);
	d->screen = screens.data;
	if (display_set_up(d, err) < 0) {
		display_close(d);
		return NULL;
	}
	return d;
}

int
display_start(struct display *d, struct core *core, void (*handle_lost)(void *, const char *),
	void *data, struct err *err)
{
	d->core = core;
	d->handle_lost = handle_lost;
	d->lost_data = data;
	d->source =
		loop_fd_create(d->loop, xcb_get_file_descriptor(d->x), EPOLLIN, handle_readable, d);
	if (d->source == NULL)
		return err_set_errno(err, errno, "display: cannot watch it");
	display_turn(d);
	return 0;
}

void
display_close(struct display *d)
{
	struct display_fence *fence, *following;

	if (d == NULL)
		return;
	display_detach(d);
	display_forget_delayed(d);
	list_for_each_safe (fence, following, &d->fences, link) {
		list_remove(&fence->link);
		free(fence);
	}
	loop_fd_destroy(d->source);
	if (d->keysyms != NULL)
		xcb_key_symbols_free(d->keysyms);
	xcb_disconnect(d->x);
	free(d->icon);
	free(d);
}

static int
map_pool(struct display *d, struct err *err)
{
	void *pool = mmap(NULL, d->pool_bytes, PROT_READ, MAP_SHARED, d->pool_fd, 0);

	if (pool == MAP_FAILED)
		return err_set_errno(err, errno, "window memory: cannot map it");
	d->pool = pool;
	return 0;
}

int
display_attach(struct display *d, int fd, uint64_t size_bytes, struct err *err)
{
	xcb_generic_error_t *error;
	int theirs;

	display_detach(d);
	d->pool_fd = fd;
	d->pool_bytes = size_bytes;
	/* Ours: for the tray's icons, and where the server can not attach it. */
	if (map_pool(d, err) < 0)
		return -1;
	if (!d->shm_possible)
		return 0;
	theirs = dup(fd); /* given away by the request */
	if (theirs < 0)
		return err_set_errno(err, errno, "window memory: no descriptor");
	d->segment = xcb_generate_id(d->x);
	error = xcb_request_check(d->x, xcb_shm_attach_fd_checked(d->x, d->segment, theirs, 1));
	if (error != NULL) {
		log_warning("window memory: the X server does not attach it, pixels are copied");
		d->segment = 0;
		free(error);
	}
	return 0;
}

void
display_detach(struct display *d)
{
	if (d->segment != 0)
		xcb_shm_detach(d->x, d->segment);
	if (d->pool != NULL)
		munmap((void *)(uintptr_t)d->pool, d->pool_bytes);
	if (d->pool_fd >= 0)
		close(d->pool_fd);
	d->segment = 0;
	d->pool = NULL;
	d->pool_fd = -1;
	d->pool_bytes = 0;
}
