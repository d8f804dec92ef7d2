/* Copying the shipped policy into a private root. Runs in bulkheadd; all files are the host's. */
#include "admin/daemon/policy_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

#define POLICY_DIRECTORY "/etc/qubes/policy.d"
#define POLICY_FILE_MAX (1024UL * 1024)
#define POLICY_FILE_MODE 0664
#define POLICY_DIRECTORY_MODE 0775

static int copy_directory(const char *from, const char *to, struct err *err);

static int
copy_entry(const char *from, const char *to, struct err *err)
{
	AUTO_FREE char *text = NULL;
	struct stat status;
	size_t size;

	if (stat(from, &status) < 0)
		return err_set_errno(err, errno, "file '%s'", from);
	if (S_ISDIR(status.st_mode))
		return copy_directory(from, to, err);
	if (!S_ISREG(status.st_mode))
		return 0;
	if (read_file(from, POLICY_FILE_MAX, &text, &size, err) < 0)
		return -1;
	return write_file(to, text, size, POLICY_FILE_MODE, err);
}

static int
copy_directory(const char *from, const char *to, struct err *err)
{
	DIR *directory = opendir(from);
	struct dirent *entry;
	int result = 0;

	if (directory == NULL)
		return err_set_errno(err, errno, "directory '%s'", from);
	if (make_directories(to, POLICY_DIRECTORY_MODE, err) < 0)
		result = -1;
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		AUTO_FREE char *source = path_join(from, entry->d_name);
		AUTO_FREE char *target = path_join(to, entry->d_name);

		if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, ".."))
			result = copy_entry(source, target, err);
	}
	closedir(directory);
	return result;
}

void
policy_files_install(void)
{
	AUTO_FREE char *path = root_path(POLICY_DIRECTORY);
	AUTO_FREE char *temporary = text_format("%s.new", path);
	AUTO_ERR struct err err = ERR_INIT;

	if (root_prefix()[0] == '\0' || access(path, F_OK) == 0)
		return;
	if (remove_tree(temporary, &err) < 0 ||
		copy_directory(BULKHEAD_POLICY_DIRECTORY, temporary, &err) < 0)
		log_error("policy '%s' cannot be made: %s", path, err_message(&err));
	else if (rename(temporary, path) < 0)
		log_error("policy '%s' cannot be made: %s", path, strerror(errno));
}
