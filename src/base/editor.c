/* See editor.h. */
#include "base/editor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/text.h"

#define DEFAULT_EDITOR "vi"

static const char *
editor_command(void)
{
	static const char *const variables[] = {"VISUAL", "EDITOR"};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i]);

		if (value != NULL && value[0] != '\0')
			return value;
	}
	return DEFAULT_EDITOR;
}

int
editor_run(const char *path, struct err *err)
{
	/* By the shell, as everybody does: the variable may hold options. */
	AUTO_FREE char *command = text_format("exec %s \"$1\"", editor_command());
	const char *argv[] = {"/bin/sh", "-c", command, "editor", path, NULL};
	const struct child_fd fds[] = {{0, 0}, {1, 1}, {2, 2}};
	const struct child_config config = {.argv = argv,
		.fds = fds,
		.fd_count = 3,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.keep_session = true};
	pid_t child = child_start(&config, err);
	int status;

	if (child < 0)
		return -1;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ECANCELED, "the editor failed: nothing is changed");
	return 0;
}

char *
editor_temporary(
	const char *name, const char *ending, const void *bytes, size_t size, struct err *err)
{
	AUTO_FREE char *path = text_format("/tmp/%s-XXXXXX%s", name, ending);
	AUTO_FD int fd = mkostemps(path, (int)strlen(ending), O_CLOEXEC);
	int result;

	if (fd < 0) {
		err_set_errno(err, errno, "file '%s': cannot create", path);
		return NULL;
	}
	result = write_all(fd, bytes, size);
	if (result < 0) {
		(void)unlink(path);
		err_set_errno(err, -result, "file '%s': cannot write", path);
		return NULL;
	}
	return steal_ptr(path);
}
