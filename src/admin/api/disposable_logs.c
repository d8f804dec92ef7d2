/* Logs of disposables; see disposable_logs.h. Runs in bulkheadd. */
#include "admin/api/disposable_logs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/lifecycle/lifecycle.h"
#include "admin/model/app.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"

/* "PROGRAM-NAME.log" or "PROGRAM.NAME.log", perhaps with ".old": the length of NAME, or 0. */
static size_t
find_name(const char *file, const char **ret_name)
{
	const char *name = file + strcspn(file, "-.");
	const char *end;

	if (*name == '\0')
		return 0;
	name++;
	end = name + strlen(name);
	if (text_ends_with(name, ".old"))
		end -= strlen(".old");
	if (end - name <= 4 || memcmp(end - 4, ".log", 4) != 0)
		return 0;
	*ret_name = name;
	return (size_t)(end - 4 - name);
}

static bool
is_to_go(const struct app *app, const char *name, const char *wanted)
{
	if (wanted != NULL)
		return text_equal(name, wanted);
	return disposable_name_valid(name) && app_find_qube(app, name) == NULL;
}

/* Removes the logs of one, or with NULL of all disposables that are not there. */
static void
remove_logs(const struct app *app, const char *wanted)
{
	AUTO_FREE char *path = root_path(LIFECYCLE_LOG_DIRECTORY);
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL) {
		const char *start = NULL;
		size_t length = find_name(entry->d_name, &start);
		char name[QUBE_NAME_MAX + 1];

		if (length == 0 || length > QUBE_NAME_MAX)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)length, start);
		if (!is_to_go(app, name, wanted))
			continue;
		if (unlinkat(dirfd(directory), entry->d_name, 0) < 0 && errno != ENOENT)
			log_warning("log '%s/%s': %s", path, entry->d_name, strerror(errno));
	}
	closedir(directory);
}

void
disposable_logs_sweep(const struct app *app)
{
	remove_logs(app, NULL);
}

void
disposable_logs_forget(
	struct disposable_logs *logs, const struct app *app, const char *name, bool has_failed)
{
	char *place = logs->kept[logs->next];

	if (!has_failed) {
		remove_logs(app, name);
		return;
	}
	/* The name may be another one's by now. */
	if (place[0] != '\0' && app_find_qube(app, place) == NULL)
		remove_logs(app, place);
	(void)snprintf(place, sizeof(logs->kept[0]), "%s", name);
	logs->next = (logs->next + 1) % DISPOSABLE_LOGS_KEPT;
}
