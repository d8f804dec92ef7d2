/* The X connection of the agent, and where its events go; see agent.h. */
#include <stdlib.h>
#include <string.h>
#include <xcb/xfixes.h>
#include <xcb/xkb.h>

#include "base/log.h"
#include "gui/agent/agent.h"

void
agent_fail(struct agent *a, const char *reason)
{
	if (a->must_end)
		return;
	log_error("%s", reason);
	a->must_end = true;
	a->exit_status = 1;
}

void
agent_send_client_message(struct agent *a, xcb_window_t to, xcb_window_t about, uint32_t mask,
	xcb_atom_t type, const uint32_t data[5])
{
	xcb_client_message_event_t event = {
		.response_type = XCB_CLIENT_MESSAGE,
		.format = 32,
		.window = about,
		.type = type,
	};

	memcpy(event.data.data32, data, sizeof(event.data.data32));
	xcb_send_event(a->x, 0, to, mask, (const char *)&event);
}

static void
handle_client_message(struct agent *a, const xcb_client_message_event_t *event)
{
	struct agent_window *w;

	if (tray_handle_message(a, event))
		return;
	w = window_find(a, event->window);
	if (w != NULL)
		properties_handle_message(a, w, event);
}

/* Some program changed the keyboard: repeating keys is the host's business alone. */
static void
handle_keyboard_event(struct agent *a, const xcb_generic_event_t *event)
{
	if (event->pad0 == XCB_XKB_CONTROLS_NOTIFY)
		input_stop_repeat(a);
	else
		input_read_modifiers(a);
}

static void
handle_property(struct agent *a, const xcb_property_notify_event_t *event)
{
	struct agent_window *w = window_find(a, event->window);

	if (w != NULL)
		properties_handle_change(a, w, event->atom);
}

static void
handle_event(struct agent *a, const xcb_generic_event_t *event)
{
	uint8_t type = event->response_type & 0x7f;

	switch (type) {
	case 0: /* a window that went away meanwhile: ordinary */
		return;
	case XCB_CREATE_NOTIFY:
	case XCB_DESTROY_NOTIFY:
	case XCB_MAP_NOTIFY:
	case XCB_UNMAP_NOTIFY:
	case XCB_REPARENT_NOTIFY:
	case XCB_CONFIGURE_NOTIFY:
		windows_handle_event(a, event);
		return;
	case XCB_MAP_REQUEST:
	case XCB_CONFIGURE_REQUEST:
		windows_handle_request(a, event);
		return;
	case XCB_PROPERTY_NOTIFY:
		handle_property(a, (const xcb_property_notify_event_t *)event);
		clipboard_handle_event(a->clipboard, event);
		return;
	case XCB_CLIENT_MESSAGE:
		handle_client_message(a, (const xcb_client_message_event_t *)event);
		return;
	case XCB_SELECTION_CLEAR:
	case XCB_SELECTION_NOTIFY:
	case XCB_SELECTION_REQUEST:
		clipboard_handle_event(a->clipboard, event);
		return;
	case XCB_MAPPING_NOTIFY:
		input_read_modifiers(a);
		return;
	default:
		break;
	}
	if (type == a->damage_event + XCB_DAMAGE_NOTIFY)
		content_handle_damage(a, (const xcb_damage_notify_event_t *)event);
	else if (type == a->xfixes_event + XCB_XFIXES_CURSOR_NOTIFY)
		cursor_handle_event(a, event);
	else if (type == a->xkb_event)
		handle_keyboard_event(a, event);
}

bool
agent_handle_x_events(struct agent *a)
{
	xcb_generic_event_t *event;
	bool any = false;

	while ((event = xcb_poll_for_event(a->x)) != NULL) {
		handle_event(a, event);
		free(event);
		any = true;
	}
	if (xcb_connection_has_error(a->x) != 0)
		agent_fail(a, "the X server has gone");
	return any;
}
