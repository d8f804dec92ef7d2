/*
 * The person's keys, buttons and motion, given to the X server by XTEST; focus. Keys held are kept
 * in mind, so that none stays down when it is let go of elsewhere. See agent.h.
 */
#include <stdlib.h>
#include <string.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

#include "base/log.h"
#include "gui/agent/agent.h"

#define FIRST_KEYCODE 8
#define BUTTONS_MAX 16
#define NOTCH 120
#define NOTCHES_MAX 20
/* Rows of the modifiers that are switched, not held: Lock and, by habit, NumLock. */
#define LOCK_MASK (XCB_MOD_MASK_LOCK | XCB_MOD_MASK_2)

static bool
is_down(const struct agent *a, uint32_t keycode)
{
	return (a->keys_down[keycode / 8] >> keycode % 8 & 1) != 0;
}

static void
fake_key(struct agent *a, uint32_t keycode, bool down)
{
	uint8_t bit = (uint8_t)(1U << keycode % 8);

	if (down)
		a->keys_down[keycode / 8] |= bit;
	else
		a->keys_down[keycode / 8] &= (uint8_t)~bit;
	xcb_test_fake_input(a->x, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, (uint8_t)keycode,
		XCB_CURRENT_TIME, XCB_NONE, 0, 0, 0);
}

void
input_release_all(struct agent *a)
{
	for (uint32_t keycode = FIRST_KEYCODE; keycode < KEYCODES; keycode++) {
		if (is_down(a, keycode))
			fake_key(a, keycode, false);
	}
}

void
input_read_modifiers(struct agent *a)
{
	xcb_get_modifier_mapping_reply_t *reply =
		xcb_get_modifier_mapping_reply(a->x, xcb_get_modifier_mapping(a->x), NULL);
	const xcb_keycode_t *keycodes;

	if (reply == NULL)
		return;
	keycodes = xcb_get_modifier_mapping_keycodes(reply);
	memset(a->modifier_keys, 0, sizeof(a->modifier_keys));
	a->modifier_key_count =
		reply->keycodes_per_modifier < 16 ? reply->keycodes_per_modifier : 16;
	for (int row = 0; row < MODIFIERS; row++) {
		for (unsigned int i = 0; i < a->modifier_key_count; i++)
			a->modifier_keys[row][i] =
				keycodes[row * reply->keycodes_per_modifier + (int)i];
	}
	free(reply);
}

void
input_stop_repeat(struct agent *a)
{
	xcb_change_keyboard_control(
		a->x, XCB_KB_AUTO_REPEAT_MODE, (const uint32_t[]){XCB_AUTO_REPEAT_MODE_OFF});
}

static void
init_xkb(struct agent *a)
{
	const xcb_query_extension_reply_t *extension = xcb_get_extension_data(a->x, &xcb_xkb_id);
	const uint16_t events = XCB_XKB_EVENT_TYPE_CONTROLS_NOTIFY |
				XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY |
				XCB_XKB_EVENT_TYPE_MAP_NOTIFY;

	if (extension == NULL || !extension->present)
		return;
	a->xkb_event = extension->first_event;
	free(xcb_xkb_use_extension_reply(a->x, xcb_xkb_use_extension(a->x, 1, 0), NULL));
	xcb_xkb_select_events(a->x, XCB_XKB_ID_USE_CORE_KBD, events, 0, events, 0, 0, NULL);
}

void
input_init(struct agent *a)
{
	xcb_query_keymap_reply_t *keys = xcb_query_keymap_reply(a->x, xcb_query_keymap(a->x), NULL);

	/* What an earlier agent left pressed. */
	if (keys != NULL)
		memcpy(a->keys_down, keys->keys, sizeof(a->keys_down));
	free(keys);
	init_xkb(a);
	input_read_modifiers(a);
	input_stop_repeat(a);
	input_release_all(a);
}

