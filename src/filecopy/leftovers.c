/*
 * Leftovers of receivers (leftovers.h). The looking only reads names of directories; the child that
 * handles what strangers sent is confined to the directory of incoming files.
 */
#include "filecopy/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "filecopy/confine.h"
#include "filecopy/landing.h"
#include "filecopy/tree.h"

/* A stream of the entries of a directory within another one; NULL when it can not be read. */
static DIR *
open_stream(int parent, const char *name)
{
	int fd = tree_open_directory(parent, name);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	if (directory == NULL && fd >= 0)
		close(fd);
	return directory;
}

static bool
has_leftover(int incoming_fd, const char *source)
{
	DIR *directory = open_stream(incoming_fd, source);
	struct dirent *entry;
	bool found = false;

	while (directory != NULL && !found && (entry = readdir(directory)) != NULL)
		found = text_starts_with(entry->d_name, LANDING_PREFIX);
	if (directory != NULL)
		closedir(directory);
	return found;
}

/* In the child. */
static void
settle_source(int incoming_fd, const char *source)
{
	AUTO_FD int fd = tree_open_directory(incoming_fd, source);

	if (fd >= 0)
		landing_settle_leftovers(fd);
}

/* Whether there is any; each source that has some is given to `settle`, if not NULL. */
static bool
visit_sources(int incoming_fd, void (*settle)(int incoming_fd, const char *source))
{
	DIR *directory = open_stream(incoming_fd, ".");
	struct dirent *entry;
	bool found = false;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.' || !has_leftover(incoming_fd, entry->d_name))
			continue;
		found = true;
		if (settle != NULL)
			settle(incoming_fd, entry->d_name);
	}
	if (directory != NULL)
		closedir(directory);
	return found;
}

static int
settle_confined(int incoming_fd)
{
	AUTO_ERR struct err err = ERR_INIT;

	tree_raise_limits();
	if (filecopy_confine(incoming_fd, &err) < 0) {
		log_error("%s", err_message(&err));
		return 1;
	}
	visit_sources(incoming_fd, settle_source);
	return 0;
}

void
leftovers_settle(int incoming_fd)
{
	int status = 0;
	pid_t child;

	if (!visit_sources(incoming_fd, NULL))
		return;
	child = fork();
	if (child == 0)
		_exit(settle_confined(incoming_fd));
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			status = -1;
	if (child < 0 || status != 0)
		log_warning("leftovers of earlier transfers can not be removed");
}
