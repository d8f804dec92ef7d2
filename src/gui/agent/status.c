/* How far the agent is; see status.h. */
#include "gui/agent/status.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"

static int status_fd = -1;

void
status_open(void)
{
	AUTO_FREE char *path = root_path(STATUS_PATH);

	status_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
}

void
status_write(const char *word)
{
	/* Longest word of all, so that no rest of it stays. */
	char line[] = "         \n";

	if (status_fd < 0)
		return;
	memcpy(line, word, strnlen(word, sizeof(line) - 2));
	(void)!pwrite(status_fd, line, sizeof(line) - 1, 0);
}
