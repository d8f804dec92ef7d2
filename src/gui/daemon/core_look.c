/* What a qube says about the look of its windows: titles, classes, hints, states, cursors. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "gui/daemon/core_private.h"
#include "gui/daemon/title.h"

int
window_handle_title(struct gui_window *w, const struct gui_title *m)
{
	const struct gui_config *config = w->core->config;
	char text[GUI_TITLE_BYTES + 1];

	title_filter_name(m->untrusted_text, GUI_TITLE_BYTES - 1, config->allow_utf8_titles, text);
	display_window_set_title(w->view, text);
	return 0;
}

int
window_handle_class(struct gui_window *w, const struct gui_class *m)
{
	char class[GUI_CLASS_BYTES + 1], name[GUI_CLASS_BYTES + 1];
	char full_class[QUBE_NAME_MAX + GUI_CLASS_BYTES + 2];
	char full_name[QUBE_NAME_MAX + GUI_CLASS_BYTES + 2];
	const char *qube = w->core->config->name;

	if (w->mapped)
		return 0;
	title_filter(m->untrusted_class, GUI_CLASS_BYTES - 1, false, class);
	title_filter(m->untrusted_name, GUI_CLASS_BYTES - 1, false, name);
	/* With the qube in front no window of it can be taken for a program of ours. */
	snprintf(full_class, sizeof(full_class), "%s:%s", qube, class);
	snprintf(full_name, sizeof(full_name), "%s:%s", qube, name);
	display_window_set_class(w->view, full_class, full_name);
	return 0;
}

static bool
fits(uint32_t width, uint32_t height)
{
	return width <= GUI_MAX_WIDTH && height <= GUI_MAX_HEIGHT;
}

int
window_handle_hints(struct gui_window *w, const struct gui_hints *m)
{
	struct gui_hints h = *m;
	uint32_t good = m->flags & (GUI_HINT_USER_POSITION | GUI_HINT_PROGRAM_POSITION);

	if (fits(m->min_width, m->min_height))
		good |= m->flags & GUI_HINT_MIN_SIZE;
	if (fits(m->max_width, m->max_height) && m->max_width > 0 && m->max_height > 0)
		good |= m->flags & GUI_HINT_MAX_SIZE;
	if (m->width_increment < GUI_MAX_WIDTH && m->height_increment < GUI_MAX_HEIGHT &&
		m->width_increment > 0 && m->height_increment > 0)
		good |= m->flags & GUI_HINT_INCREMENT;
	if (fits(m->base_width, m->base_height))
		good |= m->flags & GUI_HINT_BASE_SIZE;
	if ((good & GUI_HINT_MIN_SIZE) != 0 && (good & GUI_HINT_MAX_SIZE) != 0 &&
		(m->min_width > m->max_width || m->min_height > m->max_height))
		good &= ~(uint32_t)(GUI_HINT_MIN_SIZE | GUI_HINT_MAX_SIZE);
	if (good != m->flags)
		log_debug("window 0x%x: hints 0x%x, of them used 0x%x", w->id, m->flags, good);
	h.flags = good;
	display_window_set_hints(w->view, &h);
	return 0;
}

/* Before the window is shown: what it is to start with. */
static void
set_first_state(struct gui_window *w, uint32_t set, uint32_t unset)
{
	bool allowed = w->core->config->allow_fullscreen;

	if ((set & GUI_FLAG_FULLSCREEN) != 0) {
		w->first_state |= allowed ? DISPLAY_FULLSCREEN : DISPLAY_MAXIMIZED;
		w->fake_fullscreen = !allowed;
	}
	if ((unset & GUI_FLAG_FULLSCREEN) != 0) {
		w->first_state &= ~(unsigned int)(DISPLAY_FULLSCREEN | DISPLAY_MAXIMIZED);
		w->fake_fullscreen = false;
	}
	if ((set & GUI_FLAG_ATTENTION) != 0)
		w->first_state |= DISPLAY_ATTENTION;
	if ((unset & GUI_FLAG_ATTENTION) != 0)
		w->first_state &= ~(unsigned int)DISPLAY_ATTENTION;
	display_window_set_state(w->view, w->first_state);
}

