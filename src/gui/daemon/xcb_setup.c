/* What the display asks and makes once: atoms, fonts, drawing contexts, the areas of the screen. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "gui/daemon/damage.h"
#include "gui/daemon/xcb_private.h"

#define AREA_MAX (1U << 20)

static const char *const atom_names[ATOM_COUNT] = {
	[ATOM_UTF8_STRING] = "UTF8_STRING",
	[ATOM_WM_PROTOCOLS] = "WM_PROTOCOLS",
	[ATOM_WM_DELETE_WINDOW] = "WM_DELETE_WINDOW",
	[ATOM_WM_STATE] = "WM_STATE",
	[ATOM_WM_CHANGE_STATE] = "WM_CHANGE_STATE",
	[ATOM_MANAGER] = "MANAGER",
	[ATOM_NET_WM_PING] = "_NET_WM_PING",
	[ATOM_NET_WM_NAME] = "_NET_WM_NAME",
	[ATOM_NET_WM_ICON_NAME] = "_NET_WM_ICON_NAME",
	[ATOM_NET_WM_ICON] = "_NET_WM_ICON",
	[ATOM_NET_WM_PID] = "_NET_WM_PID",
	[ATOM_NET_WM_USER_TIME] = "_NET_WM_USER_TIME",
	[ATOM_NET_WM_STATE] = "_NET_WM_STATE",
	[ATOM_NET_WM_STATE_FULLSCREEN] = "_NET_WM_STATE_FULLSCREEN",
	[ATOM_NET_WM_STATE_MAXIMIZED_VERT] = "_NET_WM_STATE_MAXIMIZED_VERT",
	[ATOM_NET_WM_STATE_MAXIMIZED_HORZ] = "_NET_WM_STATE_MAXIMIZED_HORZ",
	[ATOM_NET_WM_STATE_DEMANDS_ATTENTION] = "_NET_WM_STATE_DEMANDS_ATTENTION",
	[ATOM_NET_WM_STATE_HIDDEN] = "_NET_WM_STATE_HIDDEN",
	[ATOM_NET_WM_MOVERESIZE] = "_NET_WM_MOVERESIZE",
	[ATOM_NET_WORKAREA] = "_NET_WORKAREA",
	[ATOM_NET_CURRENT_DESKTOP] = "_NET_CURRENT_DESKTOP",
	[ATOM_NET_SUPPORTING_WM_CHECK] = "_NET_SUPPORTING_WM_CHECK",
	[ATOM_NET_SYSTEM_TRAY_OPCODE] = "_NET_SYSTEM_TRAY_OPCODE",
	[ATOM_NET_SYSTEM_TRAY_S] = "_NET_SYSTEM_TRAY_S0",
	[ATOM_XEMBED] = "_XEMBED",
	[ATOM_XEMBED_INFO] = "_XEMBED_INFO",
	[ATOM_QUBES_LABEL] = "_QUBES_LABEL",
	[ATOM_QUBES_LABEL_COLOR] = "_QUBES_LABEL_COLOR",
	[ATOM_QUBES_VMNAME] = "_QUBES_VMNAME",
	[ATOM_QUBES_VMWINDOWID] = "_QUBES_VMWINDOWID",
};

static int
intern_atoms(struct display *d, struct err *err)
{
	xcb_intern_atom_cookie_t cookies[ATOM_COUNT];
	char tray_name[32];

	snprintf(tray_name, sizeof(tray_name), "_NET_SYSTEM_TRAY_S%d", d->screen_number);
	for (int i = 0; i < ATOM_COUNT; i++) {
		const char *name = i == ATOM_NET_SYSTEM_TRAY_S ? tray_name : atom_names[i];

		cookies[i] = xcb_intern_atom(d->x, 0, (uint16_t)strlen(name), name);
	}
	for (int i = 0; i < ATOM_COUNT; i++) {
		xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(d->x, cookies[i], NULL);

		if (reply == NULL)
			return err_set(err, EIO, "X server: no atom '%s'", atom_names[i]);
		d->atoms[i] = reply->atom;
		free(reply);
	}
	return 0;
}

/* A font that knows more than Latin-1 if the server has one. */
static void
open_fonts(struct display *d)
{
	static const char wide[] =
		"-misc-fixed-medium-r-semicondensed--13-120-75-75-c-60-iso10646-1";
	static const char narrow[] = "fixed", cursors[] = "cursor";
	xcb_generic_error_t *error;

	d->text_font = xcb_generate_id(d->x);
	error = xcb_request_check(
		d->x, xcb_open_font_checked(d->x, d->text_font, sizeof(wide) - 1, wide));
	d->wide_text = error == NULL;
	free(error);
	if (!d->wide_text)
		xcb_open_font(d->x, d->text_font, sizeof(narrow) - 1, narrow);
	d->cursor_font = xcb_generate_id(d->x);
	xcb_open_font(d->x, d->cursor_font, sizeof(cursors) - 1, cursors);
}

