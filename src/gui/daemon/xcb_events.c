/*
 * What the X server tells, given to the core. Input that some program made up (send_event) is
 * dropped here: a person's keys and clicks come from the server alone.
 */
#include <stdlib.h>
#include <string.h>

#include "gui/daemon/xcb_private.h"

#define SYNTHETIC 0x80
#define MOVERESIZE_MOVE 8

static bool
has_window_manager(struct display *d)
{
	xcb_get_property_reply_t *reply = xcb_get_property_reply(d->x,
		xcb_get_property(d->x, 0, d->screen->root, d->atoms[ATOM_NET_SUPPORTING_WM_CHECK],
			XCB_ATOM_WINDOW, 0, 1),
		NULL);
	bool has = reply != NULL && xcb_get_property_value_length(reply) == 4;

	free(reply);
	return has;
}

/* The chord's keysym if the key has it in any layout, else what it has in the first. */
static uint32_t
keysym_of(struct display *d, xcb_keycode_t keycode)
{
	for (int column = 0; column < 4; column++) {
		xcb_keysym_t keysym = xcb_key_symbols_get_keysym(d->keysyms, keycode, column);

		if (keysym != 0 &&
			(keysym == d->config->copy.keysym || keysym == d->config->paste.keysym))
			return keysym;
	}
	return xcb_key_symbols_get_keysym(d->keysyms, keycode, 0);
}

static void
handle_key(struct display *d, const xcb_key_press_event_t *e)
{
	struct display_window *v = display_find_frame(d, e->event);
	struct gui_key key;
	struct margins m;

	if (v == NULL)
		return;
	m = display_window_margins(v);
	key = (struct gui_key){
		.type = (e->response_type & ~SYNTHETIC) == XCB_KEY_PRESS ? GUI_EVENT_KEY_PRESS
									 : GUI_EVENT_KEY_RELEASE,
		.x = e->event_x - m.left,
		.y = e->event_y - m.top,
		.state = e->state,
		.keycode = e->detail,
	};
	if (key.type == GUI_EVENT_KEY_PRESS)
		display_window_touch(v, e->time);
	core_handle_key(v->window, &key, keysym_of(d, e->detail), e->time);
}

/* Where the child begins in the core's coordinates of the window. */
static int
inset_of(const struct display_window *v)
{
	return v->popup ? POPUP_BORDER : 0;
}

static void
take_focus(struct display_window *v, xcb_timestamp_t time)
{
	const uint32_t above = XCB_STACK_MODE_ABOVE;

	if (!v->docked)
		xcb_configure_window(v->d->x, v->frame, XCB_CONFIG_WINDOW_STACK_MODE, &above);
	xcb_set_input_focus(v->d->x, XCB_INPUT_FOCUS_POINTER_ROOT, v->frame, time);
}

/* A click on our strip: the window manager moves the window, if there is one. */
static void
handle_strip(struct display_window *v, const xcb_button_press_event_t *e)
{
	struct display *d = v->d;
	const uint32_t data[5] = {
		(uint32_t)e->root_x, (uint32_t)e->root_y, MOVERESIZE_MOVE, e->detail, 1};

	if (e->response_type != XCB_BUTTON_PRESS || e->detail != 1 || v->popup || v->docked)
		return;
	if (!has_window_manager(d)) {
		take_focus(v, e->time);
		return;
	}
	xcb_ungrab_pointer(d->x, e->time);
	display_send_message(d, d->screen->root, v->frame, d->atoms[ATOM_NET_WM_MOVERESIZE], data,
		XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY | XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT);
}

static void
handle_button(struct display *d, const xcb_button_press_event_t *e)
{
	struct display_window *v = display_find_content(d, e->event);
	struct gui_button button;

	if (v == NULL) {
		v = display_find_frame(d, e->event);
		if (v != NULL)
			handle_strip(v, e);
		return;
	}
	button = (struct gui_button){
		.type = e->response_type == XCB_BUTTON_PRESS ? GUI_EVENT_BUTTON_PRESS
							     : GUI_EVENT_BUTTON_RELEASE,
		.x = e->event_x + inset_of(v),
		.y = e->event_y + inset_of(v),
		.state = e->state,
		.button = e->detail,
	};
	if (button.type == GUI_EVENT_BUTTON_PRESS) {
		display_window_touch(v, e->time);
		/* Nobody else gives the focus to an icon, or without a window manager. */
		if (v->docked || (!v->popup && !has_window_manager(d)))
			take_focus(v, e->time);
	}
	core_handle_button(v->window, &button, e->time);
}

