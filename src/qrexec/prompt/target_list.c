/* Choosing a target; see target_list.h. */
#include "qrexec/prompt/target_list.h"

#include <cairo-gobject.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/prompt/shape.h"

#define ICON_SIZE 20
#define LIST_HEIGHT 150

enum { COLUMN_ICON, COLUMN_WORDS, COLUMN_INDEX, COLUMNS };

static const struct request_qube *
qube_at(const struct target_list *l, GtkTreeModel *model, GtkTreeIter *iter, guint *ret_index)
{
	gtk_tree_model_get(model, iter, COLUMN_INDEX, ret_index, -1);
	return &l->request->targets[*ret_index];
}

static gboolean
is_visible(GtkTreeModel *model, GtkTreeIter *iter, gpointer data)
{
	const struct target_list *l = data;
	const char *text = gtk_entry_get_text(GTK_ENTRY(l->entry));
	guint index;
	const struct request_qube *qube = qube_at(l, model, iter, &index);

	return strcasestr(qube->words, text) != NULL || strcasestr(qube->name, text) != NULL;
}

static void
choose(struct target_list *l, GtkTreeIter *iter)
{
	GtkTreeSelection *selection = gtk_tree_view_get_selection(GTK_TREE_VIEW(l->view));
	GtkTreePath *path = gtk_tree_model_get_path(GTK_TREE_MODEL(l->filter), iter);

	gtk_tree_selection_select_iter(selection, iter);
	gtk_tree_view_scroll_to_cell(GTK_TREE_VIEW(l->view), path, NULL, FALSE, 0, 0);
	gtk_tree_path_free(path);
}

/* The row that the text means: the default for none, one that is named in full, or the last one
 * left. False: none. */
static bool
find_meant(struct target_list *l, const char *text, GtkTreeIter *ret)
{
	GtkTreeModel *model = GTK_TREE_MODEL(l->filter);
	GtkTreeIter iter;
	size_t left = 0;
	guint index;

	for (gboolean more = gtk_tree_model_get_iter_first(model, &iter); more;
		more = gtk_tree_model_iter_next(model, &iter)) {
		const struct request_qube *qube = qube_at(l, model, &iter, &index);
		bool meant = text[0] == '\0' ? index == l->request->default_target
					     : text_equal(text, qube->words) ||
						       text_equal(text, qube->name);

		left++;
		*ret = iter;
		if (meant)
			return true;
	}
	return left == 1 && text[0] != '\0';
}

static void
choose_by_text(struct target_list *l)
{
	GtkTreeSelection *selection = gtk_tree_view_get_selection(GTK_TREE_VIEW(l->view));
	GtkTreeIter iter;

	gtk_tree_selection_unselect_all(selection);
	if (find_meant(l, gtk_entry_get_text(GTK_ENTRY(l->entry)), &iter))
		choose(l, &iter);
}

static void
handle_text(GtkEditable *entry, gpointer data)
{
	struct target_list *l = data;

	(void)entry;
	gtk_tree_model_filter_refilter(l->filter);
	choose_by_text(l);
}

static void
handle_selection(GtkTreeSelection *selection, gpointer data)
{
	struct target_list *l = data;

	(void)selection;
	l->handle_change(l->data);
}

/* The arrow keys of the entry move the choice in the list. */
static gboolean
handle_entry_key(GtkWidget *entry, GdkEventKey *event, gpointer data)
{
	struct target_list *l = data;
	GtkTreeSelection *selection = gtk_tree_view_get_selection(GTK_TREE_VIEW(l->view));
	GtkTreeModel *model = GTK_TREE_MODEL(l->filter);
	GtkTreeIter iter;

	(void)entry;
	if (event->keyval != GDK_KEY_Down && event->keyval != GDK_KEY_Up)
		return FALSE;
	if (!gtk_tree_selection_get_selected(selection, NULL, &iter)) {
		if (gtk_tree_model_get_iter_first(model, &iter))
			choose(l, &iter);
	} else if (event->keyval == GDK_KEY_Down ? gtk_tree_model_iter_next(model, &iter)
						 : gtk_tree_model_iter_previous(model, &iter)) {
		choose(l, &iter);
	}
	return TRUE;
}

