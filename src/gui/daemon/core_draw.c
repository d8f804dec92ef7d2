/*
 * Damage and drawing (spec gui.md 3.3). Messages only note what changed; drawing happens once a
 * frame, so that a flood of them costs the display no more than a quiet qube does.
 */
#include "gui/daemon/core_private.h"

void
window_make_dirty(struct gui_window *w)
{
	if (!list_empty(&w->dirty_link))
		return;
	list_append(&w->core->dirty, &w->dirty_link);
	w->core->handler->handle_damage(w->core->data);
}

void
window_damage(struct gui_window *w, const struct area *part)
{
	struct area whole = {0, 0, w->place.width, w->place.height}, shown;

	if (!w->mapped || !area_intersect(&whole, part, &shown))
		return;
	damage_add(&w->damage, &shown);
	window_make_dirty(w);
}

void
window_damage_all(struct gui_window *w)
{
	struct area whole = {0, 0, w->place.width, w->place.height};

	window_damage(w, &whole);
}

int
window_handle_damage(struct gui_window *w, const struct gui_rectangle *m)
{
	struct area part;

	/* Also keeps the sums of what is left within an int. */
	if (m->x < 0 || m->y < 0 || m->width > INT32_MAX || m->height > INT32_MAX)
		return 0;
	if (m->x > GUI_MAX_WIDTH || m->y > GUI_MAX_HEIGHT)
		return 0;
	part = (struct area){m->x, m->y, m->width > GUI_MAX_WIDTH ? GUI_MAX_WIDTH : (int)m->width,
		m->height > GUI_MAX_HEIGHT ? GUI_MAX_HEIGHT : (int)m->height};
	window_damage(w, &part);
	return 0;
}

void
core_handle_exposed(struct gui_window *w, const struct area *part)
{
	window_damage(w, part);
}

static void
draw_part(struct gui_window *w, const struct area *part)
{
	struct area image = {0}, shown;

	if (w->current != NULL) {
		image.width = (int)w->current->image.width;
		image.height = (int)w->current->image.height;
	}
	if (area_intersect(part, &image, &shown)) {
		display_window_draw(w->view, &w->current->image, &shown);
		if (area_equal(&shown, part))
			return;
	}
	/* Below and beside the image. */
	if (part->x + part->width > image.width) {
		struct area right = *part;

		right.x = part->x > image.width ? part->x : image.width;
		right.width = part->x + part->width - right.x;
		display_window_clear(w->view, &right);
	}
	if (part->y + part->height > image.height) {
		struct area below = *part;

		below.y = part->y > image.height ? part->y : image.height;
		below.height = part->y + part->height - below.y;
		display_window_clear(w->view, &below);
	}
}

static void
tell_frame(struct gui_window *w)
{
	struct gui_message m = {
		.type = GUI_X_FRAME,
		.window = w->id,
		.frame = {w->serial, w->core->config->draw_interval_ms * 1000},
	};

	if ((w->core->features & GUI_FEATURE_FRAME) != 0 && w->has_serial && !w->stop_told)
		core_send(w->core, &m);
}

/* Buffers whose successor is now under way go back when it has arrived. */
static void
draw_window(struct gui_window *w)
{
	struct gui_buffer *b;
	uint64_t fence = 0;

	for (unsigned int i = 0; i < w->damage.count && w->mapped; i++)
		draw_part(w, &w->damage.areas[i]);
	damage_clear(&w->damage);
	list_for_each (b, &w->buffers, link) {
		if (b->owner != BUFFER_SUPERSEDED)
			continue;
		if (fence == 0)
			fence = display_fence(w->core->display);
		b->owner = BUFFER_DRAWN;
		b->fence = fence;
	}
	tell_frame(w);
}

void
core_draw(struct core *c)
{
	while (!list_empty(&c->dirty)) {
		struct gui_window *w = container_of(c->dirty.next, struct gui_window, dirty_link);

		list_remove(&w->dirty_link);
		draw_window(w);
	}
}
