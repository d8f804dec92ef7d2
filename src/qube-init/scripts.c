/* The owner's own start scripts: /rw/config/NAME.d (*.rc, in order), then /rw/config/NAME. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "qube-init/setup.h"

/* Waits for the script itself only: it may leave processes behind that keep its output open. */
static void
run_script(const char *path)
{
	const char *const argv[] = {path, NULL};
	const struct child_fd fds[] = {
		{STDERR_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
	struct child_config child = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	struct stat status;
	int wait_status;
	pid_t pid;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) || access(path, X_OK) < 0)
		return;
	child.argv = argv;
	child.fds = fds;
	child.fd_count = sizeof fds / sizeof *fds;
	pid = child_start(&child, &err);
	if (pid < 0) {
		log_error("script '%s': %s", path, err_message(&err));
		return;
	}
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
		log_warning("script '%s': failed with status %d", path, wait_status);
}

void
setup_run_scripts(const char *name)
{
	AUTO_FREE char *pattern = root_path("/rw/config/%s.d/*.rc", name);
	AUTO_FREE char *last = root_path("/rw/config/%s", name);
	glob_t found;

	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			run_script(found.gl_pathv[i]);
		globfree(&found);
	}
	run_script(last);
}
