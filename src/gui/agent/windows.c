/*
 * The windows of the qube's X server that can be seen: the children of its root, but for our own
 * and those that only take input. See agent.h.
 */
#include <stdlib.h>
#include <xcb/composite.h>

#include "base/text.h"
#include "gui/agent/agent.h"

static struct list *
bucket(const struct agent *a, xcb_window_t id)
{
	return (struct list *)&a->windows[id % WINDOW_HASH_SIZE];
}

struct agent_window *
window_find(const struct agent *a, xcb_window_t id)
{
	struct agent_window *w;

	list_for_each (w, bucket(a, id), link) {
		if (w->id == id)
			return w;
	}
	return NULL;
}

struct agent_window *
window_find_announced(const struct agent *a, uint32_t id)
{
	struct agent_window *w = window_find(a, id);

	return w != NULL && w->is_announced ? w : NULL;
}

void
window_send_configure(struct agent *a, const struct agent_window *w)
{
	struct gui_message m = {
		.type = GUI_CONFIGURE,
		.window = w->id,
		.configure = {w->x, w->y, w->width, w->height, w->override_redirect},
	};

	if (w->is_announced)
		daemon_send(a->daemon, &m, NULL);
}

static void
announce_mapped(struct agent *a, struct agent_window *w)
{
	content_renew(a, w);
	properties_send_map(a, w);
}

static void
announce_docked(struct agent *a, struct agent_window *w)
{
	daemon_send(a->daemon, &(struct gui_message){.type = GUI_DOCK, .window = w->id}, NULL);
	content_renew(a, w);
}

void
window_announce(struct agent *a, struct agent_window *w)
{
	struct gui_message m = {
		.type = GUI_CREATE,
		.window = w->id,
		.create = {w->x, w->y, w->width, w->height, 0, w->override_redirect},
	};

	/* A number that the daemon has not given up yet is not used again before it has. */
	if (!daemon_is_connected(a->daemon) || w->is_announced || daemon_is_dying(a->daemon, w->id))
		return;
	daemon_send(a->daemon, &m, NULL);
	w->is_announced = true;
	properties_send_all(a, w);
	if (w->docked != XCB_NONE)
		announce_docked(a, w);
	else if (w->is_mapped)
		announce_mapped(a, w);
}

/* Geometry and kind, which CREATE_NOTIFY does not tell. False for windows that show nothing. */
static bool
look_at(struct agent *a, struct agent_window *w)
{
	xcb_get_window_attributes_cookie_t attributes = xcb_get_window_attributes(a->x, w->id);
	xcb_get_geometry_cookie_t geometry = xcb_get_geometry(a->x, w->id);
	xcb_get_window_attributes_reply_t *kind =
		xcb_get_window_attributes_reply(a->x, attributes, NULL);
	xcb_get_geometry_reply_t *place = xcb_get_geometry_reply(a->x, geometry, NULL);
	bool shows = kind != NULL && place != NULL && kind->_class == XCB_WINDOW_CLASS_INPUT_OUTPUT;

	if (shows) {
		w->x = place->x;
		w->y = place->y;
		w->width = place->width;
		w->height = place->height;
		w->depth = place->depth;
		w->override_redirect = kind->override_redirect != 0;
		w->is_mapped = kind->map_state == XCB_MAP_STATE_VIEWABLE;
		if (place->border_width != 0)
			xcb_configure_window(
				a->x, w->id, XCB_CONFIG_WINDOW_BORDER_WIDTH, (const uint32_t[]){0});
	}
	free(kind);
	free(place);
	return shows;
}

struct agent_window *
window_add(struct agent *a, xcb_window_t id)
{
	const uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;
	struct agent_window *w;

	if (id == a->helper || id == a->stub || window_find(a, id) != NULL)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->id = id;
	/* Before we look, so that no change falls in between. */
	xcb_change_window_attributes(a->x, id, XCB_CW_EVENT_MASK, &mask);
	if (!look_at(a, w)) {
		free(w);
		return NULL;
	}
	list_append(bucket(a, id), &w->link);
	content_watch(a, w);
	return w;
}

void
window_remove(struct agent *a, struct agent_window *w)
{
	content_forget(a, w);
	if (w->is_announced)
		daemon_send(a->daemon, &(struct gui_message){.type = GUI_DESTROY, .window = w->id},
			NULL);
	if (a->pointer_window == w->id)
		a->pointer_window = XCB_NONE;
	if (a->focus_window == w->id)
		a->focus_window = XCB_NONE;
	list_remove(&w->link);
	free(w);
}

static void
add_and_announce(struct agent *a, xcb_window_t id)
{
	struct agent_window *w = window_add(a, id);

	if (w != NULL)
		window_announce(a, w);
}

void
windows_handle_destroyed(struct agent *a, uint32_t id)
{
	struct agent_window *w = window_find(a, id);

	if (w != NULL)
		window_announce(a, w);
}

void
windows_init(struct agent *a)
{
	xcb_query_tree_reply_t *tree =
		xcb_query_tree_reply(a->x, xcb_query_tree(a->x, a->screen->root), NULL);
	const xcb_window_t *children;

	if (tree == NULL)
		return;
	children = xcb_query_tree_children(tree);
	for (int i = 0; i < xcb_query_tree_children_length(tree); i++)
		add_and_announce(a, children[i]);
	free(tree);
}

void
windows_announce_all(struct agent *a)
{
	for (int i = 0; i < WINDOW_HASH_SIZE; i++) {
		struct agent_window *w;

		list_for_each (w, &a->windows[i], link)
			window_announce(a, w);
	}
}

