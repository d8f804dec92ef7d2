/* Finding and ending a qube's forgotten processes; see orphans.h. */
#include "admin/lifecycle/orphans.h"

#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

#define ORPHAN_PATIENCE_MS 5000

/* By identity, not by text: the root may be reached through links. */
static bool
works_in(const char *pid_text, const struct stat *directory)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%.20s/cwd", pid_text);
	return stat(path, &status) == 0 && status.st_dev == directory->st_dev &&
	       status.st_ino == directory->st_ino;
}

static void
end_process(pid_t pid, const char *pid_text, const struct stat *directory, const char *qube_name)
{
	AUTO_FD int pidfd = pidfd_open(pid, 0);
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};

	/* Looked at again: behind the pidfd it is the same process for good. */
	if (pidfd < 0 || !works_in(pid_text, directory))
		return;
	log_qube_message(LOG_LEVEL_WARNING, qube_name, "ending left-over process %d", (int)pid);
	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0)
		return;
	if (poll(&wait, 1, ORPHAN_PATIENCE_MS) <= 0)
		log_qube_message(LOG_LEVEL_ERROR, qube_name, "process %d does not end", (int)pid);
	/* Only where it happens to be a child of ours. */
	waitpid(pid, NULL, WNOHANG);
}

unsigned int
orphans_end(const char *run_directory, const char *qube_name)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	unsigned int count = 0;
	struct stat directory;
	uint64_t pid;

	if (processes == NULL)
		return 0;
	if (stat(run_directory, &directory) < 0) {
		closedir(processes);
		return 0;
	}
	while ((entry = readdir(processes)) != NULL) {
		if (text_parse_u64(entry->d_name, INT_MAX, &pid) < 0 ||
			!works_in(entry->d_name, &directory))
			continue;
		end_process((pid_t)pid, entry->d_name, &directory, qube_name);
		count++;
	}
	closedir(processes);
	return count;
}
