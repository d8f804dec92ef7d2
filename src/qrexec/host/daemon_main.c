/*
 * qrexec-daemon: the command line. In the background it is a child whose parent stays until the
 * agent is connected, and tells by its exit status how that went.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/host/agent_process.h"
#include "qrexec/host/daemon.h"
#include "qrexec/host/service_process.h"

#define LOG_MODE 0660

/* stdin and stdout to nowhere, stderr to the qube's log, no terminal, no directory held. */
static void
leave_terminal(const struct daemon_options *options)
{
	AUTO_FREE char *log_path = root_path("/var/log/qubes/qrexec.%s.log", options->name);
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_FD int log_fd = -1;

	umask(0007);
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, LOG_MODE);
	if (null_fd < 0 || log_fd < 0)
		fatal("log '%s': %s", log_path, strerror(errno));
	setsid();
	if (chdir("/") < 0 || dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(log_fd, 2) < 0)
		fatal("cannot go to the background: %s", strerror(errno));
}

/* 0 connected, 1 the child failed, 3 not in time. */
static int
await_ready(const struct daemon_options *options, pid_t child, int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int timeout_ms =
		options->startup_timeout_s == 0 ? -1 : (int)options->startup_timeout_s * 1000;
	char byte;
	int count;

	if (!options->quiet)
		fprintf(stderr, "qube '%s': waiting for its qrexec agent\n", options->name);
	do
		count = poll(&poll_fd, 1, timeout_ms);
	while (count < 0 && errno == EINTR);
	if (count > 0 && read(fd, &byte, 1) == 1) {
		if (!options->quiet)
			fprintf(stderr, "qube '%s': connected\n", options->name);
		return 0;
	}
	if (count > 0) {
		fprintf(stderr, "qube '%s': qrexec-daemon failed, see its log\n", options->name);
		return DAEMON_EXIT_FAILED;
	}
	kill(child, SIGTERM);
	child_reap(child);
	fprintf(stderr, "qube '%s': cannot connect to its qrexec agent for %u seconds\n",
		options->name, options->startup_timeout_s);
	return DAEMON_EXIT_TIMEOUT;
}

static int
run_in_background(const struct daemon_options *options)
{
	AUTO_FD int read_end = -1;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		fatal("cannot make a pipe: %s", strerror(errno));
	read_end = ends[0];
	pid = fork();
	if (pid < 0)
		fatal("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		close(steal_fd(&read_end));
		leave_terminal(options);
		return daemon_run(options, ends[1], /* timeout_s= */ 0);
	}
	close(ends[1]);
	return options->startup_nowait ? 0 : await_ready(options, pid, read_end);
}

/* Ours only: a service started later must not get it. */
static void
guard_ready_fd(int fd)
{
	if (fd != DAEMON_NO_FD && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		fatal("ready-fd %d: %s", fd, strerror(errno));
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct daemon_options options;

	log_init("qrexec-daemon");
	if (argc > 1 && text_equal(argv[1], SERVICE_PROCESS_OPTION)) {
		prctl(PR_SET_NAME, "qrexec-service");
		return service_process_main(argc, argv);
	}
	if (argc > 1 && text_equal(argv[1], AGENT_PROCESS_OPTION)) {
		prctl(PR_SET_NAME, "qrexec-reader");
		agent_process_main(argc, argv);
	}
	if (daemon_options_parse(argc, argv, &options, &err) < 0) {
		fprintf(stderr, "qrexec-daemon: %s\n%s", err_message(&err), daemon_usage);
		return DAEMON_EXIT_FAILED;
	}
	if (options.help) {
		fputs(daemon_usage, stdout);
		return 0;
	}
	log_set_qube(options.name);
	guard_ready_fd(options.ready_fd);
	if (options.foreground)
		return daemon_run(&options, options.ready_fd, options.startup_timeout_s);
	return run_in_background(&options);
}
