/* When a window may be believed that its user means it; see settle.h. One window a process. */
#include "qrexec/prompt/settle.h"

#include <gdk/gdkx.h>
#include <string.h>

#include <X11/XKBlib.h>

#define KEY_CODES 256

static struct {
	GtkWidget *window;
	const struct settle_handler *handler;
	void *data;
	bool focused, visible, settled;
	guint timer;
	GdkRectangle place;
	bool stale_key[KEY_CODES]; /* down since before the focus came */
	unsigned key;              /* pressed to decide, not yet let go; 0: none */
	bool button;               /* pressed where it counts */
} state;

static void
set_settled(bool settled)
{
	if (state.settled == settled)
		return;
	state.settled = settled;
	state.handler->handle_settled(settled, state.data);
}

static gboolean
handle_second(gpointer data)
{
	(void)data;
	state.timer = 0;
	set_settled(true);
	return G_SOURCE_REMOVE;
}

/* The second begins anew, if it may begin at all. */
static void
disturb(void)
{
	if (state.timer != 0)
		g_source_remove(state.timer);
	state.timer = 0;
	state.key = 0;
	state.button = false;
	set_settled(false);
	if (state.focused && state.visible)
		state.timer = g_timeout_add(SETTLE_MS, handle_second, NULL);
}

static void
note_held_keys(void)
{
	Display *display = gdk_x11_display_get_xdisplay(gtk_widget_get_display(state.window));
	char keys[KEY_CODES / 8];

	XQueryKeymap(display, keys);
	for (unsigned code = 0; code < KEY_CODES; code++)
		state.stale_key[code] = ((unsigned char)keys[code / 8] >> (code % 8) & 1) != 0;
}

static void
handle_focus(const GdkEventFocus *event)
{
	state.focused = event->in != 0;
	if (state.focused)
		note_held_keys();
	disturb();
}

static void
handle_configure(const GdkEventConfigure *event)
{
	GdkRectangle place = {event->x, event->y, event->width, event->height};

	if (gdk_rectangle_equal(&place, &state.place))
		return;
	state.place = place;
	disturb();
}

static bool
deciding_key(unsigned value, enum settle_key *ret)
{
	switch (value) {
	case GDK_KEY_Return:
	case GDK_KEY_KP_Enter:
	case GDK_KEY_ISO_Enter:
		*ret = SETTLE_ENTER;
		return true;
	case GDK_KEY_Escape:
		*ret = SETTLE_ESCAPE;
		return true;
	case GDK_KEY_space:
	case GDK_KEY_KP_Space:
		*ret = SETTLE_SPACE;
		return true;
	default:
		return false;
	}
}

/* The functions below return whether GTK may see the event. */

static bool
pass_press(const GdkEventKey *event)
{
	enum settle_key key;

	if (!state.settled) {
		disturb();
		return false;
	}
	if (state.stale_key[event->hardware_keycode % KEY_CODES])
		return false;
	if (!deciding_key(event->keyval, &key))
		return true;
	/* A space is text as well; Enter and Escape are nothing else. */
	state.key = event->hardware_keycode;
	return key == SETTLE_SPACE && GTK_IS_ENTRY(gtk_window_get_focus(GTK_WINDOW(state.window)));
}

static bool
pass_release(const GdkEventKey *event)
{
	unsigned code = event->hardware_keycode;
	enum settle_key key;

	state.stale_key[code % KEY_CODES] = false;
	if (!state.settled || state.key != code || !deciding_key(event->keyval, &key))
		return state.settled;
	state.key = 0;
	return !state.handler->handle_key(key, state.data);
}

static bool
pass_button(bool pressed)
{
	if (!state.settled) {
		if (pressed)
			disturb();
		return false;
	}
	if (pressed)
		state.button = true;
	/* Let go here, but pressed before. */
	return state.button;
}

static bool
pass_event(GdkEvent *event)
{
	switch ((int)event->type) {
	case GDK_KEY_PRESS:
		return pass_press(&event->key);
	case GDK_KEY_RELEASE:
		return pass_release(&event->key);
	case GDK_BUTTON_PRESS:
	case GDK_2BUTTON_PRESS:
	case GDK_3BUTTON_PRESS:
		return pass_button(true);
	case GDK_BUTTON_RELEASE:
		return pass_button(false);
	case GDK_TOUCH_BEGIN:
	case GDK_TOUCH_UPDATE:
	case GDK_TOUCH_END:
	case GDK_TOUCH_CANCEL:
	case GDK_SCROLL:
		return state.settled;
	default:
		return true;
	}
}

static void
note_window_event(const GdkEvent *event)
{
	if (event->any.window != gtk_widget_get_window(state.window))
		return;
	switch ((int)event->type) {
	case GDK_FOCUS_CHANGE:
		handle_focus(&event->focus_change);
		break;
	case GDK_CONFIGURE:
		handle_configure(&event->configure);
		break;
	case GDK_VISIBILITY_NOTIFY:
		state.visible = event->visibility.state == GDK_VISIBILITY_UNOBSCURED;
		disturb();
		break;
	case GDK_UNMAP:
		state.visible = false;
		disturb();
		break;
	default:
		break;
	}
}

static void
handle_event(GdkEvent *event, gpointer data)
{
	(void)data;
	note_window_event(event);
	if (pass_event(event))
		gtk_main_do_event(event);
}

void
settle_watch(GtkWidget *window, const struct settle_handler *handler, void *data)
{
	Display *display = gdk_x11_display_get_xdisplay(gtk_widget_get_display(window));

	state.window = window;
	state.handler = handler;
	state.data = data;
	/* A held key is told from one that is pressed again and again. */
	XkbSetDetectableAutoRepeat(display, True, NULL);
	gdk_event_handler_set(handle_event, NULL, NULL);
}
