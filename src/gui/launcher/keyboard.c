/* Watching the keyboard of the display; see keyboard.h. */
#include "gui/launcher/keyboard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>
#include <xcb/xkb.h>

#include "base/log.h"
#include "base/text.h"

#define NAMES_WORDS (KEYBOARD_LAYOUT_MAX / 4)
/* A change of the layout is a burst of events. */
#define SETTLE_MS 200

struct keyboard {
	xcb_connection_t *x;
	xcb_window_t root;
	xcb_atom_t names;
	uint8_t xkb_event;
	struct loop_fd *source;
	struct loop_timer *settle;
	void (*handle_layout)(void *data, const char *layout);
	void *data;
	char told[KEYBOARD_LAYOUT_MAX];
};

static unsigned int
active_group(struct keyboard *k)
{
	xcb_xkb_get_state_reply_t *reply = xcb_xkb_get_state_reply(
		k->x, xcb_xkb_get_state(k->x, XCB_XKB_ID_USE_CORE_KBD), NULL);
	unsigned int group = reply != NULL ? reply->group : 0;

	free(reply);
	return group;
}

/* A display whose keyboard has no names keeps what was set by hand. */
static void
look(struct keyboard *k)
{
	unsigned int group = active_group(k);
	xcb_get_property_reply_t *reply = xcb_get_property_reply(k->x,
		xcb_get_property(k->x, 0, k->root, k->names, XCB_ATOM_STRING, 0, NAMES_WORDS),
		NULL);
	char text[KEYBOARD_LAYOUT_MAX];

	if (reply == NULL)
		return;
	if (keyboard_layout_text(xcb_get_property_value(reply),
		    (size_t)xcb_get_property_value_length(reply), group, text) == 0 &&
		!text_equal(text, k->told)) {
		memcpy(k->told, text, sizeof(k->told));
		k->handle_layout(k->data, k->told);
	}
	free(reply);
}

static void
take_events(struct keyboard *k)
{
	xcb_generic_event_t *event;

	while ((event = xcb_poll_for_event(k->x)) != NULL) {
		const xcb_property_notify_event_t *property = (const void *)event;
		uint8_t type = event->response_type & 0x7f;

		if (type == k->xkb_event ||
			(type == XCB_PROPERTY_NOTIFY && property->atom == k->names))
			loop_timer_start(k->settle, SETTLE_MS);
		free(event);
	}
}

static void
handle_settled(struct loop_timer *timer, void *data)
{
	struct keyboard *k = data;

	(void)timer;
	look(k);
	/* What came with the answers is in the library's queue, where it wakes nobody. */
	take_events(k);
}

static void
handle_x(struct loop_fd *source, uint32_t events, void *data)
{
	struct keyboard *k = data;

	(void)events;
	take_events(k);
	/* Whoever watches the monitors says that the display has gone. */
	if (xcb_connection_has_error(k->x) != 0) {
		loop_fd_destroy(source);
		k->source = NULL;
	}
}

static xcb_atom_t
intern_names(struct keyboard *k)
{
	static const char name[] = "_XKB_RULES_NAMES";
	xcb_intern_atom_reply_t *reply =
		xcb_intern_atom_reply(k->x, xcb_intern_atom(k->x, 0, sizeof(name) - 1, name), NULL);
	xcb_atom_t atom = reply != NULL ? reply->atom : XCB_ATOM_NONE;

	free(reply);
	return atom;
}

static int
start_watching(struct keyboard *k, struct err *err)
{
	const xcb_query_extension_reply_t *extension = xcb_get_extension_data(k->x, &xcb_xkb_id);
	const uint32_t root_events = XCB_EVENT_MASK_PROPERTY_CHANGE;
	const uint16_t events =
		XCB_XKB_EVENT_TYPE_STATE_NOTIFY | XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY;
	/* Of the state only the group, or every key of the person would wake us. */
	const xcb_xkb_select_events_details_t details = {
		.affectState = XCB_XKB_STATE_PART_GROUP_STATE,
		.stateDetails = XCB_XKB_STATE_PART_GROUP_STATE,
		.affectNewKeyboard = XCB_XKB_NKN_DETAIL_KEYCODES | XCB_XKB_NKN_DETAIL_GEOMETRY |
				     XCB_XKB_NKN_DETAIL_DEVICE_ID,
		.newKeyboardDetails = XCB_XKB_NKN_DETAIL_KEYCODES | XCB_XKB_NKN_DETAIL_GEOMETRY |
				      XCB_XKB_NKN_DETAIL_DEVICE_ID,
	};

	if (extension == NULL || !extension->present)
		return err_set(err, EOPNOTSUPP, "the X server has no extension XKB");
	free(xcb_xkb_use_extension_reply(k->x, xcb_xkb_use_extension(k->x, 1, 0), NULL));
	k->root = xcb_setup_roots_iterator(xcb_get_setup(k->x)).data->root;
	k->xkb_event = extension->first_event;
	k->names = intern_names(k);
	xcb_change_window_attributes(k->x, k->root, XCB_CW_EVENT_MASK, &root_events);
	xcb_xkb_select_events_aux(k->x, XCB_XKB_ID_USE_CORE_KBD, events, 0, 0, 0, 0, &details);
	xcb_flush(k->x);
	return 0;
}

struct keyboard *
keyboard_open(
	struct loop *loop, void (*handle_layout)(void *, const char *), void *data, struct err *err)
{
	struct keyboard *k = xcalloc(1, sizeof(*k));

	k->handle_layout = handle_layout;
	k->data = data;
	k->x = xcb_connect(NULL, NULL);
	if (xcb_connection_has_error(k->x) != 0) {
		err_set(err, ECONNREFUSED, "display: cannot connect");
		keyboard_close(k);
		return NULL;
	}
	if (start_watching(k, err) < 0) {
		keyboard_close(k);
		return NULL;
	}
	k->settle = loop_timer_create(loop, handle_settled, k);
	k->source = loop_fd_create(loop, xcb_get_file_descriptor(k->x), EPOLLIN, handle_x, k);
	if (k->settle == NULL || k->source == NULL) {
		err_set_errno(err, errno, "display: cannot watch it");
		keyboard_close(k);
		return NULL;
	}
	loop_timer_start(k->settle, 0);
	return k;
}

void
keyboard_close(struct keyboard *k)
{
	if (k == NULL)
		return;
	loop_fd_destroy(k->source);
	loop_timer_destroy(k->settle);
	xcb_disconnect(k->x);
	free(k);
}
