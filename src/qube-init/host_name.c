/* The qube's name as its host name (spec guest.md 4.4). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "qube-init/setup.h"

#define FILE_MAX ((size_t)256 * 1024)
#define OURS " # set at boot"

/* Whether a file of the list directory has the path as a line of its own. */
static bool
is_listed(const char *directory_path, const char *path)
{
	DIR *directory = opendir(directory_path);
	struct dirent *entry;
	bool found = false;

	if (directory == NULL)
		return false;
	while (!found && (entry = readdir(directory)) != NULL) {
		AUTO_FREE char *list_path = path_join(directory_path, entry->d_name);
		AUTO_FREE char *text = NULL;
		char *rest, *line;
		size_t size;

		if (entry->d_name[0] == '.' || text_ends_with(entry->d_name, "~") ||
			text_ends_with(entry->d_name, ".bak") ||
			read_file(list_path, FILE_MAX, &text, &size, NULL) < 0)
			continue;
		rest = text;
		while (!found && (line = strsep(&rest, "\n")) != NULL)
			found = strcmp(line, path) == 0;
	}
	closedir(directory);
	return found;
}

static bool
is_protected(const char *path)
{
	AUTO_FREE char *system = root_path("/etc/qubes/protected-files.d");
	AUTO_FREE char *own = root_path("/rw/config/protected-files.d");

	return is_listed(system, path) || is_listed(own, path);
}

/* Without fsync: the same is written again at each boot. */
static int
replace_text(const char *name, const char *text, struct err *err)
{
	AUTO_FREE char *path = root_path("%s", name);
	AUTO_FREE char *held = NULL;
	size_t size;

	if (is_protected(name))
		return 0;
	if (read_file(path, FILE_MAX, &held, &size, NULL) == 0 && strcmp(held, text) == 0)
		return 0;
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set_errno(err, errno, "file '%s': cannot write", path);
	if (write_all(fd, text, strlen(text)) < 0)
		return err_set(err, EIO, "file '%s': cannot write", path);
	return 0;
}

/* All lines of the file but those of an earlier boot, then this boot's. */
static char *
hosts_text(const char *name)
{
	AUTO_FREE char *path = root_path("/etc/hosts");
	AUTO_BUF struct buf text;
	AUTO_FREE char *held = NULL;
	char *rest, *line;
	size_t size;

	buf_init(&text, 2 * FILE_MAX);
	if (read_file(path, FILE_MAX, &held, &size, NULL) < 0)
		held = text_copy("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
	rest = held;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line[0] != '\0' && !text_ends_with(line, OURS))
			buf_printf(&text, "%s\n", line);
	}
	buf_printf(&text, "127.0.1.1 %s" OURS "\n::1 %s" OURS "\n", name, name);
	return buf_steal_string(&text);
}

int
setup_host_name(const struct qube_config *config, struct err *err)
{
	AUTO_FREE char *line = text_format("%s\n", config->name);
	AUTO_FREE char *hosts = hosts_text(config->name);

	if (root_prefix()[0] == '\0' && sethostname(config->name, strlen(config->name)) < 0)
		return err_set_errno(err, errno, "cannot set the host name");
	if (hosts == NULL)
		return err_set(err, ENOMEM, "out of memory");
	if (replace_text("/etc/hostname", line, err) < 0)
		return -1;
	return replace_text("/etc/hosts", hosts, err);
}
