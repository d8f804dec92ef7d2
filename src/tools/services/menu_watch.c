/* Following the qubes (menu_watch.h). */
#include "tools/services/menu_watch.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/lib/admin_client.h"
#include "tools/services/menu_changes.h"
#include "tools/services/menu_store.h"
#include "tools/services/menu_write.h"
#include "tools/services/menus.h"

/* What changes how a qube's menu looks; the second kind also that of others. */
static const char *const own_changes[] = {
	":label", ":menu-items", ":appmenus-dispvm", ":internal", ":template_for_dispvms"};
static const char *const wide_changes[] = {":template", ":default-menu-items"};

static bool
ends_with_any(const char *name, const char *const *ends, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_ends_with(name, ends[i]))
			return true;
	return false;
}

enum menu_change
menu_change_of(const struct admin_event *event, const char **ret_qube)
{
	const char *named = admin_event_value(event, "vm");

	*ret_qube = named != NULL ? named : event->subject;
	/* The stream has begun: what is written now misses nothing. */
	if (text_equal(event->name, "connection-established"))
		return MENU_ALL;
	if (text_equal(event->name, "domain-delete"))
		return MENU_REMOVED;
	if (text_equal(event->name, "domain-add"))
		return MENU_ADDED;
	if (!text_starts_with(event->name, "property-") &&
		!text_starts_with(event->name, "domain-feature-"))
		return MENU_UNTOUCHED;
	*ret_qube = event->subject;
	if (ends_with_any(
		    event->name, wide_changes, sizeof(wide_changes) / sizeof(wide_changes[0])))
		return MENU_ALL;
	return ends_with_any(event->name, own_changes, sizeof(own_changes) / sizeof(own_changes[0]))
		       ? MENU_ADDED
		       : MENU_UNTOUCHED;
}

static void
handle_event(const struct admin_event *event)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *qube;
	int result = 0;

	switch (menu_change_of(event, &qube)) {
	case MENU_UNTOUCHED:
		return;
	case MENU_ADDED:
		/* Of a qube without programs of its own there is nothing to write. */
		if (menus_write(qube, &err) < 0)
			log_debug("menu of '%s': %s", qube, err_message(&err));
		return;
	case MENU_REMOVED:
		result = menu_remove(qube, &err);
		break;
	case MENU_ALL:
		result = menus_write(NULL, &err);
		break;
	}
	if (result < 0)
		log_warning("menus: %s", err_message(&err));
}

/* A qube told dom0 its programs, or somebody asked it. */
static void
handle_changes(struct menu_changes *changes)
{
	const char *qube;
	int result;

	while ((result = menu_changes_next(changes, &qube)) != 0) {
		AUTO_ERR struct err err = ERR_INIT;

		if ((result < 0 ? menus_write(NULL, &err) : menus_write_of_source(qube, &err)) < 0)
			log_warning("menus: %s", err_message(&err));
	}
}

/* What the daemon said until now. -1: the stream ended. */
static int
handle_events(struct admin_events *events)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct admin_event event;
	int result;

	while ((result = admin_events_next(events, 0, &event, &err)) > 0) {
		handle_event(&event);
		admin_event_finish(&event);
	}
	return result;
}

/* Until the stream ends: the daemon has gone. Without `changes` only its events count. */
static void
follow(struct menu_changes *changes)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct admin_events *events = admin_events_open("dom0", &err);
	struct pollfd sources[2] = {{.fd = -1}};

	if (events == NULL)
		return;
	sources[1].fd = changes != NULL ? menu_changes_fd(changes) : -1;
	sources[1].events = POLLIN;
	while (handle_events(events) == 0) {
		if (changes != NULL)
			handle_changes(changes);
		admin_events_poll(events, &sources[0]);
		poll(sources, 2, -1);
	}
	admin_events_close(events);
}

/* What dom0's service keeps. Where it cannot be seen, menus follow the daemon alone. */
static struct menu_changes *
open_changes(void)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *shared = root_path(MENU_STORE);
	struct menu_changes *changes;

	/* So that it is there, where it may be made. */
	free(menu_store_directory(&err));
	err_clear(&err);
	changes = menu_changes_open(shared, &err);
	if (changes == NULL)
		log_warning("%s", err_message(&err));
	return changes;
}

void
menu_watch(void)
{
	const struct timespec pause = {.tv_sec = 1};
	struct menu_changes *changes = open_changes();

	for (;;) {
		follow(changes);
		/* Nothing tells when a daemon that is gone comes back. */
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}
