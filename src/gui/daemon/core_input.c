/*
 * Input on its way to the qube (spec gui.md 4). A qube hears of the keyboard only while one of its
 * windows has the focus, and of chords never.
 */
#include <string.h>

#include "gui/daemon/core_private.h"

static void
send_keymap(struct core *c, bool honest)
{
	struct gui_message m = {.type = GUI_KEYMAP_NOTIFY};

	if (honest)
		display_get_keymap(c->display, m.keymap.bits);
	core_send(c, &m);
}

static void
note_input(struct gui_window *w)
{
	w->core->input_time_ms = core_now_ms(w->core);
}

void
core_handle_key(struct gui_window *w, const struct gui_key *key, uint32_t keysym, uint32_t time)
{
	struct gui_message m = {.type = GUI_KEYPRESS, .window = w->id, .key = *key};

	if (!w->focused)
		return;
	note_input(w);
	if (core_clipboard_chord(w, key, keysym, time))
		return;
	core_send(w->core, &m);
}

void
core_handle_button(struct gui_window *w, const struct gui_button *button, uint32_t time)
{
	struct gui_message m = {.type = GUI_BUTTON, .window = w->id, .button = *button};

	(void)time;
	note_input(w);
	w->button_since_focus = true;
	core_send(w->core, &m);
}

/* While the qube is slow to read, only the last of many motions is kept. */
void
core_handle_motion(struct gui_window *w, const struct gui_motion *motion)
{
	struct core *c = w->core;
	struct gui_message m = {.type = GUI_MOTION, .window = w->id, .motion = *motion};
	const size_t size = GUI_HEADER_BYTES + sizeof(m.motion);

	if (c->motion_last && c->motion_window == w->id && buf_len(&c->out) >= size)
		buf_trim(&c->out, size);
	core_send(c, &m);
	c->motion_last = buf_len(&c->out) >= size;
	c->motion_window = w->id;
}

void
core_handle_crossing(struct gui_window *w, const struct gui_crossing *crossing)
{
	struct gui_message m = {.type = GUI_CROSSING, .window = w->id, .crossing = *crossing};

	/* Which keys are down is the business of the qube with the focus alone. */
	if (crossing->type == GUI_EVENT_ENTER)
		send_keymap(w->core, w->core->focused != NULL);
	core_send(w->core, &m);
}

static void
forget_focus(struct core *c)
{
	if (c->focused != NULL)
		c->focused->focused = false;
	c->focused = NULL;
}

void
core_handle_focus(struct gui_window *w, bool in, enum core_mode mode)
{
	struct core *c = w->core;
	struct gui_message m = {
		.type = GUI_FOCUS,
		.window = w->id,
		.focus = {.type = in ? GUI_EVENT_FOCUS_IN : GUI_EVENT_FOCUS_OUT},
	};

	/* A window manager that grabs the keyboard for a moment does not concern the qube. */
	if (mode == CORE_MODE_GRAB || w->focused == in)
		return;
	if (in) {
		forget_focus(c);
		c->focused = w;
		w->focused = true;
		w->focus_time_ms = core_now_ms(c);
		w->button_since_focus = false;
		send_keymap(c, true);
	} else {
		forget_focus(c);
		c->swallowed_key = 0;
	}
	core_send(c, &m);
}
