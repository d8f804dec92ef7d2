/*
 * Where a popup goes in the stack: to the top, but below a screen locker, which is what a person
 * trusts to hide everything (spec gui.md 6.4).
 */
#include <stdlib.h>
#include <string.h>

#include "gui/daemon/xcb_private.h"

static bool
has_locker_class(struct display *d, xcb_window_t window)
{
	xcb_get_property_reply_t *reply = xcb_get_property_reply(d->x,
		xcb_get_property(d->x, 0, window, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 0, 64), NULL);
	const char *name;
	size_t length;
	bool found = false;

	if (reply == NULL)
		return false;
	name = xcb_get_property_value(reply);
	length = strnlen(name, (size_t)xcb_get_property_value_length(reply));
	for (unsigned int i = 0; i < d->config->screensaver_count; i++) {
		const char *locker = d->config->screensavers[i];

		if (strlen(locker) == length && memcmp(locker, name, length) == 0)
			found = true;
	}
	free(reply);
	return found;
}

static bool
is_shown_popup(struct display *d, xcb_window_t window)
{
	xcb_get_window_attributes_reply_t *reply = xcb_get_window_attributes_reply(
		d->x, xcb_get_window_attributes(d->x, window), NULL);
	bool result = reply != NULL && reply->override_redirect != 0 &&
		      reply->map_state == XCB_MAP_STATE_VIEWABLE;

	free(reply);
	return result;
}

/* The lowest one, or none. */
static xcb_window_t
find_locker(struct display *d)
{
	xcb_query_tree_reply_t *tree =
		xcb_query_tree_reply(d->x, xcb_query_tree(d->x, d->screen->root), NULL);
	xcb_window_t locker = XCB_WINDOW_NONE;

	if (tree == NULL)
		return XCB_WINDOW_NONE;
	for (int i = 0; i < xcb_query_tree_children_length(tree); i++) {
		xcb_window_t child = xcb_query_tree_children(tree)[i];

		if (display_find_frame(d, child) == NULL && is_shown_popup(d, child) &&
			has_locker_class(d, child)) {
			locker = child;
			break;
		}
	}
	free(tree);
	return locker;
}

void
display_raise_popup(struct display_window *v)
{
	xcb_window_t locker = find_locker(v->d);
	const uint32_t below[] = {locker, XCB_STACK_MODE_BELOW};
	const uint32_t above[] = {XCB_STACK_MODE_ABOVE};

	if (locker != XCB_WINDOW_NONE)
		xcb_configure_window(v->d->x, v->frame,
			XCB_CONFIG_WINDOW_SIBLING | XCB_CONFIG_WINDOW_STACK_MODE, below);
	else
		xcb_configure_window(v->d->x, v->frame, XCB_CONFIG_WINDOW_STACK_MODE, above);
}
