/*
 * The qube's clipboard. Out of the qube when the daemon asks: the owner is asked for text, at once
 * or in pieces (INCR), within a time limit. Into the qube: the agent owns both selections and
 * serves what it was given. See agent.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "gui/agent/agent.h"
#include "gui/agent/text_check.h"

#include "base/buf.h"
#include "base/text.h"

#define FETCH_TIMEOUT_MS 5000
#define WIPE_AFTER_MS 60000
#define WIPE_SERVICE "/run/qubes-service/gui-agent-clipboard-wipe"
/* One more than the host takes says that it was too much. */
#define FETCH_MAX (GUI_CLIPBOARD_MAX + 1)
#define TARGETS_MAX 256

enum fetch_step {
	FETCH_NONE,
	FETCH_TARGETS,
	FETCH_TEXT,
	FETCH_PIECES,
};

struct clipboard {
	struct agent *a;

	enum fetch_step step;
	uint32_t window; /* of the request */
	struct buf fetched;
	struct loop_timer *timeout;

	char *given;
	size_t given_size;
	bool is_utf8;
	struct loop_timer *wipe;
};

/* --- out of the qube --- */

static void
finish_fetch(struct clipboard *c)
{
	struct gui_message m = {
		.type = GUI_CLIPBOARD_DATA,
		.window = c->window,
		.following = (uint32_t)buf_len(&c->fetched),
	};

	if (c->step == FETCH_NONE)
		return;
	c->step = FETCH_NONE;
	loop_timer_stop(c->timeout);
	daemon_send(c->a->daemon, &m, buf_data(&c->fetched));
	buf_clear(&c->fetched);
}

static void
fail_fetch(struct clipboard *c)
{
	buf_clear(&c->fetched);
	finish_fetch(c);
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	log_info("clipboard: its owner does not answer");
	fail_fetch(data);
}

static void
convert(struct clipboard *c, xcb_atom_t target, enum fetch_step step)
{
	const struct agent *a = c->a;

	c->step = step;
	xcb_convert_selection(a->x, a->helper, a->atoms.CLIPBOARD, target,
		a->atoms._BULKHEAD_TRANSFER, XCB_CURRENT_TIME);
}

static xcb_window_t
owner_of_clipboard(const struct agent *a)
{
	xcb_get_selection_owner_reply_t *reply = xcb_get_selection_owner_reply(
		a->x, xcb_get_selection_owner(a->x, a->atoms.CLIPBOARD), NULL);
	xcb_window_t owner = reply != NULL ? reply->owner : XCB_NONE;

	free(reply);
	return owner;
}

static void
add_fetched(struct clipboard *c, const void *data, size_t size)
{
	size_t room = buf_room(&c->fetched);

	if (buf_put(&c->fetched, data, size < room ? size : room) < 0)
		fail_fetch(c);
}

void
clipboard_fetch(struct clipboard *c, uint32_t window)
{
	xcb_window_t owner = owner_of_clipboard(c->a);

	if (c->step != FETCH_NONE)
		fail_fetch(c);
	c->window = window;
	loop_timer_start(c->timeout, FETCH_TIMEOUT_MS);
	c->step = FETCH_TARGETS;
	if (owner == XCB_NONE) {
		fail_fetch(c);
	} else if (owner == c->a->helper) {
		add_fetched(c, c->given, c->given_size);
		finish_fetch(c);
	} else {
		convert(c, c->a->atoms.TARGETS, FETCH_TARGETS);
	}
}

/* Takes the property away, so that the owner of an INCR transfer goes on. */
static xcb_get_property_reply_t *
take_property(struct clipboard *c)
{
	const struct agent *a = c->a;

	return xcb_get_property_reply(a->x,
		xcb_get_property(a->x, 1, a->helper, a->atoms._BULKHEAD_TRANSFER,
			XCB_GET_PROPERTY_TYPE_ANY, 0, UINT32_MAX / 4),
		NULL);
}

static size_t
value_size(const xcb_get_property_reply_t *reply)
{
	int length = xcb_get_property_value_length(reply);

	return length > 0 ? (size_t)length : 0;
}

static void
handle_targets(struct clipboard *c, const xcb_get_property_reply_t *reply)
{
	const struct agent *a = c->a;
	const xcb_atom_t *targets = xcb_get_property_value(reply);
	xcb_atom_t chosen = XCB_ATOM_STRING;

	for (size_t i = 0; i < value_size(reply) / sizeof(*targets) && i < TARGETS_MAX; i++) {
		if (reply->format == 32 && targets[i] == a->atoms.UTF8_STRING)
			chosen = a->atoms.UTF8_STRING;
	}
	convert(c, chosen, FETCH_TEXT);
}

static void
handle_text(struct clipboard *c, const xcb_get_property_reply_t *reply)
{
	if (reply->type == c->a->atoms.INCR) {
		c->step = FETCH_PIECES;
		return;
	}
	if (reply->format == 8)
		add_fetched(c, xcb_get_property_value(reply), value_size(reply));
	finish_fetch(c);
}

static void
handle_selection_notify(struct clipboard *c, const xcb_selection_notify_event_t *event)
{
	xcb_get_property_reply_t *reply;

	if (c->step != FETCH_TARGETS && c->step != FETCH_TEXT)
		return;
	if (event->property == XCB_NONE) {
		/* Owners that do not say what they have still have text. */
		if (c->step == FETCH_TARGETS)
			convert(c, XCB_ATOM_STRING, FETCH_TEXT);
		else
			fail_fetch(c);
		return;
	}
	reply = take_property(c);
	if (reply == NULL)
		fail_fetch(c);
	else if (c->step == FETCH_TARGETS)
		handle_targets(c, reply);
	else
		handle_text(c, reply);
	free(reply);
}

