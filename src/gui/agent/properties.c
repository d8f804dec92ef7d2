/*
 * What the owners of windows say of them, by properties and messages: title, class, sizes, state;
 * and what the host's window manager says back. See agent.h.
 */
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb_icccm.h>

#include "gui/agent/agent.h"
#include "gui/agent/title.h"

#define TITLE_WORDS 256
#define STATE_ATOMS_MAX 16

/* A whole property, or NULL; the caller frees it. `max_words` of 32 bits. */
static xcb_get_property_reply_t *
get_property(struct agent *a, xcb_window_t id, xcb_atom_t name, xcb_atom_t type, uint32_t max_words)
{
	xcb_get_property_reply_t *reply = xcb_get_property_reply(
		a->x, xcb_get_property(a->x, 0, id, name, type, 0, max_words), NULL);

	if (reply != NULL && reply->type == XCB_NONE) {
		free(reply);
		return NULL;
	}
	return reply;
}

static size_t
value_size(const xcb_get_property_reply_t *reply)
{
	int length = xcb_get_property_value_length(reply);

	return length > 0 ? (size_t)length : 0;
}

/* --- texts --- */

static void
send_title(struct agent *a, const struct agent_window *w)
{
	struct gui_message m = {.type = GUI_WMNAME, .window = w->id};
	xcb_get_property_reply_t *reply =
		get_property(a, w->id, a->atoms._NET_WM_NAME, a->atoms.UTF8_STRING, TITLE_WORDS);

	if (reply == NULL)
		reply = get_property(
			a, w->id, XCB_ATOM_WM_NAME, XCB_GET_PROPERTY_TYPE_ANY, TITLE_WORDS);
	if (reply == NULL)
		return;
	title_cut(m.title.untrusted_text, xcb_get_property_value(reply), value_size(reply));
	free(reply);
	daemon_send(a->daemon, &m, NULL);
}

static void
copy_word(char *to, size_t size, const char *from)
{
	size_t length = strnlen(from, size - 1);

	memcpy(to, from, length);
}

static void
send_class(struct agent *a, const struct agent_window *w)
{
	struct gui_message m = {.type = GUI_WMCLASS, .window = w->id};
	xcb_icccm_get_wm_class_reply_t class;

	if (!xcb_icccm_get_wm_class_reply(a->x, xcb_icccm_get_wm_class(a->x, w->id), &class, NULL))
		return;
	copy_word(m.class.untrusted_class, GUI_CLASS_BYTES, class.class_name);
	copy_word(m.class.untrusted_name, GUI_CLASS_BYTES, class.instance_name);
	xcb_icccm_get_wm_class_reply_wipe(&class);
	daemon_send(a->daemon, &m, NULL);
}

/* --- sizes --- */

/* Terminals: a smallest size that is no whole number of steps leaves a strip that is not drawn. */
static uint32_t
round_up(uint32_t min, uint32_t base, uint32_t step)
{
	if (step < 2 || min <= base)
		return min;
	return base + (min - base + step - 1) / step * step;
}

static uint32_t
natural(int32_t number)
{
	return number > 0 ? (uint32_t)number : 0;
}

static void
send_hints(struct agent *a, const struct agent_window *w)
{
	const uint32_t passed_on = GUI_HINT_USER_POSITION | GUI_HINT_PROGRAM_POSITION |
				   GUI_HINT_MIN_SIZE | GUI_HINT_MAX_SIZE | GUI_HINT_INCREMENT |
				   GUI_HINT_BASE_SIZE;
	const uint32_t all_sizes = GUI_HINT_MIN_SIZE | GUI_HINT_INCREMENT | GUI_HINT_BASE_SIZE;
	struct gui_message m = {.type = GUI_WINDOW_HINTS, .window = w->id};
	xcb_size_hints_t hints;

	if (!xcb_icccm_get_wm_normal_hints_reply(
		    a->x, xcb_icccm_get_wm_normal_hints(a->x, w->id), &hints, NULL))
		return;
	m.hints = (struct gui_hints){
		.flags = hints.flags & passed_on,
		.min_width = natural(hints.min_width),
		.min_height = natural(hints.min_height),
		.max_width = natural(hints.max_width),
		.max_height = natural(hints.max_height),
		.width_increment = natural(hints.width_inc),
		.height_increment = natural(hints.height_inc),
		.base_width = natural(hints.base_width),
		.base_height = natural(hints.base_height),
	};
	if ((m.hints.flags & all_sizes) == all_sizes) {
		m.hints.min_width =
			round_up(m.hints.min_width, m.hints.base_width, m.hints.width_increment);
		m.hints.min_height =
			round_up(m.hints.min_height, m.hints.base_height, m.hints.height_increment);
	}
	daemon_send(a->daemon, &m, NULL);
}

