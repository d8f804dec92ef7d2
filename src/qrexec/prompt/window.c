/* What is shown and what decides; see window.h and settle.h. One window a process. */
#include "qrexec/prompt/window.h"

#include <gdk/gdkx.h>
#include <gtk/gtk.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/prompt/settle.h"
#include "qrexec/prompt/shape.h"
#include "qrexec/prompt/target_list.h"

#define SOURCE_ICON_SIZE 32
#define WINDOW_WIDTH 460
#define SPACING 12

static struct {
	const struct request *request;
	window_callback callback;
	GtkWidget *window, *ok, *cancel;
	GtkWidget *term[REQUEST_TERMS]; /* NULL: not offered */
	struct target_list targets;
	bool settled;
} w;

static void
finish(const char *answer)
{
	window_callback callback = w.callback;

	if (callback == NULL)
		return;
	w.callback = NULL;
	gtk_widget_hide(w.window);
	callback(answer);
}

static size_t
chosen_term(void)
{
	for (size_t i = 0; i < REQUEST_TERMS; i++) {
		if (w.term[i] != NULL && gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(w.term[i])))
			return i;
	}
	return 0;
}

static void
allow(void)
{
	AUTO_FREE char *answer = NULL;
	size_t target;

	if (!w.settled || !target_list_chosen(&w.targets, &target))
		return;
	answer = request_answer(w.request, target, chosen_term());
	finish(answer);
}

static void
deny(void)
{
	if (w.settled)
		finish("deny");
}

static void
update_buttons(void)
{
	size_t target;

	gtk_widget_set_sensitive(w.cancel, w.settled);
	gtk_widget_set_sensitive(w.ok, w.settled && target_list_chosen(&w.targets, &target));
}

static void
handle_change(void *data)
{
	(void)data;
	update_buttons();
}

static void
handle_settled(bool settled, void *data)
{
	(void)data;
	w.settled = settled;
	update_buttons();
}

static bool
handle_key(enum settle_key key, void *data)
{
	const GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(w.window));

	(void)data;
	if (key == SETTLE_SPACE && focus != w.ok && focus != w.cancel)
		return false;
	if (key == SETTLE_ESCAPE || focus == w.cancel)
		deny();
	else
		allow();
	return true;
}

/* The window manager's way to close it is always open. */
static gboolean
handle_delete(GtkWidget *window, GdkEvent *event, gpointer data)
{
	(void)window;
	(void)event;
	(void)data;
	finish("deny");
	return TRUE;
}

static gboolean
draw_source(GtkWidget *area, cairo_t *cr, gpointer data)
{
	(void)area;
	shape_draw(cr, data, SOURCE_ICON_SIZE);
	return FALSE;
}

static GtkWidget *
make_markup(char *markup)
{
	GtkWidget *label = gtk_label_new(NULL);

	gtk_label_set_markup(GTK_LABEL(label), markup);
	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
	gtk_label_set_line_wrap_mode(GTK_LABEL(label), PANGO_WRAP_CHAR);
	gtk_label_set_max_width_chars(GTK_LABEL(label), 50);
	g_free(markup);
	return label;
}

static GtkWidget *
make_source(const struct request_qube *source)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACING);
	GtkWidget *icon = gtk_drawing_area_new();

	gtk_widget_set_size_request(icon, SOURCE_ICON_SIZE, SOURCE_ICON_SIZE);
	g_signal_connect(icon, "draw", G_CALLBACK(draw_source), (gpointer)(uintptr_t)source);
	gtk_box_pack_start(GTK_BOX(box), icon, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(box),
		make_markup(g_markup_printf_escaped("<b>%s</b>", source->words)), TRUE, TRUE, 0);
	return box;
}

/* The part after the first dot is what tells services apart. */
static GtkWidget *
make_operation(const struct request *r)
{
	const char *dot = strchr(r->service, '.');
	size_t vendor_length = dot != NULL ? (size_t)(dot - r->service) + 1 : 0;
	AUTO_FREE char *vendor = text_format("%.*s", (int)vendor_length, r->service);
	char *markup = g_markup_printf_escaped("%s<b>%s</b>%s%s", vendor,
		r->service + vendor_length, r->argument[0] != '\0' ? " " : "", r->argument);

	return make_markup(markup);
}

static void
attach(GtkWidget *grid, int row, const char *name, GtkWidget *widget)
{
	GtkWidget *label = gtk_label_new(name);

	gtk_label_set_xalign(GTK_LABEL(label), 1);
	gtk_label_set_yalign(GTK_LABEL(label), 0);
	gtk_widget_set_hexpand(widget, TRUE);
	gtk_grid_attach(GTK_GRID(grid), label, 0, row, 1, 1);
	gtk_grid_attach(GTK_GRID(grid), widget, 1, row, 1, 1);
}

static GtkWidget *
make_terms(const struct request *r)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACING), *first = NULL;

	for (size_t i = 0; i < REQUEST_TERMS; i++) {
		if ((r->terms & 1u << i) == 0)
			continue;
		w.term[i] = gtk_radio_button_new_with_label_from_widget(
			GTK_RADIO_BUTTON(first), request_terms[i].words);
		if (first == NULL)
			first = w.term[i];
		gtk_box_pack_start(GTK_BOX(box), w.term[i], FALSE, FALSE, 0);
	}
	return box;
}

