/* What the daemon says of a window, done. See agent.h. */
#include "gui/agent/agent.h"

/* Without a change the X server would say nothing, and the daemon wait. */
static void
handle_configure(struct agent *a, struct agent_window *w, const struct gui_configure *c)
{
	const uint16_t mask = XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y | XCB_CONFIG_WINDOW_WIDTH |
			      XCB_CONFIG_WINDOW_HEIGHT;
	const uint32_t values[] = {(uint32_t)c->x, (uint32_t)c->y, c->width, c->height};

	if (c->width == 0 || c->height == 0 || c->width > GUI_MAX_WIDTH ||
		c->height > GUI_MAX_HEIGHT ||
		(c->x == w->x && c->y == w->y && c->width == w->width && c->height == w->height))
		window_send_configure(a, w);
	else
		xcb_configure_window(a->x, w->id, mask, values);
}

static void
handle_close(struct agent *a, const struct agent_window *w)
{
	const uint32_t data[5] = {a->atoms.WM_DELETE_WINDOW, XCB_CURRENT_TIME};

	if (w->accepts_delete)
		agent_send_client_message(a, w->id, w->id, 0, a->atoms.WM_PROTOCOLS, data);
	else
		xcb_kill_client(a->x, w->id);
}

static void
handle_flags(struct agent *a, const struct agent_window *w, const struct gui_flags *flags)
{
	if ((flags->set & flags->unset) == 0)
		properties_set_flags(a, w->id, flags);
}

void
window_handle_message(struct agent *a, struct agent_window *w, const struct gui_message *m)
{
	switch (m->type) {
	case GUI_BUTTON:
		input_handle_button(a, w, &m->button);
		break;
	case GUI_MOTION:
		input_handle_motion(a, w, &m->motion);
		break;
	case GUI_CROSSING:
		input_handle_crossing(a, w, &m->crossing);
		break;
	case GUI_FOCUS:
		input_handle_focus(a, w, &m->focus);
		break;
	case GUI_X_SCROLL:
		input_handle_scroll(a, w, &m->scroll);
		break;
	case GUI_CONFIGURE:
		handle_configure(a, w, &m->configure);
		break;
	case GUI_MAP:
		xcb_map_window(a->x, w->id);
		break;
	case GUI_CLOSE:
		handle_close(a, w);
		break;
	case GUI_WINDOW_FLAGS:
		handle_flags(a, w, &m->flags);
		break;
	case GUI_X_FRAME:
		content_handle_frame(a, w, &m->frame);
		break;
	default:
		break;
	}
}
