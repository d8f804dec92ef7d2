/* Gathering a qube's answer (qube_call.h). A child makes the call, so that it can be ended. */
#include "tools/services/qube_call.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/host/client.h"

#define STATUS_NO_CALL 125

static void __attribute__((noreturn))
be_caller(const char *qube, const char *service, const char *input, int out)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *command = text_format("DEFAULT:QUBESRPC %s dom0", service);
	struct client_call call = CLIENT_CALL_INIT;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	call.target = qube;
	call.command = command;
	call.stdin_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	call.stdout_fd = out;
	call.prefix = input;
	call.prefix_size = strlen(input);
	call.give_streams = true;
	call.filter_stderr = true;
	status = client_call(&call, &err);
	if (status < 0)
		log_warning("%s: %s", service, err_message(&err));
	_exit(status < 0 ? STATUS_NO_CALL : status);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
gather(int fd, int timeout_ms, struct buf *answer, struct err *err)
{
	const int64_t deadline = now_ms() + timeout_ms;

	for (;;) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - now_ms();
		ssize_t count;

		if (left <= 0 || poll(&readable, 1, (int)left) == 0)
			return err_set(err, ETIMEDOUT, "no answer in time");
		if (readable.revents == 0)
			continue;
		/* One byte more than there is room for is told from the end. */
		count = buf_read_fd(answer, fd, 65536);
		if (count == -ENOBUFS) {
			char more;

			count = read(fd, &more, 1);
			if (count > 0)
				return err_set(err, EMSGSIZE, "the answer is too long");
		}
		if (count == 0)
			return 0;
		if (count < 0 && count != -EINTR)
			return err_set_errno(err, (int)-count, "cannot read the answer");
	}
}

int
qube_call(const char *qube, const char *service, const char *input, int timeout_ms,
	struct buf *answer, struct err *err)
{
	AUTO_FD int out = -1;
	int fds[2], status = 0, result;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "cannot make a pipe");
	out = fds[0];
	child = fork();
	if (child == 0)
		be_caller(qube, service, input, fds[1]);
	close(fds[1]);
	if (child < 0)
		return err_set_errno(err, errno, "cannot start a process");
	result = gather(out, timeout_ms, answer, err);
	if (result < 0)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (result < 0)
		return err_wrap(err, "%s in '%s'", service, qube);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, EREMOTEIO, "%s in '%s': it failed", service, qube);
	return 0;
}
