/* Windows of the core: made, mapped, docked, destroyed (spec gui.md 2.3). */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "gui/daemon/core_private.h"

uint32_t
gui_window_id(const struct gui_window *w)
{
	return w->id;
}

struct display_window *
gui_window_view(const struct gui_window *w)
{
	return w->view;
}

bool
gui_window_is_docked(const struct gui_window *w)
{
	return w->docked;
}

static void
enter(struct gui_window *w)
{
	struct core *c = w->core;
	uint32_t hash = (w->id ^ c->hash_seed) * 2654435761U;

	list_append(&c->buckets[(hash >> 16) % CORE_BUCKETS], &w->link);
	c->window_count++;
}

int
window_create(struct core *c, const struct gui_message *m, struct err *err)
{
	const struct gui_create *create = &m->create;
	struct gui_window *w;

	if (m->window == 0)
		return core_violation(c, err, 0, "the whole screen is not shown");
	if (create->width == 0 || create->height == 0 || create->width > INT32_MAX ||
		create->height > INT32_MAX)
		return core_ask(c, err, m->window, "size");
	if (c->window_count >= c->config->max_windows) {
		core_notice(c, &c->ask_notice_ms,
			"This qube has more windows than it may; its windows are closed.");
		return core_violation(c, err, m->window, "too many windows");
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return err_set(err, ENOMEM, "no memory for a window");
	w->core = c;
	w->id = m->window;
	list_init(&w->buffers);
	list_init(&w->dirty_link);
	list_init(&w->link);
	area_clamp(&w->place, create->x, create->y, create->width, create->height);
	if (create->override_redirect != 0)
		w->popup = window_may_be_popup(w);
	if (w->popup)
		window_force_on_screen(w);
	w->view = display_window_create(c->display, w, &w->place, w->popup);
	if (w->view == NULL) {
		free(w);
		return err_set(err, ENOMEM, "no memory for a window");
	}
	enter(w);
	window_take_early_icon(w);
	return 0;
}

/* Nothing may stay transient for a window that is gone. */
static void
leave_owned(struct gui_window *gone)
{
	struct core *c = gone->core;
	struct gui_window *w;

	for (size_t i = 0; i < CORE_BUCKETS; i++) {
		list_for_each (w, &c->buckets[i], link) {
			if (w->owner != gone->id || w == gone)
				continue;
			w->owner = 0;
			display_window_set_owner(w->view, NULL);
		}
	}
}

static void
forget_acks_of(struct gui_window *w)
{
	struct core_ack *ack, *following;

	list_for_each_safe (ack, following, &w->core->acks, link) {
		if (ack->window == w->id) {
			list_remove(&ack->link);
			free(ack);
		}
	}
}

void
window_destroy(struct gui_window *w)
{
	struct core *c = w->core;

	if (c->state == CORE_RUNNING)
		leave_owned(w);
	window_drop_buffers(w);
	forget_acks_of(w);
	if (c->focused == w)
		c->focused = NULL;
	if (w->popup && w->mapped)
		c->popup_count--;
	display_window_destroy(w->view);
	list_remove(&w->dirty_link);
	list_remove(&w->link);
	c->window_count--;
	free(w);
}

int
window_handle_destroy(struct gui_window *w)
{
	struct core *c = w->core;
	uint32_t id = w->id;

	window_destroy(w);
	if (core_has_minor(c, GUI_MINOR_DESTROY_ECHO))
		core_send_bare(c, GUI_DESTROY, id);
	return 0;
}

/* The window that may be the owner: one that exists, and no circle. */
static struct gui_window *
find_owner(struct gui_window *w, uint32_t untrusted_id)
{
	struct gui_window *owner = core_find(w->core, untrusted_id), *link = owner;

	for (int i = 0; link != NULL && i < CORE_OWNER_CHAIN_MAX; i++) {
		if (link == w)
			return NULL;
		link = link->owner != 0 ? core_find(w->core, link->owner) : NULL;
	}
	return link == NULL ? owner : NULL;
}

int
window_handle_map(struct gui_window *w, const struct gui_map *m)
{
	struct gui_window *owner;

	if (w->core->config->invisible || w->mapped || w->docked)
		return 0;
	owner = find_owner(w, m->transient_for);
	w->owner = owner != NULL ? owner->id : 0;
	display_window_set_owner(w->view, owner != NULL ? owner->view : NULL);
	window_set_popup(w, m->override_redirect != 0 && window_may_be_popup(w));
	if (window_force_on_screen(w))
		display_window_place(w->view, &w->place);
	w->mapped = true;
	if (w->popup)
		w->core->popup_count++;
	display_window_set_state(w->view, w->first_state);
	w->state = w->first_state;
	display_window_map(w->view);
	return 0;
}

int
window_handle_unmap(struct gui_window *w)
{
	if (w->docked)
		return 0;
	if (w->popup && w->mapped)
		w->core->popup_count--;
	w->mapped = false;
	w->stop_told = false;
	w->first_state = w->state = 0;
	w->fake_fullscreen = false;
	w->told_flags = 0;
	if (w->core->focused == w) {
		w->core->focused = NULL;
		w->focused = false;
	}
	window_drop_buffers(w);
	display_window_unmap(w->view);
	return 0;
}

int
window_handle_dock(struct gui_window *w)
{
	if (w->mapped || w->docked) {
		if (core_may_complain(w->core))
			log_warning("window 0x%x: only a window that is not shown can be docked",
				w->id);
		return 0;
	}
	window_set_popup(w, false);
	w->docked = true;
	display_window_dock(w->view);
	return 0;
}

void
core_handle_docked(struct gui_window *w)
{
	w->mapped = true;
	window_damage_all(w);
}

/* The window manager brought it back, or showed it first. */
void
core_handle_mapped(struct gui_window *w)
{
	struct gui_message m = {.type = GUI_MAP, .window = w->id};

	if (!w->mapped || w->docked)
		return;
	m.map.override_redirect = w->popup;
	core_send(w->core, &m);
	window_damage_all(w);
}

void
core_handle_close(struct gui_window *w)
{
	core_send_bare(w->core, GUI_CLOSE, w->id);
}