/* --- what it takes part in --- */

static void
read_protocols(struct agent *a, struct agent_window *w)
{
	xcb_get_property_reply_t *reply =
		get_property(a, w->id, a->atoms.WM_PROTOCOLS, XCB_ATOM_ATOM, STATE_ATOMS_MAX);
	const xcb_atom_t *atoms;

	w->accepts_delete = w->takes_focus = false;
	if (reply == NULL)
		return;
	atoms = xcb_get_property_value(reply);
	for (size_t i = 0; i < value_size(reply) / sizeof(*atoms); i++) {
		w->accepts_delete |= atoms[i] == a->atoms.WM_DELETE_WINDOW;
		w->takes_focus |= atoms[i] == a->atoms.WM_TAKE_FOCUS;
	}
	free(reply);
}

static void
read_input_hint(struct agent *a, struct agent_window *w)
{
	xcb_icccm_wm_hints_t hints;

	w->wants_input = true;
	if (xcb_icccm_get_wm_hints_reply(a->x, xcb_icccm_get_wm_hints(a->x, w->id), &hints, NULL) &&
		(hints.flags & XCB_ICCCM_WM_HINT_INPUT) != 0)
		w->wants_input = hints.input != 0;
}

/* --- state --- */

static uint32_t
flag_of(const struct agent *a, xcb_atom_t atom)
{
	if (atom == a->atoms._NET_WM_STATE_FULLSCREEN)
		return GUI_FLAG_FULLSCREEN;
	if (atom == a->atoms._NET_WM_STATE_DEMANDS_ATTENTION)
		return GUI_FLAG_ATTENTION;
	return 0;
}

static uint32_t
flag_with_hidden(const struct agent *a, xcb_atom_t atom)
{
	return atom == a->atoms._NET_WM_STATE_HIDDEN ? GUI_FLAG_MINIMIZE : flag_of(a, atom);
}

/* The flags that the window has, and in `ret_others` the atoms that are none of ours. */
static uint32_t
read_state(struct agent *a, xcb_window_t id, xcb_atom_t ret_others[STATE_ATOMS_MAX],
	uint32_t *ret_count)
{
	xcb_get_property_reply_t *reply =
		get_property(a, id, a->atoms._NET_WM_STATE, XCB_ATOM_ATOM, STATE_ATOMS_MAX);
	uint32_t flags = 0;
	const xcb_atom_t *atoms;

	*ret_count = 0;
	if (reply == NULL)
		return 0;
	atoms = xcb_get_property_value(reply);
	for (size_t i = 0; i < value_size(reply) / sizeof(*atoms) && i < STATE_ATOMS_MAX; i++) {
		uint32_t flag = flag_with_hidden(a, atoms[i]);

		flags |= flag;
		if (flag == 0)
			ret_others[(*ret_count)++] = atoms[i];
	}
	free(reply);
	return flags;
}

