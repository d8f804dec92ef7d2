/*
 * Against stolen clicks and keys (spec qrexec.md 7.3). Every event of the prompt passes here
 * before GTK sees it. Input counts only while the window has *settled*: it has had the focus,
 * unmoved, in full sight, for one second in which nothing was pressed. Anything that disturbs that
 * starts the second anew.
 *
 * Keys that were down when the focus came never count until they are let go. What decides, decides
 * when it is let go, so that no held key is left for the window that has the focus next.
 */
#ifndef BULKHEAD_QREXEC_PROMPT_SETTLE_H
#define BULKHEAD_QREXEC_PROMPT_SETTLE_H

#include <gtk/gtk.h>
#include <stdbool.h>

#define SETTLE_MS 1000

enum settle_key {
	SETTLE_ENTER,
	SETTLE_ESCAPE,
	SETTLE_SPACE,
};

struct settle_handler {
	void (*handle_settled)(bool settled, void *data);
	/* One of the keys was pressed and let go. True: it was used, GTK does not see it. */
	bool (*handle_key)(enum settle_key key, void *data);
};

/* Takes the events of the process over, for its only window, which has been realised. */
void settle_watch(GtkWidget *window, const struct settle_handler *handler, void *data);

#endif
