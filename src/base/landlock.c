/* Confinement to places of the file system (landlock.h). */
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* Moving between directories, since version 2 of the interface; older headers lack the name. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#define VERSION_WITH_REFER 2

/* What version 2 knows of. */
#define ALL_ACCESS (((1ULL << 13) - 1) | LANDLOCK_ACCESS_FS_REFER)
#define FILE_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_ACCESS                                                                               \
	(READ_ACCESS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |             \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                     \
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                       \
		LANDLOCK_ACCESS_FS_REFER)

static int
add_place(int ruleset, const struct landlock_place *place, struct err *err)
{
	AUTO_FD int fd = open(place->path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = place->is_writable ? WRITE_ACCESS : READ_ACCESS,
		.parent_fd = fd,
	};
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "'%s'", place->path);
	if (!S_ISDIR(st.st_mode))
		beneath.allowed_access &= FILE_ACCESS;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
		return err_set_errno(err, errno, "landlock: '%s'", place->path);
	return 0;
}

int
landlock_enter(const struct landlock_place *places, size_t count, struct err *err)
{
	const struct landlock_ruleset_attr attributes = {.handled_access_fs = ALL_ACCESS};
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	AUTO_FD int ruleset = -1;

	if (version < VERSION_WITH_REFER) {
		log_debug("no landlock: %s", version < 0 ? strerror(errno) : "too old");
		return 1;
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (ruleset < 0)
		return err_set_errno(err, errno, "landlock");
	for (size_t i = 0; i < count; i++)
		if (add_place(ruleset, &places[i], err) < 0)
			return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_set_errno(err, errno, "landlock");
	return 0;
}
