/*
 * window-rehearsal: builds a window as programs of GTK do, has it drawn into a pixmap, and ends.
 * What a first program waits for, libraries, fonts and icons that are read and (emulated) code that
 * is translated, is then there. The X server never shows the window, so nobody sees it, whoever
 * looks. Runs in a qube as its user, through agent/lib/rehearse, which gives it a home of its own.
 */
#include <gtk/gtk.h>
#include <unistd.h>

/* The end of one that hangs. */
#define SECONDS_MAX 60

static gboolean
handle_drawn(GtkWidget *window, GdkEventExpose *event, gpointer data)
{
	(void)window;
	(void)event;
	(void)data;
	gtk_main_quit();
	return FALSE;
}

static GtkWidget *
make_menu_bar(void)
{
	GtkWidget *bar = gtk_menu_bar_new(), *menu = gtk_menu_new();
	GtkWidget *file = gtk_menu_item_new_with_mnemonic("_File");

	gtk_menu_shell_append(GTK_MENU_SHELL(menu), gtk_menu_item_new_with_mnemonic("_Open"));
	gtk_menu_item_set_submenu(GTK_MENU_ITEM(file), menu);
	gtk_menu_shell_append(GTK_MENU_SHELL(bar), file);
	return bar;
}

static GtkWidget *
make_text(void)
{
	GtkWidget *scrolled = gtk_scrolled_window_new(NULL, NULL), *text = gtk_text_view_new();

	gtk_text_buffer_set_text(
		gtk_text_view_get_buffer(GTK_TEXT_VIEW(text)), "Quick brown foxes", -1);
	gtk_container_add(GTK_CONTAINER(scrolled), text);
	return scrolled;
}

/* What most windows have: a menu, an icon, a field, a text. */
static GtkWidget *
make_window(void)
{
	GtkWidget *window = gtk_offscreen_window_new();
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);

	gtk_box_pack_start(GTK_BOX(box), make_menu_bar(), FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(box),
		gtk_button_new_from_icon_name("document-open", GTK_ICON_SIZE_BUTTON), FALSE, FALSE,
		0);
	gtk_box_pack_start(GTK_BOX(box), gtk_entry_new(), FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(box), make_text(), TRUE, TRUE, 0);
	gtk_container_add(GTK_CONTAINER(window), box);
	gtk_window_set_default_size(GTK_WINDOW(window), 600, 400);
	return window;
}

int
main(int argc, char **argv)
{
	GtkWidget *window;

	alarm(SECONDS_MAX);
	if (!gtk_init_check(&argc, &argv))
		return 1;
	window = make_window();
	g_signal_connect_after(window, "damage-event", G_CALLBACK(handle_drawn), NULL);
	gtk_widget_show_all(window);
	gtk_main();
	return 0;
}