static bool
is_modifier_key(const struct agent *a, int row, uint32_t keycode)
{
	for (unsigned int i = 0; i < a->modifier_key_count; i++) {
		if (a->modifier_keys[row][i] == keycode)
			return true;
	}
	return false;
}

/* Makes held modifiers what the host says they are, but for the key that is about to change. */
static void
sync_held(struct agent *a, uint32_t state, uint32_t changing)
{
	for (int row = 0; row < MODIFIERS; row++) {
		uint32_t mask = 1U << row, held = 0;

		if ((mask & LOCK_MASK) != 0)
			continue;
		for (uint32_t keycode = FIRST_KEYCODE; keycode < KEYCODES; keycode++) {
			if (!is_down(a, keycode) || !is_modifier_key(a, row, keycode))
				continue;
			if ((state & mask) == 0 && keycode != changing)
				fake_key(a, keycode, false);
			else
				held = keycode;
		}
		if ((state & mask) != 0 && held == 0 && a->modifier_keys[row][0] != 0 &&
			a->modifier_keys[row][0] != changing)
			fake_key(a, a->modifier_keys[row][0], true);
	}
}

static void
sync_locks(struct agent *a, uint32_t state)
{
	uint8_t locks = (uint8_t)(state & LOCK_MASK);

	if (locks == a->locks || a->xkb_event == 0)
		return;
	a->locks = locks;
	xcb_xkb_latch_lock_state(a->x, XCB_XKB_ID_USE_CORE_KBD, LOCK_MASK, locks, 0, 0, 0, 0, 0);
}

void
input_handle_key(struct agent *a, const struct gui_key *key)
{
	bool down = key->type == GUI_EVENT_KEY_PRESS;
	bool is_lock;

	if (key->keycode < FIRST_KEYCODE || key->keycode >= KEYCODES ||
		(!down && key->type != GUI_EVENT_KEY_RELEASE))
		return;
	is_lock = is_modifier_key(a, XCB_MAP_INDEX_LOCK, key->keycode);
	sync_locks(a, key->state);
	/* The lock's own key would switch what the state has told already. */
	if (is_lock)
		return;
	sync_held(a, key->state, key->keycode);
	/* Pressed again without a release: the host repeats it. */
	if (down && is_down(a, key->keycode))
		fake_key(a, key->keycode, false);
	fake_key(a, key->keycode, down);
}

void
input_handle_keymap(struct agent *a, const struct gui_keymap *keymap)
{
	for (uint32_t keycode = FIRST_KEYCODE; keycode < KEYCODES; keycode++) {
		if (is_down(a, keycode) && (keymap->bits[keycode / 8] >> keycode % 8 & 1) == 0)
			fake_key(a, keycode, false);
	}
}

/* --- the pointer --- */

static void
move_pointer(struct agent *a, const struct agent_window *w, int32_t x, int32_t y)
{
	int64_t root_x = (int64_t)w->x + x, root_y = (int64_t)w->y + y;

	if (root_x < INT16_MIN || root_x > INT16_MAX || root_y < INT16_MIN || root_y > INT16_MAX)
		return;
	xcb_test_fake_input(a->x, XCB_MOTION_NOTIFY, 0, XCB_CURRENT_TIME, a->screen->root,
		(int16_t)root_x, (int16_t)root_y, 0);
}

static void
raise(struct agent *a, const struct agent_window *w)
{
	xcb_configure_window(a->x, w->id, XCB_CONFIG_WINDOW_STACK_MODE,
		(const uint32_t[]){XCB_STACK_MODE_ABOVE});
}

/* On the host it lies on top where the pointer is; so it does here. */
static void
bring_under_pointer(struct agent *a, const struct agent_window *w)
{
	if (a->pointer_window == w->id)
		return;
	a->pointer_window = w->id;
	xcb_unmap_window(a->x, a->stub);
	raise(a, w);
}

