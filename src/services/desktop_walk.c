/* Finding the entries of the menu (desktop_entry.h). */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "services/desktop_entry.h"

#define SUFFIX ".desktop"
#define DEPTH_MAX 16
#define ENTRIES_MAX 20000

struct walk {
	desktop_entry_callback callback;
	void *data;
	char **seen; /* ids, in the order found */
	size_t seen_count;
};

static bool
is_seen(const struct walk *w, const char *id)
{
	for (size_t i = 0; i < w->seen_count; i++)
		if (text_equal(w->seen[i], id))
			return true;
	return false;
}

static int
visit_file(struct walk *w, const char *id, const char *path)
{
	char **grown;

	if (w->seen_count == ENTRIES_MAX || is_seen(w, id))
		return 0;
	grown = reallocarray(w->seen, w->seen_count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	w->seen = grown;
	w->seen[w->seen_count++] = text_copy(id);
	return w->callback(id, path, w->data);
}

static int walk_directory(struct walk *w, const char *path, const char *prefix, int depth);

/* The id is the path below the directory, with dashes for slashes and without the suffix. */
static int
visit(struct walk *w, const char *directory, const char *prefix, const char *name, int depth)
{
	AUTO_FREE char *path = path_join(directory, name);
	AUTO_FREE char *id = text_format("%s%s", prefix, name);
	struct stat st;

	if (name[0] == '.' || stat(path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		AUTO_FREE char *below = text_format("%s-", id);

		return depth < DEPTH_MAX ? walk_directory(w, path, below, depth + 1) : 0;
	}
	if (!S_ISREG(st.st_mode) || !text_ends_with(name, SUFFIX))
		return 0;
	id[strlen(id) - strlen(SUFFIX)] = '\0';
	return visit_file(w, id, path);
}

static int
walk_directory(struct walk *w, const char *path, const char *prefix, int depth)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort), result = 0;

	if (count < 0)
		return 0; /* most of the places do not exist */
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = visit(w, path, prefix, entries[i]->d_name, depth);
		free(entries[i]);
	}
	free(entries);
	return result;
}

static int
walk_data_directory(struct walk *w, const char *directory)
{
	AUTO_FREE char *applications = path_join(directory, "applications");

	return walk_directory(w, applications, "", 0);
}

int
desktop_entries_walk(desktop_entry_callback callback, void *data)
{
	struct walk w = {.callback = callback, .data = data};
	const char *own = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	const char *others = getenv("XDG_DATA_DIRS");
	AUTO_FREE char *default_own = text_format("%s/.local/share", home != NULL ? home : "");
	AUTO_FREE char *list = text_copy(
		others != NULL && others[0] != '\0' ? others : "/usr/local/share:/usr/share");
	int result = walk_data_directory(&w, own != NULL && own[0] == '/' ? own : default_own);

	for (char *directory = list, *next; directory != NULL && result == 0; directory = next) {
		next = strchr(directory, ':');
		if (next != NULL)
			*next++ = '\0';
		if (directory[0] == '/')
			result = walk_data_directory(&w, directory);
	}
	for (size_t i = 0; i < w.seen_count; i++)
		free(w.seen[i]);
	free(w.seen);
	return result;
}
