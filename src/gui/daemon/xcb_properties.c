/* What window managers, task bars and icon receivers read of our windows (spec gui.md 6.2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gui/daemon/xcb_private.h"

static void
set_property(struct display_window *v, xcb_atom_t property, xcb_atom_t type, uint8_t format,
	uint32_t count, const void *data)
{
	xcb_change_property(
		v->d->x, XCB_PROP_MODE_REPLACE, v->frame, property, type, format, count, data);
}

static void
set_text(struct display_window *v, xcb_atom_t property, xcb_atom_t type, const char *text)
{
	set_property(v, property, type, 8, (uint32_t)strlen(text), text);
}

void
display_window_set_title(struct display_window *v, const char *title)
{
	struct display *d = v->d;
	char text[QUBE_NAME_MAX + GUI_TITLE_BYTES + 8];

	snprintf(v->title, sizeof(v->title), "%s", title);
	if (d->config->title_name)
		snprintf(text, sizeof(text), "[%s] %s", d->config->name, title);
	else
		snprintf(text, sizeof(text), "%s", title);
	set_text(v, XCB_ATOM_WM_NAME, XCB_ATOM_STRING, text);
	set_text(v, XCB_ATOM_WM_ICON_NAME, XCB_ATOM_STRING, text);
	set_text(v, d->atoms[ATOM_NET_WM_NAME], d->atoms[ATOM_UTF8_STRING], text);
	set_text(v, d->atoms[ATOM_NET_WM_ICON_NAME], d->atoms[ATOM_UTF8_STRING], text);
	display_paint_title(v);
}

/* Two texts, each with its NUL: the instance's name, then the class. */
void
display_window_set_class(struct display_window *v, const char *class, const char *name)
{
	char both[2 * (QUBE_NAME_MAX + GUI_CLASS_BYTES + 2)];
	size_t name_size = strlen(name) + 1, class_size = strlen(class) + 1;

	if (name_size + class_size > sizeof(both))
		return;
	memcpy(both, name, name_size);
	memcpy(both + name_size, class, class_size);
	set_property(
		v, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 8, (uint32_t)(name_size + class_size), both);
}

void
display_window_set_icon(
	struct display_window *v, uint32_t width, uint32_t height, const uint32_t *pixels)
{
	uint32_t words[2 + ICON_SHOWN_MAX * ICON_SHOWN_MAX] = {width, height};
	size_t count = (size_t)width * height;

	memcpy(words + 2, pixels, count * sizeof(*pixels));
	set_property(v, v->d->atoms[ATOM_NET_WM_ICON], XCB_ATOM_CARDINAL, 32, (uint32_t)(2 + count),
		words);
}

