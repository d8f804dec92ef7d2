/*
 * The shape of the pointer. Only the shapes of the X cursor font can be shown on the host: the name
 * that a program's cursor has is looked for among them. See agent.h.
 */
#include <stdlib.h>
#include <string.h>
#include <xcb/xfixes.h>

#include "base/text.h"
#include "gui/agent/agent.h"

#define NAME_MAX_BYTES 63

/* Glyphs of the cursor font, by its names and by those of CSS, which toolkits use. */
static const struct {
	const char *name;
	uint32_t glyph;
} shapes[] = {
	{"xterm", 152},
	{"text", 152},
	{"ibeam", 152},
	{"hand", 60},
	{"hand1", 58},
	{"hand2", 60},
	{"pointer", 60},
	{"pointing_hand", 60},
	{"watch", 150},
	{"wait", 150},
	{"progress", 150},
	{"left_ptr_watch", 150},
	{"crosshair", 34},
	{"cross", 30},
	{"tcross", 130},
	{"cell", 90},
	{"plus", 90},
	{"fleur", 52},
	{"move", 52},
	{"all-scroll", 52},
	{"size_all", 52},
	{"grabbing", 52},
	{"sb_h_double_arrow", 108},
	{"col-resize", 108},
	{"ew-resize", 108},
	{"sb_v_double_arrow", 116},
	{"row-resize", 116},
	{"ns-resize", 116},
	{"top_side", 138},
	{"n-resize", 138},
	{"bottom_side", 16},
	{"s-resize", 16},
	{"left_side", 70},
	{"w-resize", 70},
	{"right_side", 96},
	{"e-resize", 96},
	{"top_left_corner", 134},
	{"nw-resize", 134},
	{"top_right_corner", 136},
	{"ne-resize", 136},
	{"bottom_left_corner", 12},
	{"sw-resize", 12},
	{"bottom_right_corner", 14},
	{"se-resize", 14},
	{"question_arrow", 92},
	{"help", 92},
	{"pencil", 86},
	{"X_cursor", 0},
	{"circle", 24},
	{"not-allowed", 24},
	{"no-drop", 24},
	{"right_ptr", 94},
	{"left_ptr", 68},
	{"default", 68},
};

void
cursor_init(struct agent *a)
{
	xcb_xfixes_select_cursor_input(
		a->x, a->helper, XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
}

static uint32_t
find_shape(const char *name)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (text_equal(shapes[i].name, name))
			return GUI_CURSOR_X11 + shapes[i].glyph;
	}
	return GUI_CURSOR_DEFAULT;
}

static uint32_t
shape_of_atom(struct agent *a, xcb_atom_t atom)
{
	xcb_get_atom_name_reply_t *reply;
	char name[NAME_MAX_BYTES + 1] = "";

	if (atom == XCB_NONE)
		return GUI_CURSOR_DEFAULT;
	reply = xcb_get_atom_name_reply(a->x, xcb_get_atom_name(a->x, atom), NULL);
	if (reply != NULL && xcb_get_atom_name_name_length(reply) <= NAME_MAX_BYTES)
		memcpy(name, xcb_get_atom_name_name(reply),
			(size_t)xcb_get_atom_name_name_length(reply));
	free(reply);
	return find_shape(name);
}

void
cursor_handle_event(struct agent *a, const xcb_generic_event_t *event)
{
	const xcb_xfixes_cursor_notify_event_t *notify =
		(const xcb_xfixes_cursor_notify_event_t *)event;
	const struct agent_window *w = window_find_announced(a, a->pointer_window);
	struct gui_message m = {.type = GUI_CURSOR};

	if (w == NULL)
		return;
	m.window = w->id;
	m.cursor.id = shape_of_atom(a, notify->name);
	daemon_send(a->daemon, &m, NULL);
}