static void
fill_store(struct target_list *l)
{
	l->store =
		gtk_list_store_new(COLUMNS, CAIRO_GOBJECT_TYPE_SURFACE, G_TYPE_STRING, G_TYPE_UINT);
	for (size_t i = 0; i < l->request->target_count; i++) {
		const struct request_qube *qube = &l->request->targets[i];
		cairo_surface_t *icon = shape_surface(qube, ICON_SIZE);

		gtk_list_store_insert_with_values(l->store, NULL, -1, COLUMN_ICON, icon,
			COLUMN_WORDS, qube->words, COLUMN_INDEX, (guint)i, -1);
		cairo_surface_destroy(icon);
	}
}

static GtkWidget *
make_view(struct target_list *l)
{
	GtkWidget *view = gtk_tree_view_new_with_model(GTK_TREE_MODEL(l->filter));
	GtkTreeViewColumn *column = gtk_tree_view_column_new();
	GtkCellRenderer *icon = gtk_cell_renderer_pixbuf_new();
	GtkCellRenderer *text = gtk_cell_renderer_text_new();

	gtk_tree_view_column_pack_start(column, icon, FALSE);
	gtk_tree_view_column_add_attribute(column, icon, "surface", COLUMN_ICON);
	gtk_tree_view_column_pack_start(column, text, TRUE);
	gtk_tree_view_column_add_attribute(column, text, "text", COLUMN_WORDS);
	gtk_tree_view_append_column(GTK_TREE_VIEW(view), column);
	gtk_tree_view_set_headers_visible(GTK_TREE_VIEW(view), FALSE);
	gtk_tree_view_set_enable_search(GTK_TREE_VIEW(view), FALSE);
	return view;
}

void
target_list_init(struct target_list *l, const struct request *request,
	void (*handle_change)(void *data), void *data)
{
	GtkWidget *scrolled = gtk_scrolled_window_new(NULL, NULL);

	*l = (struct target_list){.request = request, .handle_change = handle_change, .data = data};
	l->entry = gtk_entry_new();
	gtk_entry_set_placeholder_text(GTK_ENTRY(l->entry), "type to narrow the list down");
	fill_store(l);
	l->filter =
		GTK_TREE_MODEL_FILTER(gtk_tree_model_filter_new(GTK_TREE_MODEL(l->store), NULL));
	gtk_tree_model_filter_set_visible_func(l->filter, is_visible, l, NULL);
	l->view = make_view(l);
	gtk_scrolled_window_set_shadow_type(GTK_SCROLLED_WINDOW(scrolled), GTK_SHADOW_IN);
	gtk_scrolled_window_set_policy(
		GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
	gtk_scrolled_window_set_overlay_scrolling(GTK_SCROLLED_WINDOW(scrolled), FALSE);
	gtk_widget_set_size_request(scrolled, -1, LIST_HEIGHT);
	gtk_container_add(GTK_CONTAINER(scrolled), l->view);
	l->widget = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
	gtk_box_pack_start(GTK_BOX(l->widget), l->entry, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(l->widget), scrolled, TRUE, TRUE, 0);
	choose_by_text(l);
	g_signal_connect(l->entry, "changed", G_CALLBACK(handle_text), l);
	g_signal_connect(l->entry, "key-press-event", G_CALLBACK(handle_entry_key), l);
	g_signal_connect(gtk_tree_view_get_selection(GTK_TREE_VIEW(l->view)), "changed",
		G_CALLBACK(handle_selection), l);
}

bool
target_list_chosen(const struct target_list *l, size_t *ret_target)
{
	GtkTreeSelection *selection = gtk_tree_view_get_selection(GTK_TREE_VIEW(l->view));
	GtkTreeModel *model;
	GtkTreeIter iter;
	guint index;

	if (!gtk_tree_selection_get_selected(selection, &model, &iter))
		return false;
	gtk_tree_model_get(model, &iter, COLUMN_INDEX, &index, -1);
	*ret_target = index;
	return true;
}
