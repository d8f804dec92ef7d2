/* The remembering display; see fake_display.h. */
#include "fake_display.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
fake_display_init(struct display *d)
{
	*d = (struct display){.work = {0, 0, FAKE_SCREEN_WIDTH, FAKE_SCREEN_HEIGHT}};
}

void
fake_display_finish_drawing(struct display *d)
{
	d->fence_done = d->fence;
	core_handle_fence(d->core, d->fence);
}

static void
check_area(const struct area *a)
{
	assert(a->width > 0 && a->width <= GUI_MAX_WIDTH);
	assert(a->height > 0 && a->height <= GUI_MAX_HEIGHT);
	assert(abs(a->x) <= GUI_MAX_WIDTH * 2 && abs(a->y) <= GUI_MAX_HEIGHT * 2);
}

void
display_get_areas(struct display *d, struct area *ret_root, struct area *ret_work)
{
	*ret_root = (struct area){0, 0, FAKE_SCREEN_WIDTH, FAKE_SCREEN_HEIGHT};
	*ret_work = d->work;
}

struct display_window *
display_window_create(
	struct display *d, struct gui_window *window, const struct area *content, bool popup)
{
	struct display_window *v = calloc(1, sizeof(*v));

	assert(v != NULL);
	check_area(content);
	v->d = d;
	v->window = window;
	v->content = *content;
	v->popup = popup;
	d->windows++;
	return v;
}

void
display_window_destroy(struct display_window *v)
{
	if (v == NULL)
		return;
	v->d->windows--;
	free(v);
}

void
display_window_set_popup(struct display_window *v, bool popup)
{
	assert(!v->mapped);
	v->popup = popup;
}

void
display_window_set_bare(struct display_window *v, bool bare)
{
	v->bare = bare;
}

void
display_window_map(struct display_window *v)
{
	assert(!v->mapped && !v->docked);
	v->mapped = true;
}

void
display_window_unmap(struct display_window *v)
{
	v->mapped = false;
}

void
display_window_place(struct display_window *v, const struct area *content)
{
	check_area(content);
	assert(!v->docked);
	v->content = *content;
}

struct margins
display_window_margins(const struct display_window *v)
{
	if (v->popup || v->docked || v->bare)
		return (struct margins){0};
	return (struct margins){
		FRAME_BORDER, FRAME_BORDER + FRAME_TITLE, FRAME_BORDER, FRAME_BORDER};
}

void
display_window_set_title(struct display_window *v, const char *title)
{
	snprintf(v->title, sizeof(v->title), "%s", title);
}

void
display_window_set_class(struct display_window *v, const char *class, const char *name)
{
	snprintf(v->class, sizeof(v->class), "%s %s", name, class);
}

void
display_window_set_hints(struct display_window *v, const struct gui_hints *hints)
{
	v->hints = *hints;
}

void
display_window_set_owner(struct display_window *v, struct display_window *owner_or_null)
{
	assert(owner_or_null != v);
	v->owner = owner_or_null;
}

void
display_window_set_cursor(struct display_window *v, uint32_t id)
{
	assert(id == 0 || (id >= GUI_CURSOR_X11 && id < GUI_CURSOR_X11_END));
	v->cursor = id;
}

void
display_window_set_state(struct display_window *v, unsigned int state)
{
	assert(!v->mapped);
	v->state = state;
}

void
display_window_ask_state(struct display_window *v, unsigned int add, unsigned int remove)
{
	v->asked_add = add;
	v->asked_remove = remove;
}

void
display_window_set_icon(
	struct display_window *v, uint32_t width, uint32_t height, const uint32_t *pixels)
{
	assert(width >= 1 && width <= ICON_SHOWN_MAX && height >= 1 && height <= ICON_SHOWN_MAX);
	v->icon_width = width;
	v->icon_pixel = pixels[(size_t)width * height - 1];
	v->icons++;
}

void
display_window_minimize(struct display_window *v)
{
	v->minimized++;
}

void
display_window_dock(struct display_window *v)
{
	assert(!v->mapped && !v->popup);
	v->docked = true;
}

void
display_window_draw(
	struct display_window *v, const struct display_image *image, const struct area *part)
{
	check_area(part);
	assert(part->x >= 0 && part->y >= 0);
	assert((uint32_t)(part->x + part->width) <= image->width);
	assert((uint32_t)(part->y + part->height) <= image->height);
	assert(image->offset % 4 == 0 && image->stride >= image->width * 4);
	assert(image->offset + (uint64_t)image->stride * image->height <= v->d->pool_bytes);
	v->last_drawn = *part;
	v->d->draws++;
}

void
display_window_clear(struct display_window *v, const struct area *part)
{
	check_area(part);
	v->d->clears++;
}

uint64_t
display_fence(struct display *d)
{
	return ++d->fence;
}

void
display_get_keymap(struct display *d, uint8_t *ret_bits)
{
	memcpy(ret_bits, d->keys, sizeof(d->keys));
}
