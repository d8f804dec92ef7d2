/*
 * Buffers in the window memory: registered by dumps, shown by commits, given back when the display
 * has done with them (spec gui.md 3). What lies in the memory is never looked at here.
 */
#include <stdlib.h>

#include "gui/daemon/core_private.h"

int
core_handle_caps(struct core *c, const struct gui_caps *m, struct err *err)
{
	const uint32_t ours = GUI_FEATURE_POOL | GUI_FEATURE_COMMIT | GUI_FEATURE_FRAME;

	if (c->pool_bytes == 0 || c->caps_received)
		return core_violation(c, err, 0, "not announced, or twice");
	if (m->extension_version != GUI_EXTENSION_VERSION)
		return core_violation(c, err, 0, "extension_version");
	c->caps_received = true;
	c->features = m->features & ours;
	return 0;
}

static void
acknowledge(struct gui_window *w)
{
	struct core *c = w->core;
	struct core_ack *ack;

	if (!core_has_minor(c, GUI_MINOR_DUMP_ACK))
		return;
	ack = calloc(1, sizeof(*ack));
	if (ack == NULL) {
		c->stuck = true;
		return;
	}
	ack->window = w->id;
	ack->fence = display_fence(c->display);
	list_append(&c->acks, &ack->link);
}

static void
send_release(struct gui_window *w, const struct gui_buffer *b)
{
	struct gui_message m = {
		.type = GUI_X_RELEASE,
		.window = w->id,
		.release = {b->id, b->serial},
	};

	core_send(w->core, &m);
}

static void
forget_buffer(struct gui_window *w, struct gui_buffer *b)
{
	if (w->current == b)
		w->current = NULL;
	list_remove(&b->link);
	w->core->buffer_count--;
	free(b);
}

void
window_drop_buffers(struct gui_window *w)
{
	struct gui_buffer *b, *following;

	list_for_each_safe (b, following, &w->buffers, link) {
		if (b->is_explicit && b->owner != BUFFER_AGENT)
			send_release(w, b);
		forget_buffer(w, b);
	}
	damage_clear(&w->damage);
}

static struct gui_buffer *
find_buffer(struct gui_window *w, uint32_t id)
{
	struct gui_buffer *b;

	list_for_each (b, &w->buffers, link) {
		if (b->id == id)
			return b;
	}
	return NULL;
}

static bool
is_used_elsewhere(struct gui_window *w, uint32_t id)
{
	struct core *c = w->core;
	struct gui_window *other;

	for (size_t i = 0; i < CORE_BUCKETS; i++) {
		list_for_each (other, &c->buckets[i], link) {
			if (other != w && find_buffer(other, id) != NULL)
				return true;
		}
	}
	return false;
}

static unsigned int
count_buffers(const struct gui_window *w)
{
	const struct gui_buffer *b;
	unsigned int count = 0;

	list_for_each (b, &w->buffers, link)
		count++;
	return count;
}

/* The one buffer of a window whose agent does not commit. */
static void
forget_classic(struct gui_window *w)
{
	struct gui_buffer *b, *following;

	list_for_each_safe (b, following, &w->buffers, link) {
		if (!b->is_explicit)
			forget_buffer(w, b);
	}
}

/* The new buffer of a good dump, replacing one of the same id. NULL and *ret_what: why not. */
static struct gui_buffer *
register_buffer(struct gui_window *w, const struct gui_dump *d, const char **ret_what)
{
	struct gui_buffer *b = find_buffer(w, d->buffer_id);

	if (b != NULL && b->is_explicit && b->owner != BUFFER_AGENT) {
		*ret_what = "the buffer is in use";
		return NULL;
	}
	if (b == NULL && is_used_elsewhere(w, d->buffer_id)) {
		*ret_what = "the buffer belongs to another window";
		return NULL;
	}
	if (b != NULL)
		forget_buffer(w, b);
	if ((d->flags & GUI_DUMP_EXPLICIT) == 0)
		forget_classic(w);
	if (count_buffers(w) >= GUI_POOL_MAX_BUFFERS_PER_WINDOW ||
		w->core->buffer_count >= GUI_POOL_MAX_BUFFERS) {
		*ret_what = "too many buffers";
		return NULL;
	}
	b = calloc(1, sizeof(*b));
	if (b == NULL) {
		*ret_what = "no memory";
		return NULL;
	}
	b->id = d->buffer_id;
	b->is_explicit = (d->flags & GUI_DUMP_EXPLICIT) != 0;
	b->image = (struct display_image){gui_dump_offset(d), d->stride, d->width, d->height};
	list_append(&w->buffers, &b->link);
	w->core->buffer_count++;
	return b;
}