static void
handle_motion(struct display *d, const xcb_motion_notify_event_t *e)
{
	struct display_window *v = display_find_content(d, e->event);
	struct gui_motion motion;

	if (v == NULL)
		return;
	motion = (struct gui_motion){
		.x = e->event_x + inset_of(v),
		.y = e->event_y + inset_of(v),
		.state = e->state,
		.is_hint = e->detail,
	};
	core_handle_motion(v->window, &motion);
}

static void
handle_crossing(struct display *d, const xcb_enter_notify_event_t *e)
{
	struct display_window *v = display_find_content(d, e->event);
	struct gui_crossing crossing;

	if (v == NULL)
		return;
	crossing = (struct gui_crossing){
		.type = e->response_type == XCB_ENTER_NOTIFY ? GUI_EVENT_ENTER : GUI_EVENT_LEAVE,
		.x = e->event_x + inset_of(v),
		.y = e->event_y + inset_of(v),
		.state = e->state,
		.mode = e->mode,
		.detail = e->detail,
		.focus = e->same_screen_focus & 1U,
	};
	core_handle_crossing(v->window, &crossing);
}

static void
handle_focus(struct display *d, const xcb_focus_in_event_t *e)
{
	struct display_window *v = display_find_frame(d, e->event);
	enum core_mode mode = CORE_MODE_GRAB;

	/* Where the pointer happens to be while nobody has the focus is not the focus. */
	if (v == NULL || e->detail == XCB_NOTIFY_DETAIL_POINTER ||
		e->detail == XCB_NOTIFY_DETAIL_POINTER_ROOT || e->detail == XCB_NOTIFY_DETAIL_NONE)
		return;
	if (e->mode == XCB_NOTIFY_MODE_NORMAL || e->mode == XCB_NOTIFY_MODE_WHILE_GRABBED)
		mode = CORE_MODE_NORMAL;
	core_handle_focus(v->window, e->response_type == XCB_FOCUS_IN, mode);
}

static void
handle_configure(struct display *d, const xcb_configure_notify_event_t *e, bool synthetic)
{
	struct display_window *v = display_find_frame(d, e->window);
	struct area frame = {e->x, e->y, e->width, e->height};

	if (e->window == d->screen->root) {
		display_read_work_area(d);
		return;
	}
	if (v == NULL || e->event != v->frame)
		return;
	if (!synthetic && v->reparented) {
		xcb_translate_coordinates_reply_t *reply = xcb_translate_coordinates_reply(d->x,
			xcb_translate_coordinates(d->x, v->frame, d->screen->root, 0, 0), NULL);

		if (reply == NULL)
			return;
		frame.x = reply->dst_x;
		frame.y = reply->dst_y;
		free(reply);
	}
	display_window_moved(v, &frame);
}

static unsigned int
state_of_atom(const struct display *d, xcb_atom_t atom, unsigned int *maximized)
{
	if (atom == d->atoms[ATOM_NET_WM_STATE_FULLSCREEN])
		return DISPLAY_FULLSCREEN;
	if (atom == d->atoms[ATOM_NET_WM_STATE_DEMANDS_ATTENTION])
		return DISPLAY_ATTENTION;
	if (atom == d->atoms[ATOM_NET_WM_STATE_HIDDEN])
		return DISPLAY_HIDDEN;
	if (atom == d->atoms[ATOM_NET_WM_STATE_MAXIMIZED_VERT])
		*maximized |= 1;
	if (atom == d->atoms[ATOM_NET_WM_STATE_MAXIMIZED_HORZ])
		*maximized |= 2;
	return 0;
}

static void
read_state(struct display_window *v)
{
	struct display *d = v->d;
	xcb_get_property_reply_t *reply = xcb_get_property_reply(d->x,
		xcb_get_property(
			d->x, 0, v->frame, d->atoms[ATOM_NET_WM_STATE], XCB_ATOM_ATOM, 0, 32),
		NULL);
	unsigned int state = 0, maximized = 0;
	const xcb_atom_t *atoms;

	if (reply == NULL)
		return;
	atoms = xcb_get_property_value(reply);
	for (int i = 0; i < xcb_get_property_value_length(reply) / 4; i++)
		state |= state_of_atom(d, atoms[i], &maximized);
	if (maximized == 3)
		state |= DISPLAY_MAXIMIZED;
	free(reply);
	core_handle_state(v->window, state);
}

static void
handle_property(struct display *d, const xcb_property_notify_event_t *e)
{
	struct display_window *v;

	if (e->window == d->screen->root) {
		if (e->atom == d->atoms[ATOM_NET_WORKAREA] ||
			e->atom == d->atoms[ATOM_NET_CURRENT_DESKTOP])
			display_read_work_area(d);
		return;
	}
	v = display_find_frame(d, e->window);
	if (v != NULL && e->atom == d->atoms[ATOM_NET_WM_STATE])
		read_state(v);
}

