/*
 * Where windows may be: the handshake of geometry with the agent (spec gui.md 2.4), and the rules
 * for windows that no window manager looks after (6.4).
 */
#include "base/log.h"
#include "gui/daemon/core_private.h"

/* A popup may cover at most this much of the work area. */
#define POPUP_SHARE_PERCENT 90
#define STRICT_INPUT_MS 2000

static int
clamp(int64_t value, int limit)
{
	if (value > limit)
		return limit;
	return value < -limit ? -limit : (int)value;
}

void
area_clamp(struct area *a, int64_t x, int64_t y, uint32_t width, uint32_t height)
{
	*a = (struct area){
		.x = clamp(x, GUI_MAX_WIDTH),
		.y = clamp(y, GUI_MAX_HEIGHT),
		.width = width > GUI_MAX_WIDTH ? GUI_MAX_WIDTH : (int)width,
		.height = height > GUI_MAX_HEIGHT ? GUI_MAX_HEIGHT : (int)height,
	};
}

static bool
is_too_large_for_a_popup(struct gui_window *w)
{
	struct core *c = w->core;
	struct area root, work;

	if (!c->config->override_redirect_protection)
		return false;
	display_get_areas(c->display, &root, &work);
	if ((int64_t)w->place.width * w->place.height * 100 <=
		(int64_t)work.width * work.height * POPUP_SHARE_PERCENT)
		return false;
	if (!c->popup_notice_given)
		c->handler->handle_notice(c->data,
			"This qube wants to cover the screen with a window without a title; it is "
			"shown as an ordinary window.");
	c->popup_notice_given = true;
	return true;
}

bool
window_may_be_popup(struct gui_window *w)
{
	struct core *c = w->core;

	if (c->config->popups != GUI_POPUPS_ALLOWED || w->docked)
		return false;
	if (!(w->mapped && w->popup) && c->popup_count >= CORE_POPUPS_MAX)
		return false;
	if (c->config->strict_popups && w->owner == 0 &&
		(c->input_time_ms == 0 || core_now_ms(c) - c->input_time_ms > STRICT_INPUT_MS))
		return false;
	return !is_too_large_for_a_popup(w);
}

/* Pushes one dimension into [start, start + length), shortening it if it must. */
static void
push(int *at, int *size, int start, int length, int least)
{
	if (*size > length)
		*size = length > least ? length : least;
	if (*at + *size > start + length)
		*at = start + length - *size;
	if (*at < start)
		*at = start;
}

/*
 * A window that is wholly outside of the screen shows nothing, and is left alone. Any other has to
 * lie within the work area with its border: what a qube could push off the screen is what tells
 * its windows from those of others.
 */
bool
window_force_on_screen(struct gui_window *w)
{
	struct margins m = {0};
	struct area root, work, old = w->place, frame;

	if (w->docked || (w->state & DISPLAY_FULLSCREEN) != 0)
		return false;
	if (w->view != NULL)
		m = display_window_margins(w->view);
	display_get_areas(w->core->display, &root, &work);
	frame = (struct area){old.x - m.left, old.y - m.top, old.width + m.left + m.right,
		old.height + m.top + m.bottom};
	if (!area_intersect(&frame, &root, &(struct area){0}))
		return false;
	push(&frame.x, &frame.width, work.x, work.width, m.left + m.right + 1);
	push(&frame.y, &frame.height, work.y, work.height, m.top + m.bottom + 1);
	w->place = (struct area){frame.x + m.left, frame.y + m.top, frame.width - m.left - m.right,
		frame.height - m.top - m.bottom};
	return !area_equal(&w->place, &old);
}

/* Only while unmapped: a window manager looks at it once. */
void
window_set_popup(struct gui_window *w, bool popup)
{
	if (w->popup == popup)
		return;
	w->popup = popup;
	display_window_set_popup(w->view, popup);
}

static void
send_place(struct gui_window *w)
{
	struct gui_message m = {
		.type = GUI_CONFIGURE,
		.window = w->id,
		.configure = {w->place.x, w->place.y, (uint32_t)w->place.width,
			(uint32_t)w->place.height, 0},
	};

	core_send(w->core, &m);
}

/* A popup that outgrew what one may be becomes a window that can be moved and closed. */
static void
become_managed(struct gui_window *w)
{
	display_window_unmap(w->view);
	if (w->mapped)
		w->core->popup_count--;
	window_set_popup(w, false);
	window_force_on_screen(w);
	display_window_place(w->view, &w->place);
	if (w->mapped)
		display_window_map(w->view);
}

/* Takes over the agent's geometry. */
static void
adopt(struct gui_window *w, const struct area *place)
{
	w->place = *place;
	if (w->popup && !window_may_be_popup(w)) {
		become_managed(w);
	} else {
		if (w->mapped)
			window_force_on_screen(w);
		display_window_place(w->view, &w->place);
	}
	/* What we made of it is what the agent has to know. */
	if (!area_equal(&w->place, place) && !w->queued) {
		w->queued = true;
		w->resends = 0;
		send_place(w);
	}
	window_damage_all(w);
}

int
window_handle_configure(struct gui_window *w, const struct gui_configure *m, struct err *err)
{
	struct area place;
	bool differs;

	if (m->width == 0 || m->height == 0)
		return core_ask(w->core, err, w->id, "size");
	area_clamp(&place, m->x, m->y, m->width, m->height);
	differs = !area_equal(&place, &w->place);
	if (w->docked) {
		if (differs)
			send_place(w);
		w->queued = false;
		return 0;
	}
	if (w->queued) {
		if (differs && w->resends < CORE_RESENDS_MAX) {
			w->resends++;
			send_place(w);
			return 0;
		}
		w->queued = false;
		/* One that never agrees gets its way, within the rules, and no further word. */
		if (differs && w->popup == false) {
			w->place = place;
			if (w->mapped)
				window_force_on_screen(w);
			display_window_place(w->view, &w->place);
			window_damage_all(w);
		}
		return 0;
	}
	if (differs)
		adopt(w, &place);
	return 0;
}

void
core_handle_geometry(struct gui_window *w, const struct area *content)
{
	struct area place = *content;

	if (w->docked) {
		place.x = place.x < 0 ? 0 : place.x;
		place.y = place.y < 0 ? 0 : place.y;
	}
	if (area_equal(&place, &w->place))
		return;
	w->place = place;
	if (w->popup && w->mapped && window_force_on_screen(w))
		display_window_place(w->view, &w->place);
	window_damage_all(w);
	if (w->queued)
		return;
	w->queued = true;
	w->resends = 0;
	send_place(w);
}