void
input_handle_motion(struct agent *a, const struct agent_window *w, const struct gui_motion *motion)
{
	bring_under_pointer(a, w);
	move_pointer(a, w, motion->x, motion->y);
}

static void
click(struct agent *a, uint8_t button, bool down)
{
	xcb_test_fake_input(a->x, down ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE, button,
		XCB_CURRENT_TIME, XCB_NONE, 0, 0, 0);
}

void
input_handle_button(struct agent *a, const struct agent_window *w, const struct gui_button *button)
{
	bool down = button->type == GUI_EVENT_BUTTON_PRESS;

	if (button->button < 1 || button->button > BUTTONS_MAX ||
		(!down && button->type != GUI_EVENT_BUTTON_RELEASE))
		return;
	if (down)
		bring_under_pointer(a, w);
	sync_locks(a, button->state);
	sync_held(a, button->state, 0);
	move_pointer(a, w, button->x, button->y);
	click(a, (uint8_t)button->button, down);
}

static void
scroll(struct agent *a, int32_t distance, uint8_t back, uint8_t forth)
{
	int32_t notches = distance / NOTCH;
	uint8_t button = notches < 0 ? back : forth;

	for (int32_t i = 0; i < abs(notches) && i < NOTCHES_MAX; i++) {
		click(a, button, true);
		click(a, button, false);
	}
}

void
input_handle_scroll(struct agent *a, const struct agent_window *w, const struct gui_scroll *turn)
{
	bring_under_pointer(a, w);
	scroll(a, turn->dy120, 4, 5);
	scroll(a, turn->dx120, 6, 7);
}

/* The pointer has gone elsewhere on the host: the window sees it leave, to a window of ours. */
static void
leave(struct agent *a, const struct agent_window *w, int32_t x, int32_t y)
{
	const uint32_t values[] = {
		(uint32_t)(w->x + x), (uint32_t)(w->y + y), XCB_STACK_MODE_ABOVE};

	if (a->pointer_window != w->id)
		return;
	a->pointer_window = XCB_NONE;
	move_pointer(a, w, x, y);
	xcb_configure_window(a->x, a->stub,
		XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y | XCB_CONFIG_WINDOW_STACK_MODE, values);
	xcb_map_window(a->x, a->stub);
}

void
input_handle_crossing(
	struct agent *a, const struct agent_window *w, const struct gui_crossing *crossing)
{
	if (crossing->mode != XCB_NOTIFY_MODE_NORMAL)
		return;
	if (crossing->type == GUI_EVENT_ENTER) {
		bring_under_pointer(a, w);
		move_pointer(a, w, crossing->x, crossing->y);
	} else if (crossing->type == GUI_EVENT_LEAVE) {
		leave(a, w, crossing->x, crossing->y);
	}
}

/* --- focus --- */

static void
take_focus(struct agent *a, const struct agent_window *w)
{
	const uint32_t data[5] = {a->atoms.WM_TAKE_FOCUS, XCB_CURRENT_TIME};

	a->focus_window = w->id;
	if (w->override_redirect)
		return;
	raise(a, w);
	if (w->wants_input)
		xcb_set_input_focus(a->x, XCB_INPUT_FOCUS_PARENT, w->id, XCB_CURRENT_TIME);
	if (w->takes_focus)
		agent_send_client_message(a, w->id, w->id, 0, a->atoms.WM_PROTOCOLS, data);
}

void
input_handle_focus(struct agent *a, const struct agent_window *w, const struct gui_focus *focus)
{
	if (focus->type == GUI_EVENT_FOCUS_IN) {
		take_focus(a, w);
	} else if (focus->type == GUI_EVENT_FOCUS_OUT && a->focus_window == w->id) {
		a->focus_window = XCB_NONE;
		xcb_set_input_focus(a->x, XCB_INPUT_FOCUS_NONE, XCB_NONE, XCB_CURRENT_TIME);
	}
}