void
properties_set_flags(struct agent *a, xcb_window_t id, const struct gui_flags *change)
{
	xcb_atom_t atoms[STATE_ATOMS_MAX + 3];
	uint32_t count, flags = read_state(a, id, atoms, &count);

	flags = (flags | change->set) & ~change->unset;
	if ((flags & GUI_FLAG_FULLSCREEN) != 0)
		atoms[count++] = a->atoms._NET_WM_STATE_FULLSCREEN;
	if ((flags & GUI_FLAG_ATTENTION) != 0)
		atoms[count++] = a->atoms._NET_WM_STATE_DEMANDS_ATTENTION;
	if ((flags & GUI_FLAG_MINIMIZE) != 0)
		atoms[count++] = a->atoms._NET_WM_STATE_HIDDEN;
	xcb_change_property(a->x, XCB_PROP_MODE_REPLACE, id, a->atoms._NET_WM_STATE, XCB_ATOM_ATOM,
		32, count, atoms);
}

static void
send_flags(struct agent *a, const struct agent_window *w, uint32_t set, uint32_t unset)
{
	struct gui_message m = {
		.type = GUI_WINDOW_FLAGS, .window = w->id, .flags = {.set = set, .unset = unset}};

	if ((set | unset) != 0 && w->is_announced)
		daemon_send(a->daemon, &m, NULL);
}

static void
handle_state_message(struct agent *a, struct agent_window *w, const uint32_t data[5])
{
	enum { REMOVE, ADD, TOGGLE };
	uint32_t flags = flag_of(a, data[1]) | flag_of(a, data[2]);
	xcb_atom_t others[STATE_ATOMS_MAX];
	uint32_t count, present;

	switch (data[0]) {
	case REMOVE:
		send_flags(a, w, 0, flags);
		break;
	case ADD:
		send_flags(a, w, flags, 0);
		break;
	case TOGGLE:
		present = read_state(a, w->id, others, &count);
		send_flags(a, w, flags & ~present, flags & present);
		break;
	default:
		break;
	}
}

void
properties_handle_message(
	struct agent *a, struct agent_window *w, const xcb_client_message_event_t *event)
{
	if (event->format != 32)
		return;
	if (event->type == a->atoms._NET_WM_STATE)
		handle_state_message(a, w, event->data.data32);
	else if (event->type == a->atoms.WM_CHANGE_STATE &&
		 event->data.data32[0] == XCB_ICCCM_WM_STATE_ICONIC)
		send_flags(a, w, GUI_FLAG_MINIMIZE, 0);
}

/* --- sending --- */

void
properties_send_all(struct agent *a, struct agent_window *w)
{
	read_protocols(a, w);
	read_input_hint(a, w);
	send_class(a, w);
	send_hints(a, w);
	send_title(a, w);
}

static uint32_t
read_transient_for(struct agent *a, const struct agent_window *w)
{
	xcb_window_t leader = XCB_NONE;

	if (!xcb_icccm_get_wm_transient_for_reply(
		    a->x, xcb_icccm_get_wm_transient_for(a->x, w->id), &leader, NULL))
		return XCB_NONE;
	return leader != w->id && window_find_announced(a, leader) != NULL ? leader : XCB_NONE;
}

void
properties_send_map(struct agent *a, struct agent_window *w)
{
	struct gui_message m = {
		.type = GUI_MAP,
		.window = w->id,
		.map = {read_transient_for(a, w), w->override_redirect},
	};
	xcb_atom_t others[STATE_ATOMS_MAX];
	uint32_t count;

	/* Class and hints may have come between the creation and now. */
	properties_send_all(a, w);
	send_flags(a, w, read_state(a, w->id, others, &count) & ~(uint32_t)GUI_FLAG_MINIMIZE, 0);
	daemon_send(a->daemon, &m, NULL);
}

void
properties_handle_change(struct agent *a, struct agent_window *w, xcb_atom_t atom)
{
	if (atom == a->atoms.WM_PROTOCOLS)
		read_protocols(a, w);
	else if (atom == XCB_ATOM_WM_HINTS)
		read_input_hint(a, w);
	if (!w->is_announced)
		return;
	if (atom == XCB_ATOM_WM_NAME || atom == a->atoms._NET_WM_NAME)
		send_title(a, w);
	else if (atom == XCB_ATOM_WM_NORMAL_HINTS)
		send_hints(a, w);
	else if (atom == XCB_ATOM_WM_CLASS)
		send_class(a, w);
}
