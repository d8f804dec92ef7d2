/*
 * Pixels. The X server itself copies what changed of a window into a buffer in the window memory,
 * which it has attached; the agent never touches them. A window has two buffers: one that the
 * daemon shows, one that is ours to draw into. A change is copied, committed (the buffer is the
 * daemon's now), and the earlier buffer comes back once the daemon has drawn the new one. So no
 * buffer is written to while it is read, and a slow daemon slows nobody but itself. See agent.h,
 * docs/gui.md.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xcb/composite.h>
#include <xcb/xfixes.h>

#include "base/log.h"
#include "base/text.h"
#include "gui/agent/agent.h"

/* Changes of a window are gathered for so long. */
#define COMMIT_INTERVAL_MS 8
/* One that the daemon shows, one under way there, one of ours. */
#define BUFFERS_MAX 3
#define HELD_MAX 1
/* Rows begin at multiples of this many pixels. */
#define ROW_PIXELS 16

static uint32_t
padded_width(uint32_t width)
{
	return (width + ROW_PIXELS - 1) / ROW_PIXELS * ROW_PIXELS;
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct agent *a = data;

	a->has_changes = true;
}

static xcb_gcontext_t
create_gc(struct agent *a, uint8_t depth)
{
	const uint32_t values[] = {XCB_SUBWINDOW_MODE_INCLUDE_INFERIORS, 0 /* no exposures */};
	xcb_pixmap_t pixmap = xcb_generate_id(a->x);
	xcb_gcontext_t gc = xcb_generate_id(a->x);

	xcb_create_pixmap(a->x, depth, pixmap, a->screen->root, 1, 1);
	xcb_create_gc(a->x, gc, pixmap, XCB_GC_SUBWINDOW_MODE | XCB_GC_GRAPHICS_EXPOSURES, values);
	xcb_free_pixmap(a->x, pixmap);
	return gc;
}

static bool
has_shared_pixmaps(struct agent *a)
{
	xcb_shm_query_version_reply_t *reply =
		xcb_shm_query_version_reply(a->x, xcb_shm_query_version(a->x), NULL);
	bool has = reply != NULL && reply->shared_pixmaps &&
		   (reply->major_version > 1 || reply->minor_version >= 2);

	free(reply);
	return has;
}

int
content_init(struct agent *a, int memory_fd, struct err *err)
{
	struct stat status;
	xcb_generic_error_t *error;

	list_init(&a->buffers);
	a->content_timer = loop_timer_create(a->loop, handle_timer, a);
	if (a->content_timer == NULL || fstat(memory_fd, &status) < 0) {
		close(memory_fd);
		return err_set_errno(err, errno, "window memory");
	}
	if (!has_shared_pixmaps(a)) {
		close(memory_fd);
		return err_set(err, ENOTSUP, "X server: it shares no memory");
	}
	pool_init(&a->pool, (uint64_t)status.st_size);
	a->memory = xcb_generate_id(a->x);
	error = xcb_request_check(
		a->x, xcb_shm_attach_fd_checked(a->x, a->memory, memory_fd, 0)); /* closes it */
	if (error != NULL) {
		free(error);
		return err_set(err, EIO, "X server: it does not take the window memory");
	}
	a->gc24 = create_gc(a, 24);
	a->gc32 = create_gc(a, 32);
	return 0;
}

void
content_watch(struct agent *a, struct agent_window *w)
{
	w->damage = xcb_generate_id(a->x);
	xcb_damage_create(a->x, w->damage, w->id, XCB_DAMAGE_REPORT_LEVEL_DELTA_RECTANGLES);
}

/* --- buffers --- */

static void
destroy_buffer(struct agent *a, struct window_buffer *b)
{
	if (b->window != NULL && b->window->committing == b)
		b->window->committing = NULL;
	xcb_free_pixmap(a->x, b->pixmap);
	pool_free(&a->pool, b->offset);
	list_remove(&b->link);
	free(b);
	/* There is room now for one that found none. */
	a->has_changes = true;
}

static void
send_dump(struct agent *a, const struct window_buffer *b)
{
	struct gui_message m = {
		.type = GUI_WINDOW_DUMP,
		.window = b->window_id,
		.dump =
			{
				.type = GUI_DUMP_POOL,
				.width = b->width,
				.height = b->height,
				.bits_per_pixel = 24,
				.buffer_id = b->id,
				.fourcc = GUI_FOURCC_XR24,
				.offset_low = (uint32_t)b->offset,
				.offset_high = (uint32_t)(b->offset >> 32),
				.stride = padded_width(b->width) * 4,
				.flags = GUI_DUMP_EXPLICIT,
			},
	};

	daemon_send(a->daemon, &m, NULL);
}

