/* Calls to services of a qube; see qube_call.h. */
#include "gui/launcher/qube_call.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "gui/launcher/launcher.h"

/* The bytes as a file, so that nobody has to write into a pipe. */
static int
bytes_as_file(const void *bytes, size_t size)
{
	AUTO_FD int fd = memfd_create("call", MFD_CLOEXEC);

	if (fd < 0 || write_all(fd, bytes, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return steal_fd(&fd);
}

static void
handle_end(struct loop_child *child, int wait_status, void *data)
{
	(void)wait_status;
	(void)data;
	loop_child_destroy(child);
}

void
qube_call_start(
	struct loop *loop, const char *qube, const char *service, const void *bytes, size_t size)
{
	AUTO_FREE char *program = launcher_program("qrexec-client");
	AUTO_FREE char *command = text_format("DEFAULT:QUBESRPC %s dom0", service);
	const char *argv[] = {program, "-d", qube, command, NULL};
	AUTO_FD int file = bytes_as_file(bytes, size);
	const struct child_fd fds[] = {{file, 0}, {2, 2}};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	pid_t pid = -1;

	config.argv = argv;
	config.fds = fds;
	config.fd_count = 2;
	if (file >= 0)
		pid = child_start(&config, &err);
	if (pid > 0 && loop != NULL)
		loop_child_create(loop, pid, handle_end, NULL);
	if (pid < 0)
		log_qube_message(LOG_LEVEL_WARNING, qube, "service '%s' was not called: %s",
			service, err_message(&err));
}