static void
handle_expose(struct display *d, const xcb_expose_event_t *e)
{
	struct display_window *v = display_find_content(d, e->window);
	struct area part = {e->x, e->y, e->width, e->height};

	if (v != NULL) {
		part.x += inset_of(v);
		part.y += inset_of(v);
		core_handle_exposed(v->window, &part);
		return;
	}
	v = display_find_frame(d, e->window);
	if (v != NULL && e->count == 0)
		display_paint_title(v);
}

static void
handle_client_message(struct display *d, const xcb_client_message_event_t *e)
{
	struct display_window *v;
	xcb_client_message_event_t pong = *e;

	if (e->type == d->atoms[ATOM_MANAGER] && e->format == 32 &&
		e->data.data32[1] == d->atoms[ATOM_NET_SYSTEM_TRAY_S]) {
		display_tray_redock(d);
		return;
	}
	v = display_find_frame(d, e->window);
	if (v == NULL || e->format != 32)
		return;
	if (e->type == d->atoms[ATOM_XEMBED]) {
		display_tray_handle_message(v, e);
		return;
	}
	if (e->type != d->atoms[ATOM_WM_PROTOCOLS])
		return;
	if (e->data.data32[0] == d->atoms[ATOM_WM_DELETE_WINDOW]) {
		core_handle_close(v->window);
	} else if (e->data.data32[0] == d->atoms[ATOM_NET_WM_PING]) {
		/* We answer ourselves: a qube that hangs does not make us hang. */
		pong.window = d->screen->root;
		xcb_send_event(d->x, 0, d->screen->root,
			XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY | XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT,
			(const char *)&pong);
	}
}

static void
handle_map(struct display *d, const xcb_map_notify_event_t *e)
{
	struct display_window *v = display_find_frame(d, e->window);

	if (v == NULL || e->event != v->frame)
		return;
	/* The agent asked for the first one. */
	if (v->map_expected)
		v->map_expected = false;
	else
		core_handle_mapped(v->window);
}

static void
handle_reparent(struct display *d, const xcb_reparent_notify_event_t *e)
{
	struct display_window *v = display_find_frame(d, e->window);

	if (v != NULL && e->event == v->frame)
		v->reparented = e->parent != d->screen->root;
}

/* What a program can make up with SendEvent, and does not deceive us. */
static void
dispatch_message(struct display *d, xcb_generic_event_t *event)
{
	switch (event->response_type & ~SYNTHETIC) {
	case XCB_CLIENT_MESSAGE:
		handle_client_message(d, (const xcb_client_message_event_t *)event);
		break;
	case XCB_CONFIGURE_NOTIFY:
		handle_configure(d, (const xcb_configure_notify_event_t *)event,
			(event->response_type & SYNTHETIC) != 0);
		break;
	}
}

void
display_dispatch(struct display *d, xcb_generic_event_t *event)
{
	switch (event->response_type) {
	case XCB_KEY_PRESS:
	case XCB_KEY_RELEASE:
		handle_key(d, (const xcb_key_press_event_t *)event);
		break;
	case XCB_BUTTON_PRESS:
	case XCB_BUTTON_RELEASE:
		handle_button(d, (const xcb_button_press_event_t *)event);
		break;
	case XCB_MOTION_NOTIFY:
		handle_motion(d, (const xcb_motion_notify_event_t *)event);
		break;
	case XCB_ENTER_NOTIFY:
	case XCB_LEAVE_NOTIFY:
		handle_crossing(d, (const xcb_enter_notify_event_t *)event);
		break;
	case XCB_FOCUS_IN:
	case XCB_FOCUS_OUT:
		handle_focus(d, (const xcb_focus_in_event_t *)event);
		break;
	case XCB_EXPOSE:
		handle_expose(d, (const xcb_expose_event_t *)event);
		break;
	case XCB_MAP_NOTIFY:
		handle_map(d, (const xcb_map_notify_event_t *)event);
		break;
	case XCB_REPARENT_NOTIFY:
		handle_reparent(d, (const xcb_reparent_notify_event_t *)event);
		break;
	case XCB_PROPERTY_NOTIFY:
		handle_property(d, (const xcb_property_notify_event_t *)event);
		break;
	case XCB_MAPPING_NOTIFY:
		xcb_refresh_keyboard_mapping(d->keysyms, (xcb_mapping_notify_event_t *)event);
		break;
	default:
		dispatch_message(d, event);
	}
}
