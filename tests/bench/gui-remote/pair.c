/*
 * gui-agent and gui-daemon of one make-believe qube, both as processes of this host, with a window
 * memory between them; runs until it is told to end.
 *
 *     bench-gui-pair GUI-DAEMON GUI-AGENT DIRECTORY DISPLAY-OF-THE-QUBE
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "gui/protocol/window_memory.h"

#define MEMORY_BYTES ((uint64_t)256 << 20)
#define QUBE "5"

static pid_t
start(const char *const *argv, int memory_fd, int target_fd, const char *domain)
{
	const struct child_fd fds[] = {{memory_fd, target_fd}, {2, 2}};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	pid_t pid;

	setenv("VCHAN_DOMAIN", domain, 1);
	config.argv = argv;
	config.fds = fds;
	config.fd_count = 2;
	config.die_with_parent = true;
	pid = child_start(&config, &err);
	if (pid < 0)
		fatal("%s", err_message(&err));
	return pid;
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	int memory_fd, status;

	log_init("bench-gui-pair");
	if (argc != 5)
		fatal("usage: bench-gui-pair GUI-DAEMON GUI-AGENT DIRECTORY DISPLAY");
	const char *agent[] = {argv[2], "--display", argv[4], "--memory-fd", "3", NULL};
	const char *daemon[] = {argv[1], "-f", "-q", "-N", "bench", "-c", "0x73d216", "-d", QUBE,
		"--state-dir", argv[3], "--pool-fd", "10", NULL};

	setenv("VCHAN_TRANSPORT", "unix", 1);
	setenv("VCHAN_SOCKET_DIR", argv[3], 1);
	setenv("BULKHEAD_ROOT", argv[3], 1);
	setenv("BULKHEAD_NO_NOTIFY", "1", 1);
	memory_fd = window_memory_create("bench", MEMORY_BYTES, &err);
	if (memory_fd < 0)
		fatal("%s", err_message(&err));
	(void)start(agent, memory_fd, 3, QUBE);
	(void)start(daemon, memory_fd, 10, "0");
	/* Whichever ends first. */
	if (wait(&status) < 0)
		return 1;
	fatal("one of them ended");
}