static struct window_buffer *
create_buffer(struct agent *a, struct agent_window *w)
{
	uint32_t width = padded_width(w->width);
	uint64_t offset = pool_allocate(&a->pool, (uint64_t)width * 4 * w->height);
	struct window_buffer *b;

	if (offset == 0)
		return NULL;
	b = xcalloc(1, sizeof(*b));
	*b = (struct window_buffer){
		.window = w,
		.window_id = w->id,
		.id = ++a->last_buffer_id,
		.offset = offset,
		.width = w->width,
		.height = w->height,
		.owner = BUFFER_OURS,
		.is_new = true,
		.pixmap = xcb_generate_id(a->x),
	};
	dirty_add(
		&b->dirty, (struct gui_rectangle){0, 0, w->width, w->height}, w->width, w->height);
	xcb_shm_create_pixmap(a->x, b->pixmap, w->id, (uint16_t)width, (uint16_t)w->height,
		w->depth, a->memory, (uint32_t)offset);
	list_append(&a->buffers, &b->link);
	send_dump(a, b);
	return b;
}

/* One that the daemon knows and does not hold. */
static void
drop_buffer(struct agent *a, struct window_buffer *b)
{
	struct gui_message m = {
		.type = GUI_X_DROP, .window = b->window_id, .drop = {.buffer_id = b->id}};

	daemon_send(a->daemon, &m, NULL);
	destroy_buffer(a, b);
}

/* Takes the buffers of a window away: those that the daemon holds when it lets go. */
static void
leave_buffers(struct agent *a, struct agent_window *w)
{
	struct window_buffer *b, *following;

	list_for_each_safe (b, following, &a->buffers, link) {
		if (b->window != w)
			continue;
		if (b->owner == BUFFER_OURS)
			destroy_buffer(a, b);
		else
			b->window = NULL;
	}
}

static void
free_content(struct agent *a, struct agent_window *w)
{
	if (w->content != XCB_NONE)
		xcb_free_pixmap(a->x, w->content);
	w->content = XCB_NONE;
}

void
content_renew(struct agent *a, struct agent_window *w)
{
	struct window_buffer *b, *following;

	free_content(a, w);
	w->content = xcb_generate_id(a->x);
	xcb_composite_name_window_pixmap(a->x, w->id, w->content);
	list_for_each_safe (b, following, &a->buffers, link) {
		if (b->window != w)
			continue;
		if (b->owner == BUFFER_OURS)
			drop_buffer(a, b);
		else
			b->is_stale = true;
	}
	a->has_changes = true;
}

void
content_drop(struct agent *a, struct agent_window *w)
{
	leave_buffers(a, w);
	free_content(a, w);
	dirty_clear(&w->changed);
}

void
content_forget(struct agent *a, struct agent_window *w)
{
	content_drop(a, w);
	/* An error where the window took it along. */
	xcb_damage_destroy(a->x, w->damage);
}

void
content_forget_all(struct agent *a)
{
	struct window_buffer *b, *following;

	list_for_each_safe (b, following, &a->buffers, link)
		destroy_buffer(a, b);
}

void
content_handle_destroyed(struct agent *a, uint32_t window)
{
	struct window_buffer *b, *following;

	list_for_each_safe (b, following, &a->buffers, link) {
		if (b->window == NULL && b->window_id == window)
			destroy_buffer(a, b);
	}
}

void
content_handle_release(struct agent *a, const struct gui_release *release)
{
	struct window_buffer *b;

	list_for_each (b, &a->buffers, link) {
		if (b->id == release->buffer_id)
			break;
	}
	if (&b->link == &a->buffers || b->owner != BUFFER_DAEMONS)
		return;
	b->owner = BUFFER_OURS;
	if (b->window == NULL)
		destroy_buffer(a, b); /* the daemon forgot it with the window */
	else if (b->is_stale)
		drop_buffer(a, b);
	a->has_changes = true;
}

void
content_handle_frame(struct agent *a, struct agent_window *w, const struct gui_frame *frame)
{
	w->is_hidden = frame->min_interval_us == GUI_FRAME_STOPPED;
	if (!w->is_hidden) {
		w->min_interval_ms = frame->min_interval_us / 1000;
		a->has_changes = true;
	}
}

void
content_handle_damage(struct agent *a, const xcb_damage_notify_event_t *event)
{
	struct agent_window *w = window_find(a, event->drawable);
	struct gui_rectangle r = {
		event->area.x, event->area.y, event->area.width, event->area.height};
	struct window_buffer *b;

	if (w == NULL)
		return;
	dirty_add(&w->changed, r, w->width, w->height);
	list_for_each (b, &a->buffers, link) {
		if (b->window == w && !b->is_stale)
			dirty_add(&b->dirty, r, b->width, b->height);
	}
	a->has_changes = true;
}

/* --- committing --- */