static GtkWidget *
make_buttons(void)
{
	GtkWidget *box = gtk_button_box_new(GTK_ORIENTATION_HORIZONTAL);

	w.cancel = gtk_button_new_with_label("Cancel");
	w.ok = gtk_button_new_with_label("OK");
	gtk_button_box_set_layout(GTK_BUTTON_BOX(box), GTK_BUTTONBOX_END);
	gtk_box_set_spacing(GTK_BOX(box), SPACING);
	gtk_container_add(GTK_CONTAINER(box), w.cancel);
	gtk_container_add(GTK_CONTAINER(box), w.ok);
	g_signal_connect(w.cancel, "clicked", G_CALLBACK(deny), NULL);
	g_signal_connect(w.ok, "clicked", G_CALLBACK(allow), NULL);
	return box;
}

static GtkWidget *
make_content(const struct request *r)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACING), *grid = gtk_grid_new();

	gtk_grid_set_row_spacing(GTK_GRID(grid), SPACING);
	gtk_grid_set_column_spacing(GTK_GRID(grid), SPACING);
	attach(grid, 0, "Source:", make_source(&r->source));
	attach(grid, 1, "Operation:", make_operation(r));
	attach(grid, 2, "Target:", w.targets.widget);
	if (r->terms > 1)
		attach(grid, 3, "Allow:", make_terms(r));
	gtk_box_pack_start(GTK_BOX(box),
		make_markup(g_strdup("Do you want to allow the following operation?\n"
				     "<small>Choose the target and confirm with \"OK\".</small>")),
		FALSE, FALSE, 0);
	if (r->bad_default)
		gtk_box_pack_start(GTK_BOX(box),
			make_markup(g_strdup("<span foreground=\"#a40000\">The target that the "
					     "policy proposes is not allowed.</span>")),
			FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(box), grid, TRUE, TRUE, 0);
	gtk_box_pack_start(GTK_BOX(box), make_buttons(), FALSE, FALSE, 0);
	return box;
}

static bool
is_under_pointer(int x, int y, int width, int height, int pointer_x, int pointer_y)
{
	return pointer_x >= x && pointer_x < x + width && pointer_y >= y && pointer_y < y + height;
}

/* In the middle, or beside it where that is not under the pointer. */
static void
place_window(void)
{
	GdkDisplay *display = gtk_widget_get_display(w.window);
	GdkDevice *pointer = gdk_seat_get_pointer(gdk_display_get_default_seat(display));
	int pointer_x, pointer_y, width, height;
	GdkRectangle area;

	gdk_device_get_position(pointer, NULL, &pointer_x, &pointer_y);
	gdk_monitor_get_workarea(
		gdk_display_get_monitor_at_point(display, pointer_x, pointer_y), &area);
	gtk_window_get_size(GTK_WINDOW(w.window), &width, &height);
	for (int place = 0; place < 5; place++) {
		int room_x = area.width > width ? area.width - width : 0;
		int room_y = area.height > height ? area.height - height : 0;
		/* The middle, left, right, top, bottom. */
		int x = area.x + (place == 1 ? 0 : place == 2 ? room_x : room_x / 2);
		int y = area.y + (place == 3 ? 0 : place == 4 ? room_y : room_y / 2);

		gtk_window_move(GTK_WINDOW(w.window), x, y);
		if (!is_under_pointer(x, y, width, height, pointer_x, pointer_y))
			return;
	}
}

/* Without a window manager nobody gives the focus. */
static gboolean
handle_mapped(GtkWidget *window, GdkEvent *event, gpointer data)
{
	GdkScreen *screen = gtk_widget_get_screen(window);

	(void)event;
	(void)data;
	if (!gdk_x11_screen_supports_net_wm_hint(
		    screen, gdk_atom_intern_static_string("_NET_ACTIVE_WINDOW")))
		gdk_window_focus(gtk_widget_get_window(window), GDK_CURRENT_TIME);
	return FALSE;
}

void
window_show(const struct request *request, window_callback callback)
{
	static const struct settle_handler handler = {handle_settled, handle_key};
	GtkWindow *window;

	w.request = request;
	w.callback = callback;
	w.window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
	window = GTK_WINDOW(w.window);
	target_list_init(&w.targets, request, handle_change, NULL);
	gtk_container_set_border_width(GTK_CONTAINER(w.window), SPACING * 2);
	gtk_container_add(GTK_CONTAINER(w.window), make_content(request));
	gtk_window_set_title(window, "Operation execution");
	gtk_window_set_type_hint(window, GDK_WINDOW_TYPE_HINT_DIALOG);
	gtk_window_set_default_size(window, WINDOW_WIDTH, -1);
	gtk_window_set_keep_above(window, TRUE);
	gtk_window_set_urgency_hint(window, TRUE);
	gtk_window_stick(window);
	gtk_widget_add_events(w.window, GDK_VISIBILITY_NOTIFY_MASK);
	g_signal_connect(w.window, "delete-event", G_CALLBACK(handle_delete), NULL);
	g_signal_connect(w.window, "map-event", G_CALLBACK(handle_mapped), NULL);
	update_buttons();
	gtk_widget_realize(w.window);
	settle_watch(w.window, &handler, NULL);
	gtk_widget_show_all(gtk_bin_get_child(GTK_BIN(w.window)));
	place_window();
	gtk_widget_grab_focus(w.targets.entry);
	gtk_widget_show(w.window);
}