static void
handle_piece(struct clipboard *c)
{
	xcb_get_property_reply_t *reply = take_property(c);

	if (reply == NULL || value_size(reply) == 0 || reply->format != 8)
		finish_fetch(c);
	else
		add_fetched(c, xcb_get_property_value(reply), value_size(reply));
	if (c->step == FETCH_PIECES && buf_room(&c->fetched) == 0)
		finish_fetch(c);
	free(reply);
}

/* --- into the qube --- */

static void
forget_given(struct clipboard *c)
{
	if (c->given != NULL)
		explicit_bzero(c->given, c->given_size);
	free(steal_ptr(c->given));
	c->given_size = 0;
}

static void
handle_wipe(struct loop_timer *timer, void *data)
{
	forget_given(data);
}

static void
wipe_later(struct clipboard *c)
{
	AUTO_FREE char *path = root_path(WIPE_SERVICE);
	struct stat status;

	if (stat(path, &status) == 0)
		loop_timer_start(c->wipe, WIPE_AFTER_MS);
}

void
clipboard_put(struct clipboard *c, char *data, size_t size)
{
	const struct agent *a = c->a;

	forget_given(c);
	c->given = data;
	c->given_size = size;
	c->is_utf8 = text_is_clean(data, size);
	xcb_set_selection_owner(a->x, a->helper, XCB_ATOM_PRIMARY, XCB_CURRENT_TIME);
	xcb_set_selection_owner(a->x, a->helper, a->atoms.CLIPBOARD, XCB_CURRENT_TIME);
	wipe_later(c);
}

static bool
serve(struct clipboard *c, const xcb_selection_request_event_t *request, xcb_atom_t property)
{
	const struct agent *a = c->a;
	const xcb_atom_t targets[] = {a->atoms.TARGETS, a->atoms.UTF8_STRING,
		a->atoms.utf8_plain_text, XCB_ATOM_STRING, a->atoms.COMPOUND_TEXT};
	bool is_utf8_target = request->target == a->atoms.UTF8_STRING ||
			      request->target == a->atoms.utf8_plain_text;
	size_t size = is_utf8_target && !c->is_utf8 ? 0 : c->given_size;

	if (request->target == a->atoms.TARGETS) {
		xcb_change_property(a->x, XCB_PROP_MODE_REPLACE, request->requestor, property,
			XCB_ATOM_ATOM, 32, sizeof(targets) / sizeof(targets[0]), targets);
		return true;
	}
	if (!is_utf8_target && request->target != XCB_ATOM_STRING &&
		request->target != a->atoms.COMPOUND_TEXT)
		return false;
	xcb_change_property(a->x, XCB_PROP_MODE_REPLACE, request->requestor, property,
		request->target, 8, (uint32_t)size, c->given);
	wipe_later(c);
	return true;
}

static void
handle_request(struct clipboard *c, const xcb_selection_request_event_t *request)
{
	/* Old clients leave the choice of the property to the owner. */
	xcb_atom_t property = request->property != XCB_NONE ? request->property : request->target;
	xcb_selection_notify_event_t answer = {
		.response_type = XCB_SELECTION_NOTIFY,
		.time = request->time,
		.requestor = request->requestor,
		.selection = request->selection,
		.target = request->target,
	};
	union {
		xcb_selection_notify_event_t event;
		char bytes[32];
	} padded = {.bytes = {0}};

	if (serve(c, request, property))
		answer.property = property;
	padded.event = answer;
	xcb_send_event(c->a->x, 0, request->requestor, 0, padded.bytes);
}

void
clipboard_handle_event(struct clipboard *c, const xcb_generic_event_t *event)
{
	const xcb_property_notify_event_t *property = (const xcb_property_notify_event_t *)event;
	const xcb_selection_clear_event_t *cleared = (const xcb_selection_clear_event_t *)event;

	switch (event->response_type & 0x7f) {
	case XCB_SELECTION_NOTIFY:
		handle_selection_notify(c, (const xcb_selection_notify_event_t *)event);
		break;
	case XCB_SELECTION_REQUEST:
		handle_request(c, (const xcb_selection_request_event_t *)event);
		break;
	case XCB_SELECTION_CLEAR:
		if (cleared->selection == c->a->atoms.CLIPBOARD)
			loop_timer_stop(c->wipe);
		break;
	case XCB_PROPERTY_NOTIFY:
		if (c->step == FETCH_PIECES && property->window == c->a->helper &&
			property->atom == c->a->atoms._BULKHEAD_TRANSFER &&
			property->state == XCB_PROPERTY_NEW_VALUE)
			handle_piece(c);
		break;
	default:
		break;
	}
}

struct clipboard *
clipboard_create(struct agent *a)
{
	struct clipboard *c = xcalloc(1, sizeof(*c));

	c->a = a;
	buf_init(&c->fetched, FETCH_MAX);
	c->timeout = loop_timer_create(a->loop, handle_timeout, c);
	c->wipe = loop_timer_create(a->loop, handle_wipe, c);
	if (c->timeout == NULL || c->wipe == NULL)
		agent_fail(a, "clipboard: no memory");
	return c;
}

void
clipboard_destroy(struct clipboard *c)
{
	if (c == NULL)
		return;
	forget_given(c);
	buf_finish(&c->fetched);
	loop_timer_destroy(c->timeout);
	loop_timer_destroy(c->wipe);
	free(c);
}