static xcb_atom_t
intern(struct display *d, const char *name)
{
	xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(
		d->x, xcb_intern_atom(d->x, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t atom = reply != NULL ? reply->atom : XCB_ATOM_NONE;

	free(reply);
	return atom;
}

static void
set_numbers(struct display_window *v, xcb_atom_t property, const char *list)
{
	uint32_t numbers[64], count = 0;
	char *end;

	while (*list != '\0' && count < 64) {
		numbers[count++] = (uint32_t)strtoul(list, &end, 0);
		if (end == list)
			return;
		list = *end == ',' ? end + 1 : end;
	}
	set_property(v, property, XCB_ATOM_CARDINAL, 32, count, numbers);
}

static void
set_extra(struct display_window *v)
{
	struct display *d = v->d;

	for (unsigned int i = 0; i < d->config->property_count; i++) {
		const struct gui_extra_property *p = &d->config->properties[i];
		xcb_atom_t property = intern(d, p->name), value;

		if (p->type == 's') {
			set_text(v, property, XCB_ATOM_STRING, p->value);
		} else if (p->type == 'a') {
			value = intern(d, p->value);
			set_property(v, property, XCB_ATOM_ATOM, 32, 1, &value);
		} else {
			set_numbers(v, property, p->value);
		}
	}
}

void
display_set_properties(struct display_window *v)
{
	struct display *d = v->d;
	const struct gui_config *config = d->config;
	const xcb_atom_t protocols[] = {
		d->atoms[ATOM_WM_DELETE_WINDOW], d->atoms[ATOM_NET_WM_PING]};
	uint32_t colour = config->colour & 0xffffff, pid = (uint32_t)getpid();
	uint32_t id = gui_window_id(v->window);

	set_property(v, d->atoms[ATOM_QUBES_LABEL], XCB_ATOM_CARDINAL, 8, 1, &config->label);
	set_property(v, d->atoms[ATOM_QUBES_LABEL_COLOR], XCB_ATOM_CARDINAL, 32, 1, &colour);
	set_text(v, d->atoms[ATOM_QUBES_VMNAME], XCB_ATOM_STRING, config->name);
	set_property(v, d->atoms[ATOM_QUBES_VMWINDOWID], XCB_ATOM_WINDOW, 32, 1, &id);
	set_property(v, d->atoms[ATOM_NET_WM_ICON], XCB_ATOM_CARDINAL, 32, d->icon_words, d->icon);
	display_window_set_class(v, config->name, config->name);
	set_text(v, XCB_ATOM_WM_CLIENT_MACHINE, XCB_ATOM_STRING, d->host);
	set_property(v, d->atoms[ATOM_NET_WM_PID], XCB_ATOM_CARDINAL, 32, 1, &pid);
	set_property(v, d->atoms[ATOM_WM_PROTOCOLS], XCB_ATOM_ATOM, 32, 2, protocols);
	set_extra(v);
}

/* Layout of WM_NORMAL_HINTS: flags, four old fields, then the pairs. */
enum {
	HINT_FLAGS,
	HINT_MIN = 5,
	HINT_MAX = 7,
	HINT_INCREMENT = 9,
	HINT_BASE = 15,
	HINT_GRAVITY = 17,
	HINT_WORDS,
};

#define HINT_GRAVITY_BIT (1U << 9)

void
display_window_set_hints(struct display_window *v, const struct gui_hints *h)
{
	struct margins m = display_window_margins(v);
	uint32_t across = (uint32_t)(m.left + m.right), down = (uint32_t)(m.top + m.bottom);
	uint32_t words[HINT_WORDS] = {0};

	words[HINT_FLAGS] = h->flags | HINT_GRAVITY_BIT;
	words[HINT_MIN] = h->min_width + across;
	words[HINT_MIN + 1] = h->min_height + down;
	words[HINT_MAX] = h->max_width + across;
	words[HINT_MAX + 1] = h->max_height + down;
	words[HINT_INCREMENT] = h->width_increment;
	words[HINT_INCREMENT + 1] = h->height_increment;
	words[HINT_BASE] = h->base_width + across;
	words[HINT_BASE + 1] = h->base_height + down;
	/* Steps count from the base, which the frame is part of. */
	if ((h->flags & GUI_HINT_INCREMENT) != 0 && (h->flags & GUI_HINT_BASE_SIZE) == 0) {
		words[HINT_FLAGS] |= GUI_HINT_BASE_SIZE;
		words[HINT_BASE] = across;
		words[HINT_BASE + 1] = down;
	}
	/* Positions are those of our window, wherever the manager puts its own frame. */
	words[HINT_GRAVITY] = XCB_GRAVITY_STATIC;
	set_property(v, XCB_ATOM_WM_NORMAL_HINTS, XCB_ATOM_WM_SIZE_HINTS, 32, HINT_WORDS, words);
}

void
display_window_set_owner(struct display_window *v, struct display_window *owner)
{
	if (owner == NULL)
		xcb_delete_property(v->d->x, v->frame, XCB_ATOM_WM_TRANSIENT_FOR);
	else
		set_property(v, XCB_ATOM_WM_TRANSIENT_FOR, XCB_ATOM_WINDOW, 32, 1, &owner->frame);
}

static uint32_t
state_atoms(const struct display *d, unsigned int state, uint32_t ret_atoms[5])
{
	uint32_t count = 0;

	if ((state & DISPLAY_FULLSCREEN) != 0)
		ret_atoms[count++] = d->atoms[ATOM_NET_WM_STATE_FULLSCREEN];
	if ((state & DISPLAY_MAXIMIZED) != 0) {
		ret_atoms[count++] = d->atoms[ATOM_NET_WM_STATE_MAXIMIZED_VERT];
		ret_atoms[count++] = d->atoms[ATOM_NET_WM_STATE_MAXIMIZED_HORZ];
	}
	if ((state & DISPLAY_ATTENTION) != 0)
		ret_atoms[count++] = d->atoms[ATOM_NET_WM_STATE_DEMANDS_ATTENTION];
	return count;
}

void
display_window_set_state(struct display_window *v, unsigned int state)
{
	uint32_t atoms[5], count = state_atoms(v->d, state, atoms);

	if (count == 0)
		xcb_delete_property(v->d->x, v->frame, v->d->atoms[ATOM_NET_WM_STATE]);
	else
		set_property(v, v->d->atoms[ATOM_NET_WM_STATE], XCB_ATOM_ATOM, 32, count, atoms);
}

static void
ask_state(struct display_window *v, unsigned int state, uint32_t action)
{
	struct display *d = v->d;
	uint32_t atoms[5] = {0}, count = state_atoms(d, state, atoms);

	for (uint32_t i = 0; i < count; i += 2) {
		const uint32_t data[5] = {action, atoms[i], i + 1 < count ? atoms[i + 1] : 0, 1, 0};

		display_send_message(d, d->screen->root, v->frame, d->atoms[ATOM_NET_WM_STATE],
			data,
			XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY | XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT);
	}
}

void
display_window_ask_state(struct display_window *v, unsigned int add, unsigned int remove)
{
	ask_state(v, remove, 0);
	ask_state(v, add, 1);
}

void
display_window_minimize(struct display_window *v)
{
	const uint32_t data[5] = {3 /* IconicState */, 0, 0, 0, 0};

	display_send_message(v->d, v->d->screen->root, v->frame, v->d->atoms[ATOM_WM_CHANGE_STATE],
		data, XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY | XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT);
}
