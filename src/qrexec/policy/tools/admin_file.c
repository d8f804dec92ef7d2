/*
 * Reading and changing one file of policy; see admin_file.h. No name from outside reaches a path
 * before it is checked, and no link in the directory is followed.
 */
#include "qrexec/policy/tools/admin_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/policy/overlay.h"
#include "qrexec/policy/policy.h"

#define FILE_MODE 0664
#define DIRECTORY_MODE 0775
#define SUFFIX ".policy"
#define NAME_MAX_LENGTH 200

static int
check_name(const char *untrusted_name, struct err *err)
{
	if (untrusted_name[0] == '\0' || strlen(untrusted_name) > NAME_MAX_LENGTH ||
		!text_only_has(untrusted_name, "_-"))
		return err_set_kind(err, "PolicyAdminInvalidFileNameException", EINVAL,
			"invalid policy file name: a name has letters, digits, '_' and '-'");
	return 0;
}

static int
open_directory(const char *path, bool create, struct err *err)
{
	int fd;

	if (create && mkdir(path, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return err_set_errno(err, errno, "directory '%s': cannot create", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : err_set_errno(err, errno, "directory '%s': cannot open", path);
}

int
admin_file_open(const char *policy_directory, bool include, const char *untrusted_name,
	struct admin_file *ret, struct err *err)
{
	AUTO_FREE char *directory =
		include ? path_join(policy_directory, "include") : text_copy(policy_directory);
	struct admin_file f = ADMIN_FILE_INIT;

	if (check_name(untrusted_name, err) < 0)
		return -1;
	f.directory_fd = open_directory(directory, include, err);
	if (f.directory_fd < 0)
		return -1;
	f.directory = policy_real_directory(directory);
	f.name = text_format("%s%s", untrusted_name, include ? "" : SUFFIX);
	*ret = f;
	return 0;
}

void
admin_file_finish(struct admin_file *f)
{
	if (f->directory_fd >= 0)
		close(f->directory_fd);
	free(f->directory);
	free(f->name);
	*f = (struct admin_file)ADMIN_FILE_INIT;
}

int
admin_file_read(const struct admin_file *f, char **ret_bytes, size_t *ret_size, struct err *err)
{
	AUTO_FD int fd = openat(f->directory_fd, f->name,
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	AUTO_FREE char *bytes = NULL;
	struct stat status;
	int result;

	if (fd < 0 && errno == ENOENT)
		return err_set_kind(
			err, "PolicyAdminFileNotFoundException", ENOENT, "not found: %s", f->name);
	if (fd < 0 && errno != ELOOP)
		return err_set_errno(err, errno, "file '%s': cannot open", f->name);
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return err_set_kind(err, "PolicyAdminInvalidFilePathException", EINVAL,
			"not a file of this directory: %s", f->name);
	if (status.st_size > (off_t)POLICY_FILE_MAX_BYTES)
		return err_set(err, EFBIG, "file '%s': larger than %u bytes", f->name,
			POLICY_FILE_MAX_BYTES);
	bytes = xcalloc(1, (size_t)status.st_size + 1);
	result = read_exactly(fd, bytes, (size_t)status.st_size);
	if (result < 0)
		return err_set_errno(err, -result, "file '%s': cannot read", f->name);
	*ret_size = (size_t)status.st_size;
	*ret_bytes = steal_ptr(bytes);
	return 0;
}

/* Only the engine's owner and root may write policy: a file of another would break it all. */
static int
check_writer(const struct admin_file *f, struct err *err)
{
	struct stat status;

	if (fstat(f->directory_fd, &status) < 0)
		return err_set_errno(err, errno, "directory '%s'", f->directory);
	if (geteuid() != 0 && geteuid() != status.st_uid)
		return err_set(err, EPERM,
			"directory '%s': only its owner may change policy, as files of others are "
			"refused by the policy daemon; use sudo",
			f->directory);
	return 0;
}

static int
fill(int fd, const char *bytes, size_t size)
{
	const struct group *group = getgrnam(HOST_GROUP);
	int result = write_all(fd, bytes, size);

	if (result < 0)
		return result;
	/* Without the group, or the right to give it away, the file stays the writer's. */
	if (group != NULL && fchown(fd, (uid_t)-1, group->gr_gid) < 0 && errno != EPERM)
		return -errno;
	if (fchmod(fd, FILE_MODE) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* The name of what is not yet the file begins so that nobody takes it for policy. */
int
admin_file_write(const struct admin_file *f, const char *bytes, size_t size, struct err *err)
{
	AUTO_FREE char *temporary = text_format("!%s.new", f->name);
	AUTO_FD int fd = -1;
	int result;

	if (check_writer(f, err) < 0)
		return -1;
	(void)unlinkat(f->directory_fd, temporary, 0);
	fd = openat(f->directory_fd, temporary,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return err_set_errno(err, errno, "file '%s': cannot create", temporary);
	result = fill(fd, bytes, size);
	if (result == 0 && renameat(f->directory_fd, temporary, f->directory_fd, f->name) < 0)
		result = -errno;
	if (result < 0) {
		(void)unlinkat(f->directory_fd, temporary, 0);
		return err_set_errno(err, -result, "file '%s': cannot write", f->name);
	}
	if (fsync(f->directory_fd) < 0)
		return err_set_errno(err, errno, "directory '%s'", f->directory);
	return 0;
}

int
admin_file_remove(const struct admin_file *f, struct err *err)
{
	if (check_writer(f, err) < 0)
		return -1;
	if (unlinkat(f->directory_fd, f->name, 0) < 0)
		return err_set_errno(err, errno, "file '%s': cannot remove", f->name);
	if (fsync(f->directory_fd) < 0)
		return err_set_errno(err, errno, "directory '%s'", f->directory);
	return 0;
}
