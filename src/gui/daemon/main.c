/*
 * gui-daemon: the command line. In the background it is a child whose parent stays until the agent
 * is connected, and tells by its exit status how that went.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "gui/daemon/daemon.h"

#define LOG_MODE 0640
#define RUNNING_MODE 0600

/* stdin and stdout to nowhere, stderr to the qube's log, no terminal. */
static void
leave_terminal(const struct gui_config *c)
{
	AUTO_FREE char *path = root_path("/var/log/qubes/guid.%s.log", c->name);
	AUTO_FREE char *old = text_format("%s.old", path);
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_FD int log_fd = -1;

	umask(0007);
	if (rename(path, old) < 0 && errno != ENOENT)
		log_warning("log '%s': cannot keep the old one", path);
	log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, LOG_MODE);
	if (null_fd < 0 || log_fd < 0)
		fatal("log '%s': cannot be written", path);
	setsid();
	if (chdir("/") < 0 || dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(log_fd, 2) < 0)
		fatal("cannot go to the background");
}

/*
 * One daemon a qube: whoever holds the lock on the file is it. A file that a crash left behind is
 * locked by nobody, and the lock is this process's alone: a helper that outlives it for a moment
 * does not keep the next one out. -1: another one runs.
 */
static int
lock_running(const struct gui_config *c)
{
	AUTO_FREE char *directory =
		c->state_dir != NULL ? text_copy(c->state_dir) : root_path("/run/qubes");
	AUTO_FREE char *path = text_format("%s/guid-running.%u", directory, c->domain);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, RUNNING_MODE);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fd < 0)
		fatal("'%s': cannot be opened", path);
	if (fcntl(fd, F_SETLK, &whole) < 0) {
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		log_warning("'%s': cannot be written", path);
	return fd;
}

static int
run(const struct gui_config *c, int ready_fd)
{
	int running_fd = lock_running(c);
	int status;

	if (running_fd < 0) {
		log_info("another gui-daemon shows this qube");
		return 0;
	}
	status = gui_daemon_run(c, ready_fd);
	close(running_fd);
	return status;
}

static int
await_ready(const struct gui_config *c, int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int timeout_ms = (int)c->startup_timeout_s * 1000;
	char byte;
	int count;

	if (c->background_start || timeout_ms == 0)
		return 0;
	do
		count = poll(&poll_fd, 1, timeout_ms);
	while (count < 0 && errno == EINTR);
	return count > 0 && read(fd, &byte, 1) == 1 ? 0 : GUI_EXIT_FAILED;
}

static int
run_in_background(const struct gui_config *c)
{
	AUTO_FD int read_end = -1;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		fatal("cannot make a pipe");
	read_end = ends[0];
	pid = fork();
	if (pid < 0)
		fatal("cannot fork");
	if (pid == 0) {
		close(steal_fd(&read_end));
		leave_terminal(c);
		return run(c, ends[1]);
	}
	close(ends[1]);
	return await_ready(c, read_end);
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct gui_config config;
	int result, status;

	log_init("gui-daemon");
	gui_config_init(&config);
	result = gui_options_parse(&config, argc, argv, &err);
	if (result < 0) {
		fprintf(stderr, "gui-daemon: %s\n%s", err_message(&err), gui_usage);
		status = GUI_EXIT_FAILED;
	} else if (result == GUI_OPTIONS_HELP) {
		fputs(gui_usage, stdout);
		status = 0;
	} else if (result == GUI_OPTIONS_VERSION) {
		puts("gui-daemon " BULKHEAD_VERSION);
		status = 0;
	} else {
		static const enum log_level levels[] = {
			LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};
		int level = config.log_verbosity > 2 ? 2 : config.log_verbosity;

		log_set_qube(config.name);
		log_set_level(levels[level]);
		status = config.foreground ? run(&config, config.ready_fd)
					   : run_in_background(&config);
	}
	gui_config_finish(&config);
	return status;
}