/* The buffer to draw into, or NULL when one has to come back first. */
static struct window_buffer *
choose_buffer(struct agent *a, struct agent_window *w)
{
	struct window_buffer *b, *free_one = NULL;
	unsigned int held = 0, count = 0;

	list_for_each (b, &a->buffers, link) {
		if (b->window != w)
			continue;
		count++;
		held += b->owner == BUFFER_DAEMONS;
		if (b->owner == BUFFER_OURS && !b->is_stale)
			free_one = b;
	}
	if (held > HELD_MAX)
		return NULL;
	if (free_one == NULL && count < BUFFERS_MAX)
		free_one = create_buffer(a, w);
	return free_one;
}

/* Whether the daemon shows a buffer of the window's present size. */
static bool
is_shown(const struct agent *a, const struct agent_window *w)
{
	const struct window_buffer *b;

	list_for_each (b, &a->buffers, link) {
		if (b->window == w && b->owner == BUFFER_DAEMONS && !b->is_stale)
			return true;
	}
	return false;
}

static bool
can_commit(const struct agent *a, const struct agent_window *w)
{
	return w->is_announced && w->is_mapped && !w->is_hidden && w->content != XCB_NONE &&
	       (w->depth == 24 || w->depth == 32) && w->width <= GUI_MAX_WIDTH &&
	       w->height <= GUI_MAX_HEIGHT;
}

static uint64_t
commit_interval_ms(const struct agent_window *w)
{
	return w->min_interval_ms > COMMIT_INTERVAL_MS ? w->min_interval_ms : COMMIT_INTERVAL_MS;
}

/* Asks the X server for the copies. True if there is something to commit when it is done. */
static bool
copy_changes(struct agent *a, struct agent_window *w, uint64_t now_ms)
{
	struct window_buffer *b;
	uint64_t due_ms = w->last_commit_ms + commit_interval_ms(w);

	if (!can_commit(a, w) || (w->changed.count == 0 && is_shown(a, w)))
		return false;
	if (now_ms < due_ms) {
		loop_timer_start(a->content_timer, due_ms - now_ms);
		return false;
	}
	b = choose_buffer(a, w);
	if (b == NULL)
		return false;
	/* First, so that what is drawn from here on is told anew. */
	xcb_damage_subtract(a->x, w->damage, XCB_NONE, XCB_NONE);
	for (uint32_t i = 0; i < b->dirty.count; i++) {
		const struct gui_rectangle *r = &b->dirty.rectangles[i];

		xcb_copy_area(a->x, w->content, b->pixmap, w->depth == 32 ? a->gc32 : a->gc24,
			(int16_t)r->x, (int16_t)r->y, (int16_t)r->x, (int16_t)r->y,
			(uint16_t)r->width, (uint16_t)r->height);
	}
	dirty_clear(&b->dirty);
	w->committing = b;
	w->last_commit_ms = now_ms;
	return true;
}

static void
commit(struct agent *a, struct agent_window *w)
{
	struct window_buffer *b = w->committing;
	struct gui_message m = {
		.type = GUI_X_COMMIT,
		.window = w->id,
		.commit = {.buffer_id = b->id, .serial = ++w->serial},
	};

	if (!b->is_new || is_shown(a, w)) {
		m.commit.count = w->changed.count;
		for (uint32_t i = 0; i < w->changed.count; i++)
			m.commit.rectangles[i] = w->changed.rectangles[i];
	}
	b->is_new = false;
	b->owner = BUFFER_DAEMONS;
	dirty_clear(&w->changed);
	w->committing = NULL;
	daemon_send(a->daemon, &m, NULL);
}

static void
commit_all(struct agent *a)
{
	for (int i = 0; i < WINDOW_HASH_SIZE; i++) {
		struct agent_window *w;

		list_for_each (w, &a->windows[i], link) {
			if (w->committing != NULL)
				commit(a, w);
		}
	}
}

void
content_flush(struct agent *a)
{
	const uint32_t needed = GUI_FEATURE_POOL | GUI_FEATURE_COMMIT;
	uint64_t now_ms = loop_now_ms();
	bool has_copies = false;

	if (!a->has_changes || a->memory == 0 || !daemon_is_connected(a->daemon) ||
		(daemon_features(a->daemon) & needed) != needed)
		return;
	if (!daemon_has_room(a->daemon)) {
		loop_timer_start(a->content_timer, COMMIT_INTERVAL_MS);
		return;
	}
	a->has_changes = false;
	for (int i = 0; i < WINDOW_HASH_SIZE; i++) {
		struct agent_window *w;

		list_for_each (w, &a->windows[i], link)
			has_copies = copy_changes(a, w, now_ms) || has_copies;
	}
	if (!has_copies)
		return;
	/* The answer comes when the copies are made. */
	free(xcb_get_input_focus_reply(a->x, xcb_get_input_focus(a->x), NULL));
	commit_all(a);
}