/* Black on what is light, white on what is dark. */
static uint32_t
readable_on(uint32_t colour)
{
	uint32_t red = colour >> 16 & 0xff, green = colour >> 8 & 0xff, blue = colour & 0xff;

	return red * 299 + green * 587 + blue * 114 > 128 * 1000 ? 0x000000 : 0xffffff;
}

static void
make_contexts(struct display *d)
{
	const uint32_t text[] = {
		readable_on(d->config->colour), d->config->colour, d->text_font, 0};
	const uint32_t no_exposures = 0;
	const uint32_t label[] = {d->config->colour, 0};

	d->copy_gc = xcb_generate_id(d->x);
	xcb_create_gc(d->x, d->copy_gc, d->screen->root, XCB_GC_GRAPHICS_EXPOSURES, &no_exposures);
	d->label_gc = xcb_generate_id(d->x);
	xcb_create_gc(d->x, d->label_gc, d->screen->root,
		XCB_GC_FOREGROUND | XCB_GC_GRAPHICS_EXPOSURES, label);
	d->text_gc = xcb_generate_id(d->x);
	xcb_create_gc(d->x, d->text_gc, d->screen->root,
		XCB_GC_FOREGROUND | XCB_GC_BACKGROUND | XCB_GC_FONT | XCB_GC_GRAPHICS_EXPOSURES,
		text);
}

static bool
read_cardinals(
	struct display *d, enum atom property, uint32_t offset, uint32_t *ret, uint32_t count)
{
	xcb_get_property_reply_t *reply = xcb_get_property_reply(d->x,
		xcb_get_property(d->x, 0, d->screen->root, d->atoms[property], XCB_ATOM_CARDINAL,
			offset, count),
		NULL);
	bool good = reply != NULL && reply->format == 32 &&
		    xcb_get_property_value_length(reply) == (int)(count * 4);

	if (good)
		memcpy(ret, xcb_get_property_value(reply), count * sizeof(*ret));
	free(reply);
	return good;
}

void
display_read_work_area(struct display *d)
{
	xcb_get_geometry_reply_t *geometry =
		xcb_get_geometry_reply(d->x, xcb_get_geometry(d->x, d->screen->root), NULL);
	uint32_t desktop = 0, area[4];

	if (geometry != NULL)
		d->root = (struct area){0, 0, geometry->width, geometry->height};
	free(geometry);
	read_cardinals(d, ATOM_NET_CURRENT_DESKTOP, 0, &desktop, 1);
	if (desktop > 1024 || !read_cardinals(d, ATOM_NET_WORKAREA, desktop * 4, area, 4)) {
		d->work = d->root;
		return;
	}
	for (int i = 0; i < 4; i++) {
		if (area[i] > AREA_MAX)
			return;
	}
	if (area[2] == 0 || area[3] == 0)
		return;
	d->work = (struct area){(int)area[0], (int)area[1], (int)area[2], (int)area[3]};
	if (!area_intersect(&d->work, &d->root, &d->work))
		d->work = d->root;
}

/* Segments by descriptor came with version 1.2 of the extension, and not over a network. */
static bool
can_attach(struct display *d)
{
	xcb_shm_query_version_reply_t *reply;
	bool can;

	if (!xcb_get_extension_data(d->x, &xcb_shm_id)->present)
		return false;
	reply = xcb_shm_query_version_reply(d->x, xcb_shm_query_version(d->x), NULL);
	can = reply != NULL && (reply->major_version > 1 || reply->minor_version >= 2);
	free(reply);
	return can;
}

int
display_set_up(struct display *d, struct err *err)
{
	const uint32_t root_events =
		XCB_EVENT_MASK_PROPERTY_CHANGE | XCB_EVENT_MASK_STRUCTURE_NOTIFY;

	if (d->screen->root_depth != 24)
		return err_set(err, EOPNOTSUPP, "X server: depth %u, only 24 is supported",
			d->screen->root_depth);
	if (intern_atoms(d, err) < 0)
		return -1;
	d->keysyms = xcb_key_symbols_alloc(d->x);
	if (d->keysyms == NULL)
		return err_set(err, ENOMEM, "X server: no keyboard map");
	/* Asked for now, so that the first chord finds it. */
	xcb_key_symbols_get_keysym(d->keysyms, xcb_get_setup(d->x)->min_keycode, 0);
	open_fonts(d);
	make_contexts(d);
	d->shm_possible = can_attach(d);
	xcb_change_window_attributes(d->x, d->screen->root, XCB_CW_EVENT_MASK, &root_events);
	display_read_work_area(d);
	display_tray_find(d);
	gethostname(d->host, sizeof(d->host) - 1);
	d->icon = icon_load(d->config, &d->icon_words);
	return 0;
}