static void
ask_fullscreen(struct gui_window *w)
{
	if (w->core->config->allow_fullscreen) {
		display_window_ask_state(w->view, DISPLAY_FULLSCREEN, 0);
		return;
	}
	w->fake_fullscreen = true;
	display_window_ask_state(w->view, DISPLAY_MAXIMIZED, 0);
}

/* Leaving the full screen is always allowed, also one that the user made. */
static void
leave_fullscreen(struct gui_window *w)
{
	if ((w->state & DISPLAY_FULLSCREEN) != 0)
		display_window_ask_state(w->view, 0, DISPLAY_FULLSCREEN);
	else if (w->fake_fullscreen)
		display_window_ask_state(w->view, 0, DISPLAY_MAXIMIZED);
	w->fake_fullscreen = false;
}

int
window_handle_flags(struct gui_window *w, const struct gui_flags *m, struct err *err)
{
	uint32_t set = m->set, unset = m->unset;

	if ((set & unset) != 0)
		return core_ask(w->core, err, w->id, "flags set and unset");
	if (w->docked)
		return 0;
	if (!w->mapped) {
		set_first_state(w, set, unset);
		return 0;
	}
	if ((set & GUI_FLAG_MINIMIZE) != 0) {
		display_window_minimize(w->view);
		set &= ~(uint32_t)GUI_FLAG_FULLSCREEN;
	}
	if ((set & GUI_FLAG_FULLSCREEN) != 0)
		ask_fullscreen(w);
	if ((unset & GUI_FLAG_FULLSCREEN) != 0)
		leave_fullscreen(w);
	if ((set & GUI_FLAG_ATTENTION) != 0)
		display_window_ask_state(w->view, DISPLAY_ATTENTION, 0);
	return 0;
}

static void
send_flags(struct gui_window *w, uint32_t flags)
{
	struct gui_message m = {
		.type = GUI_WINDOW_FLAGS,
		.window = w->id,
		.flags = {flags & ~w->told_flags, w->told_flags & ~flags},
	};

	if (flags == w->told_flags)
		return;
	w->told_flags = flags;
	core_send(w->core, &m);
}

/* A window nobody can see need not be drawn; that windows of others cover it is not told. */
static void
tell_shown(struct gui_window *w)
{
	bool stopped = (w->state & DISPLAY_HIDDEN) != 0;
	struct gui_message m = {
		.type = GUI_X_FRAME,
		.window = w->id,
		.frame = {w->serial, stopped ? GUI_FRAME_STOPPED : 0},
	};

	if (stopped == w->stop_told || (w->core->features & GUI_FEATURE_FRAME) == 0)
		return;
	w->stop_told = stopped;
	core_send(w->core, &m);
}

void
core_handle_state(struct gui_window *w, unsigned int state)
{
	uint32_t flags = 0;

	if (!w->mapped || w->docked)
		return;
	w->state = state;
	if ((state & DISPLAY_FULLSCREEN) != 0) {
		w->fake_fullscreen = false;
		flags |= GUI_FLAG_FULLSCREEN;
	} else if (w->fake_fullscreen && (state & DISPLAY_MAXIMIZED) != 0) {
		flags |= GUI_FLAG_FULLSCREEN;
	} else {
		w->fake_fullscreen = false;
	}
	if ((state & DISPLAY_ATTENTION) != 0)
		flags |= GUI_FLAG_ATTENTION;
	if ((state & DISPLAY_HIDDEN) != 0)
		flags |= GUI_FLAG_MINIMIZE;
	display_window_set_bare(
		w->view, (state & DISPLAY_FULLSCREEN) != 0 && w->core->config->allow_fullscreen);
	send_flags(w, flags);
	tell_shown(w);
}

int
window_handle_cursor(struct gui_window *w, const struct gui_cursor *m, struct err *err)
{
	if (m->id != GUI_CURSOR_DEFAULT &&
		((m->id & GUI_CURSOR_X11) == 0 || m->id >= GUI_CURSOR_X11_END))
		return core_ask(w->core, err, w->id, "cursor");
	display_window_set_cursor(w->view, m->id);
	return 0;
}
