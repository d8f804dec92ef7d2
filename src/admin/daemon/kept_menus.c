/* Removing what was kept of a qube's programs (kept_menus.h); another of its name has its own. */
#include "admin/daemon/kept_menus.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

#define MENU_STORE "/var/lib/qubes/appmenus"

static const char *
removed_qube(const struct event *event)
{
	if (!text_equal(event->name, "domain-delete"))
		return NULL;
	for (size_t i = 0; i < event->pair_count; i++)
		if (text_equal(event->pairs[i].key, "vm"))
			return event->pairs[i].value;
	return NULL;
}

/* A few small files at most; most qubes have their template's, and none. */
static void
handle_event(const struct event *event, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *qube = removed_qube(event);
	AUTO_FREE char *path = NULL;

	(void)data;
	if (qube == NULL)
		return;
	path = root_path(MENU_STORE "/%s", qube);
	if (remove_tree(path, &err) < 0)
		log_qube_message(LOG_LEVEL_WARNING, qube, "%s", err_message(&err));
}

struct event_subscriber *
kept_menus_follow(struct app *app)
{
	return events_subscribe(app, handle_event, NULL);
}
