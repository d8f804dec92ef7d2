/* Confinement to places of the file system (landlock.h). */
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

/* Older versions would forbid moves between directories. */
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

int
landlock_available(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (version < 0)
		return -errno;
	return version < VERSION_WITH_REFER ? -EOPNOTSUPP : 0;
}

int
landlock_restrict(const struct landlock_rule *rules, size_t count)
{
	const struct landlock_ruleset_attr attributes = {.handled_access_fs = ALL_ACCESS};
	AUTO_FD int ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);

	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		const struct landlock_path_beneath_attr beneath = {
			.allowed_access = rules[i].access, .parent_fd = rules[i].fd};

		if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath,
			    0) < 0)
			return -errno;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	return 0;
}

/* 1 with the rule, 0 where there is no such place, -1 with the error. */
static int
open_place(const struct landlock_place *place, struct landlock_rule *ret_rule, struct err *err)
{
	AUTO_FD int fd = open(place->path, O_PATH | O_CLOEXEC);
	uint64_t access = place->is_writable ? WRITE_ACCESS : READ_ACCESS;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "'%s'", place->path);
	if (!S_ISDIR(st.st_mode))
		access &= FILE_ACCESS;
	*ret_rule = (struct landlock_rule){steal_fd(&fd), access};
	return 1;
}

int
landlock_enter(const struct landlock_place *places, size_t count, struct err *err)
{
	AUTO_FREE struct landlock_rule *rules = NULL;
	size_t opened = 0;
	int result = landlock_available(), found = 0;

	if (result < 0) {
		log_debug("no landlock: %s", strerror(-result));
		return 1;
	}
	rules = xcalloc(count + 1, sizeof(*rules));
	for (size_t i = 0; i < count && found >= 0; i++) {
		found = open_place(&places[i], &rules[opened], err);
		opened += found > 0;
	}
	if (found >= 0)
		result = landlock_restrict(rules, opened);
	while (opened > 0)
		close(rules[--opened].fd);
	if (found < 0)
		return -1;
	return result < 0 ? err_set_errno(err, -result, "landlock") : 0;
}
