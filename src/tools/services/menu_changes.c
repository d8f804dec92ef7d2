/* Watching the store of menus (menu_changes.h): its directory, and that of each qube in it. */
#include "tools/services/menu_changes.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/services/menu_store.h"

#define EVENT_MAX (sizeof(struct inotify_event) + NAME_MAX + 1)

struct watched {
	int watch;
	char *qube; /* owned */
};

struct menu_changes {
	int fd;
	int store_watch;
	char *directory;         /* owned */
	struct watched *watched; /* owned; one for each qube that there was */
	size_t watched_count;
	_Alignas(struct inotify_event) char events[8 * EVENT_MAX];
	size_t at, end; /* what of them was not looked at yet */
};

/* A directory that went away, or was made again under its name, has another watch. */
static void
watch_qube(struct menu_changes *c, const char *qube)
{
	AUTO_FREE char *path = path_join(c->directory, qube);
	int watch = inotify_add_watch(
		c->fd, path, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR | IN_DONT_FOLLOW);
	struct watched *grown;

	if (watch < 0)
		return;
	for (size_t i = 0; i < c->watched_count; i++)
		if (c->watched[i].watch == watch)
			return;
	grown = reallocarray(c->watched, c->watched_count + 1, sizeof(*grown));
	if (grown == NULL)
		return;
	c->watched = grown;
	c->watched[c->watched_count++] = (struct watched){.watch = watch, .qube = text_copy(qube)};
}

static void
forget_watch(struct menu_changes *c, int watch)
{
	for (size_t i = 0; i < c->watched_count; i++) {
		if (c->watched[i].watch != watch)
			continue;
		free(c->watched[i].qube);
		c->watched[i] = c->watched[--c->watched_count];
		return;
	}
}

struct menu_changes *
menu_changes_open(const char *directory, struct err *err)
{
	struct menu_changes *c = xcalloc(1, sizeof(*c));
	const struct dirent *entry;
	DIR *entries;

	c->directory = text_copy(directory);
	c->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	/* From here on nothing is missed: then what is there already. */
	c->store_watch = c->fd < 0 ? -1
				   : inotify_add_watch(c->fd, directory,
					     IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	entries = c->store_watch < 0 ? NULL : opendir(directory);
	if (entries == NULL) {
		err_set_errno(err, errno, "menus '%s': cannot be watched", directory);
		menu_changes_close(c);
		return NULL;
	}
	while ((entry = readdir(entries)) != NULL)
		if (entry->d_name[0] != '.')
			watch_qube(c, entry->d_name);
	closedir(entries);
	return c;
}

void
menu_changes_close(struct menu_changes *changes)
{
	if (changes == NULL)
		return;
	for (size_t i = 0; i < changes->watched_count; i++)
		free(changes->watched[i].qube);
	free(changes->watched);
	free(changes->directory);
	if (changes->fd >= 0)
		close(changes->fd);
	free(changes);
}

int
menu_changes_fd(const struct menu_changes *changes)
{
	return changes->fd;
}

/* The qube that an event is about, or NULL. */
static const char *
look_at(struct menu_changes *c, const struct inotify_event *event)
{
	if ((event->mask & IN_IGNORED) != 0) {
		forget_watch(c, event->wd);
		return NULL;
	}
	if (event->len == 0)
		return NULL;
	if (event->wd == c->store_watch) {
		if (event->name[0] == '.')
			return NULL;
		watch_qube(c, event->name);
		return event->name; /* its list may be there already */
	}
	for (size_t i = 0; i < c->watched_count; i++)
		if (c->watched[i].watch == event->wd && text_equal(event->name, MENU_LIST))
			return c->watched[i].qube;
	return NULL;
}

int
menu_changes_next(struct menu_changes *changes, const char **ret_qube)
{
	for (;;) {
		const struct inotify_event *event;
		ssize_t count;

		if (changes->at == changes->end) {
			count = read(changes->fd, changes->events, sizeof(changes->events));
			if (count <= 0)
				return 0;
			changes->at = 0;
			changes->end = (size_t)count;
		}
		event = (const void *)(changes->events + changes->at);
		changes->at += sizeof(*event) + event->len;
		if ((event->mask & IN_Q_OVERFLOW) != 0)
			return -1;
		*ret_qube = look_at(changes, event);
		if (*ret_qube != NULL)
			return 1;
	}
}
