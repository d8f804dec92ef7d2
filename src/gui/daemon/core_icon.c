/*
 * Icons of windows: in the label's colour, and kept for a while when they come before their window,
 * since they travel another way than the messages about it (spec gui.md 6.8).
 */
#include <stdlib.h>

#include "gui/daemon/core_private.h"
#include "gui/daemon/tint.h"

static void
show(struct gui_window *w, const struct icon *icon)
{
	struct core *c = w->core;
	size_t count = (size_t)icon->width * icon->height;

	for (size_t i = 0; i < count; i++)
		c->icon_pixels[i] = tint_icon_pixel(icon->pixels[i], c->config->colour);
	display_window_set_icon(w->view, icon->width, icon->height, c->icon_pixels);
}

static struct icon **
find_early(struct core *c, uint32_t window)
{
	for (int i = 0; i < CORE_EARLY_ICONS_MAX; i++) {
		if (c->early_icons[i] != NULL && c->early_icons[i]->window == window)
			return &c->early_icons[i];
	}
	return NULL;
}

/* The oldest place is the next to be used. Without memory a window has the icon of its qube. */
static void
keep(struct core *c, const struct icon *icon)
{
	struct icon **place = find_early(c, icon->window);

	if (place == NULL) {
		place = &c->early_icons[c->next_early_icon];
		c->next_early_icon = (c->next_early_icon + 1) % CORE_EARLY_ICONS_MAX;
	}
	if (*place == NULL)
		*place = malloc(sizeof(**place));
	if (*place != NULL)
		**place = *icon;
}

void
core_set_icon(struct core *c, const struct icon *icon)
{
	struct gui_window *w;

	if (c->state != CORE_RUNNING)
		return;
	w = core_find(c, icon->window);
	if (w != NULL)
		show(w, icon);
	else
		keep(c, icon);
}

void
window_take_early_icon(struct gui_window *w)
{
	struct icon **place = find_early(w->core, w->id);

	if (place == NULL)
		return;
	show(w, *place);
	free(*place);
	*place = NULL;
}

void
core_forget_icons(struct core *c)
{
	for (int i = 0; i < CORE_EARLY_ICONS_MAX; i++) {
		free(c->early_icons[i]);
		c->early_icons[i] = NULL;
	}
}