void
windows_forget_announced(struct agent *a)
{
	for (int i = 0; i < WINDOW_HASH_SIZE; i++) {
		struct agent_window *w;

		list_for_each (w, &a->windows[i], link) {
			w->is_announced = false;
			w->is_hidden = false;
		}
	}
	content_forget_all(a);
}

static void
handle_map(struct agent *a, struct agent_window *w)
{
	if (w->is_mapped)
		return;
	w->is_mapped = true;
	if (!w->override_redirect) {
		const uint32_t state[2] = {1 /* normal */, XCB_NONE};

		xcb_change_property(a->x, XCB_PROP_MODE_REPLACE, w->id, a->atoms.WM_STATE,
			a->atoms.WM_STATE, 32, 2, state);
	}
	if (w->is_announced && w->docked == XCB_NONE)
		announce_mapped(a, w);
	else
		content_renew(a, w);
}

static void
handle_unmap(struct agent *a, struct agent_window *w)
{
	if (!w->is_mapped)
		return;
	w->is_mapped = false;
	w->is_hidden = false;
	if (w->is_announced)
		daemon_send(
			a->daemon, &(struct gui_message){.type = GUI_UNMAP, .window = w->id}, NULL);
	content_drop(a, w);
	if (!w->override_redirect) {
		xcb_delete_property(a->x, w->id, a->atoms.WM_STATE);
		xcb_delete_property(a->x, w->id, a->atoms._NET_WM_STATE);
	}
}

static void
handle_configure(struct agent *a, const xcb_configure_notify_event_t *event)
{
	struct agent_window *w = window_find(a, event->window);
	bool is_resized;

	if (w == NULL)
		return;
	is_resized = event->width != w->width || event->height != w->height;
	w->x = event->x;
	w->y = event->y;
	w->width = event->width;
	w->height = event->height;
	w->override_redirect = event->override_redirect != 0;
	window_send_configure(a, w);
	if (is_resized && w->is_mapped)
		content_renew(a, w);
}

static void
handle_reparent(struct agent *a, const xcb_reparent_notify_event_t *event)
{
	struct agent_window *w = window_find(a, event->window);

	if (event->parent == a->screen->root)
		add_and_announce(a, event->window);
	else if (w != NULL)
		window_remove(a, w);
}

/* What a program asked for, as it asked for it: where windows are is between it and the host. */
static void
grant_configure(struct agent *a, const xcb_configure_request_event_t *event)
{
	uint32_t values[7];
	size_t count = 0;

	/* In the order of the bits. */
	if ((event->value_mask & XCB_CONFIG_WINDOW_X) != 0)
		values[count++] = (uint32_t)event->x;
	if ((event->value_mask & XCB_CONFIG_WINDOW_Y) != 0)
		values[count++] = (uint32_t)event->y;
	if ((event->value_mask & XCB_CONFIG_WINDOW_WIDTH) != 0)
		values[count++] = event->width;
	if ((event->value_mask & XCB_CONFIG_WINDOW_HEIGHT) != 0)
		values[count++] = event->height;
	if ((event->value_mask & XCB_CONFIG_WINDOW_BORDER_WIDTH) != 0)
		values[count++] = event->border_width;
	if ((event->value_mask & XCB_CONFIG_WINDOW_SIBLING) != 0)
		values[count++] = event->sibling;
	if ((event->value_mask & XCB_CONFIG_WINDOW_STACK_MODE) != 0)
		values[count++] = event->stack_mode;
	xcb_configure_window(a->x, event->window, event->value_mask, values);
}

void
windows_handle_request(struct agent *a, const xcb_generic_event_t *event)
{
	if ((event->response_type & 0x7f) == XCB_MAP_REQUEST)
		xcb_map_window(a->x, ((const xcb_map_request_event_t *)event)->window);
	else
		grant_configure(a, (const xcb_configure_request_event_t *)event);
}

/* All of them come to us as children of the root: an event of a window itself is not asked for. */
void
windows_handle_event(struct agent *a, const xcb_generic_event_t *event)
{
	const xcb_create_notify_event_t *created = (const xcb_create_notify_event_t *)event;
	const xcb_destroy_notify_event_t *destroyed = (const xcb_destroy_notify_event_t *)event;
	const xcb_map_notify_event_t *mapped = (const xcb_map_notify_event_t *)event;
	struct agent_window *w;

	switch (event->response_type & 0x7f) {
	case XCB_CREATE_NOTIFY:
		if (created->parent == a->screen->root)
			add_and_announce(a, created->window);
		break;
	case XCB_DESTROY_NOTIFY:
		tray_handle_icon_gone(a, destroyed->window);
		w = window_find(a, destroyed->window);
		if (w != NULL)
			window_remove(a, w);
		break;
	case XCB_MAP_NOTIFY:
		w = window_find(a, mapped->window);
		if (w != NULL)
			handle_map(a, w);
		break;
	case XCB_UNMAP_NOTIFY:
		w = window_find(a, mapped->window);
		if (w != NULL)
			handle_unmap(a, w);
		break;
	case XCB_REPARENT_NOTIFY:
		tray_handle_icon_gone(a, ((const xcb_reparent_notify_event_t *)event)->window);
		handle_reparent(a, (const xcb_reparent_notify_event_t *)event);
		break;
	default:
		handle_configure(a, (const xcb_configure_notify_event_t *)event);
	}
}