static void
supersede_current(struct gui_window *w)
{
	if (w->current == NULL)
		return;
	if (w->current->is_explicit)
		w->current->owner = BUFFER_SUPERSEDED;
	w->current = NULL;
}

static int
handle_pool_dump(struct gui_window *w, const struct gui_dump *d, struct err *err)
{
	struct core *c = w->core;
	const char *what;
	struct gui_buffer *b;

	if ((c->features & GUI_FEATURE_POOL) == 0)
		return core_violation(c, err, w->id, "window memory was not agreed upon");
	what = gui_check_pool_dump(d, c->features, c->pool_bytes);
	if (what != NULL)
		return core_violation(c, err, w->id, what);
	b = register_buffer(w, d, &what);
	if (b == NULL)
		return core_violation(c, err, w->id, what);
	if (!b->is_explicit) {
		supersede_current(w);
		w->current = b;
		/* What the new image does not reach shows the background again. */
		window_damage_all(w);
	}
	acknowledge(w);
	return 0;
}

/* Pages of another hypervisor: there are none here. Validated and thrown away, as promised. */
static int
handle_grants(struct gui_window *w, const struct gui_message *m, struct err *err)
{
	uint64_t pages = m->following / sizeof(uint32_t);
	uint64_t bytes = (uint64_t)m->dump.width * m->dump.height * 4;

	if (m->dump.width > GUI_MAX_WIDTH || m->dump.height > GUI_MAX_HEIGHT ||
		pages * GUI_PAGE_BYTES < bytes)
		return core_violation(w->core, err, w->id, "size of the image");
	forget_classic(w);
	acknowledge(w);
	return 0;
}

int
window_handle_dump(struct gui_window *w, const struct gui_message *m, struct err *err)
{
	switch (m->dump.type) {
	case GUI_DUMP_GRANTS:
		return handle_grants(w, m, err);
	case GUI_DUMP_POOL:
		return handle_pool_dump(w, &m->dump, err);
	}
	return core_violation(w->core, err, w->id, "type of the dump");
}

int
window_handle_commit(struct gui_window *w, const struct gui_commit *m, struct err *err)
{
	struct core *c = w->core;
	struct gui_buffer *b;

	if ((c->features & GUI_FEATURE_COMMIT) == 0)
		return core_violation(c, err, w->id, "commits were not agreed upon");
	b = find_buffer(w, m->buffer_id);
	if (b == NULL || !b->is_explicit)
		return core_violation(c, err, w->id, "buffer_id");
	if (b->owner != BUFFER_AGENT)
		return core_violation(c, err, w->id, "the buffer is not the agent's");
	if (w->has_serial && (int32_t)(m->serial - w->serial) <= 0)
		return core_violation(c, err, w->id, "serial");
	w->has_serial = true;
	w->serial = m->serial;
	b->serial = m->serial;
	b->owner = BUFFER_DAEMON;
	supersede_current(w);
	w->current = b;
	for (uint32_t i = 0; i < m->count; i++)
		window_handle_damage(w, &m->rectangles[i]);
	if (m->count == 0)
		window_damage_all(w);
	window_make_dirty(w);
	return 0;
}

int
window_handle_drop(struct gui_window *w, const struct gui_drop *m, struct err *err)
{
	struct core *c = w->core;
	struct gui_buffer *b;

	if ((c->features & GUI_FEATURE_POOL) == 0)
		return core_violation(c, err, w->id, "window memory was not agreed upon");
	b = find_buffer(w, m->buffer_id);
	if (b == NULL || !b->is_explicit || b->owner != BUFFER_AGENT)
		return core_violation(c, err, w->id, "buffer_id");
	forget_buffer(w, b);
	return 0;
}

static void
release_drawn(struct gui_window *w, uint64_t fence)
{
	struct gui_buffer *b;

	list_for_each (b, &w->buffers, link) {
		if (b->owner != BUFFER_DRAWN || b->fence > fence)
			continue;
		b->owner = BUFFER_AGENT;
		send_release(w, b);
	}
}

void
core_handle_fence(struct core *c, uint64_t number)
{
	struct core_ack *ack, *following;
	struct gui_window *w;

	list_for_each_safe (ack, following, &c->acks, link) {
		if (ack->fence > number)
			break;
		core_send_bare(c, GUI_WINDOW_DUMP_ACK, ack->window);
		list_remove(&ack->link);
		free(ack);
	}
	for (size_t i = 0; i < CORE_BUCKETS; i++) {
		list_for_each (w, &c->buckets[i], link)
			release_drawn(w, number);
	}
}
