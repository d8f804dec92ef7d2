/* See programs.h. */
#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* Far longer than it takes. */
#define PATIENCE_MS 60000

pid_t
program_start(const char *const *argv, const struct child_fd *fds, size_t count)
{
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	pid_t pid;

	config.argv = argv;
	config.fds = fds;
	config.fd_count = count;
	config.die_with_parent = true;
	pid = child_start(&config, &err);
	if (pid < 0)
		fatal("%s", err_message(&err));
	return pid;
}

void
program_end(pid_t pid, int signal_number)
{
	if (pid <= 0)
		return;
	(void)kill(pid, signal_number);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* What the server writes when it is there: its number and a newline. */
static void
read_number(int fd, char *text, size_t size)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	size_t length = 0;

	do {
		if (length == size - 1 || poll(&ready, 1, PATIENCE_MS) <= 0 ||
			read(fd, text + length, 1) != 1)
			fatal("Xvfb does not start");
	} while (text[length++] != '\n');
	text[length - 1] = '\0';
}

pid_t
x_server_start(const char *screen)
{
	const char *const argv[] = {"Xvfb", "-displayfd", "3", "-screen", "0", screen, "-noreset",
		"-nolisten", "tcp", NULL};
	char display[16] = ":";
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		fatal("no pipe");
	pid = program_start(argv, &(struct child_fd){ends[1], 3}, 1);
	close(ends[1]);
	read_number(ends[0], display + 1, sizeof(display) - 1);
	close(ends[0]);
	setenv("DISPLAY", display, 1);
	return pid;
}
