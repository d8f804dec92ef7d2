/* The widget to choose a target with: an entry that narrows a list down, and the list. Only what
 * was offered can be chosen. */
#ifndef BULKHEAD_QREXEC_PROMPT_TARGET_LIST_H
#define BULKHEAD_QREXEC_PROMPT_TARGET_LIST_H

#include <gtk/gtk.h>
#include <stdbool.h>

#include "qrexec/prompt/request.h"

struct target_list {
	const struct request *request; /* borrowed */
	GtkWidget *entry, *view, *widget;
	GtkListStore *store;
	GtkTreeModelFilter *filter;
	void (*handle_change)(void *data);
	void *data;
};

void target_list_init(struct target_list *l, const struct request *request,
	void (*handle_change)(void *data), void *data);

/* The index of the chosen target; false: none. */
bool target_list_chosen(const struct target_list *l, size_t *ret_target);

#endif
