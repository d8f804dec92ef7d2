/*
 * The tray of the qube: programs that have an icon for it find its owner here. Each icon gets a
 * window of ours around it, which the daemon shows in the tray of the host. See agent.h.
 */
#include <stdlib.h>

#include "gui/agent/agent.h"

#define ICON_SIZE 32
#define REQUEST_DOCK 0
#define XEMBED_EMBEDDED_NOTIFY 0

void
tray_init(struct agent *a)
{
	const uint32_t data[5] = {XCB_CURRENT_TIME, a->atoms._NET_SYSTEM_TRAY_S0, a->helper};

	xcb_set_selection_owner(a->x, a->helper, a->atoms._NET_SYSTEM_TRAY_S0, XCB_CURRENT_TIME);
	agent_send_client_message(a, a->screen->root, a->screen->root,
		XCB_EVENT_MASK_STRUCTURE_NOTIFY, a->atoms.MANAGER, data);
}

static struct agent_window *
find_icon(const struct agent *a, xcb_window_t icon)
{
	for (int i = 0; i < WINDOW_HASH_SIZE; i++) {
		struct agent_window *w;

		list_for_each (w, (struct list *)&a->windows[i], link) {
			if (w->docked == icon)
				return w;
		}
	}
	return NULL;
}

static xcb_window_t
create_embedder(struct agent *a)
{
	const uint32_t values[] = {a->screen->white_pixel, 1, XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY};
	xcb_window_t id = xcb_generate_id(a->x);

	xcb_create_window(a->x, XCB_COPY_FROM_PARENT, id, a->screen->root, 0, 0, ICON_SIZE,
		ICON_SIZE, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, a->screen->root_visual,
		XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
	return id;
}

static void
dock(struct agent *a, xcb_window_t icon)
{
	const uint32_t size[] = {ICON_SIZE, ICON_SIZE};
	uint32_t data[5] = {XCB_CURRENT_TIME, XEMBED_EMBEDDED_NOTIFY, 0, 0, 0};
	struct agent_window *w;

	if (icon == XCB_NONE || find_icon(a, icon) != NULL)
		return;
	w = window_add(a, create_embedder(a));
	if (w == NULL)
		return;
	w->docked = icon;
	xcb_configure_window(a->x, icon, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, size);
	xcb_reparent_window(a->x, icon, w->id, 0, 0);
	data[3] = w->id;
	agent_send_client_message(a, icon, icon, 0, a->atoms._XEMBED, data);
	xcb_map_window(a->x, icon);
	xcb_map_window(a->x, w->id);
	window_announce(a, w);
}

bool
tray_handle_message(struct agent *a, const xcb_client_message_event_t *event)
{
	if (event->type != a->atoms._NET_SYSTEM_TRAY_OPCODE || event->format != 32)
		return false;
	if (event->data.data32[1] == REQUEST_DOCK)
		dock(a, event->data.data32[2]);
	return true;
}

void
tray_handle_icon_gone(struct agent *a, xcb_window_t icon)
{
	struct agent_window *w = find_icon(a, icon);

	/* Its own DESTROY_NOTIFY brings the rest. */
	if (w != NULL)
		xcb_destroy_window(a->x, w->id);
}
