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
#include "qube-init/host_name.h"
#include "qube-init/setup.h"

#define FILE_MAX ((size_t)256 * 1024)
#define OURS " # set at boot"
/* Shorter than with any name, so that a clone's write never makes the file smaller. */
#define NO_NAME "-\n"

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

static char *
hosts_lines(const char *name)
{
	return text_format("127.0.1.1 %s" OURS "\n::1 %s" OURS "\n", name, name);
}

/* All lines of the file but those of an earlier boot, then what is given. */
static char *
hosts_text(const char *lines)
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
	buf_printf(&text, "%s", lines);
	return buf_steal_string(&text);
}

int
setup_host_name(const struct qube_config *config, struct err *err)
{
	AUTO_FREE char *line = text_format("%s\n", config->name);
	AUTO_FREE char *lines = hosts_lines(config->name);
	AUTO_FREE char *hosts = hosts_text(lines);

	if (root_prefix()[0] == '\0' && sethostname(config->name, strlen(config->name)) < 0)
		return err_set_errno(err, errno, "cannot set the host name");
	if (hosts == NULL)
		return err_set(err, ENOMEM, "out of memory");
	if (replace_text("/etc/hostname", line, err) < 0)
		return -1;
	return replace_text("/etc/hosts", hosts, err);
}

/* -1 without an error: the file is protected. */
static int
open_file(const char *name, const char *text, int *ret_fd, struct err *err)
{
	AUTO_FREE char *path = root_path("%s", name);

	*ret_fd = -1;
	if (is_protected(name))
		return 0;
	if (replace_text(name, text, err) < 0)
		return -1;
	*ret_fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? err_set_errno(err, errno, "file '%s': cannot open", path) : 0;
}

int
host_name_open(struct host_name_files *ret_files, struct err *err)
{
	struct host_name_files files = {-1, -1, 0};
	AUTO_FREE char *hosts = hosts_text("");

	if (hosts == NULL)
		return err_set(err, ENOMEM, "out of memory");
	files.hosts_end = (off_t)strlen(hosts);
	if (open_file("/etc/hostname", NO_NAME, &files.name_fd, err) < 0 ||
		open_file("/etc/hosts", hosts, &files.hosts_fd, err) < 0)
		return -1;
	*ret_files = files;
	return 0;
}

static int
write_at(int fd, off_t offset, const char *text)
{
	size_t size = strlen(text);

	return fd < 0 || pwrite(fd, text, size, offset) == (ssize_t)size ? 0 : -1;
}

int
host_name_set(const struct host_name_files *files, const char *name, struct err *err)
{
	AUTO_FREE char *line = text_format("%s\n", name);
	AUTO_FREE char *lines = hosts_lines(name);

	if (root_prefix()[0] == '\0' && sethostname(name, strlen(name)) < 0)
		return err_set_errno(err, errno, "cannot set the host name");
	if (write_at(files->name_fd, 0, line) < 0 ||
		write_at(files->hosts_fd, files->hosts_end, lines) < 0)
		return err_set_errno(err, errno, "cannot write the host name");
	return 0;
}
