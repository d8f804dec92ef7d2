/*
 * Starting programs with vfork(): the agent's handlers and clients do this once per call, and the
 * copy of an address space is what a start costs most. Nothing from outside is handled here; the
 * child does nothing but the system calls listed, on memory it shares with us.
 */
#include "qrexec/common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "base/system_calls.h"
#include "qrexec/common/protocol.h"

#define FIRST_EXTRA_FD 3

/* A descriptor above the standard ones, so that placing them never overwrites a source. */
static int
move_up(int fd)
{
	if (fd < 0)
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd >= FIRST_EXTRA_FD ? fd : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_EXTRA_FD);
}

static int
place_fds(const struct program *program)
{
	int in = move_up(program->stdin_fd);
	int out = move_up(program->stdout_fd);
	int error = move_up(program->stderr_fd);
	unsigned int next = FIRST_EXTRA_FD;

	if (in < 0 || out < 0 || error < 0)
		return -1;
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(error, STDERR_FILENO) < 0)
		return -1;
	for (size_t i = 0; i < program->keep_count; i++) {
		unsigned int kept = (unsigned int)program->keep_fds[i];

		if (fcntl(program->keep_fds[i], F_SETFD, 0) < 0)
			return -1;
		if (kept > next)
			close_range(next, kept - 1, 0);
		next = kept + 1;
	}
	return close_range(next, ~0U, 0);
}

/* In the child. Returns only on failure, with errno set. */
static void
become(const struct program *program)
{
	sigset_t none;

	if (program->new_session)
		setsid();
	if (place_fds(program) < 0)
		return;
	if (program->directory != NULL && chdir(program->directory) < 0)
		errno = 0; /* tolerated: a home may be missing */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (program->search_path)
		execvpe(program->path, (char *const *)program->argv, program->environment);
	else
		execve(program->path, (char *const *)program->argv, program->environment);
}

pid_t
program_start(const struct program *program)
{
	volatile int error = 0;
	/* The child only makes system calls and stores to `error`. */
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	if (pid == 0) {
		become(program); /* NOLINT(clang-analyzer-unix.Vfork) */
		error = errno != 0 ? errno : EINVAL;
		_exit(QREXEC_EXIT_PROBLEM);
	}
	if (pid < 0)
		return -errno;
	if (error != 0) {
		child_reap(pid);
		return -error;
	}
	return pid;
}

int
program_failure_code(int error)
{
	return error == -ENOENT || error == ENOENT ? QREXEC_EXIT_NOT_FOUND : QREXEC_EXIT_PROBLEM;
}

static int
make_output(int *ret_ours, int *ret_theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	if (fcntl(ends[0], F_SETFL, O_RDONLY | O_NONBLOCK) < 0) {
		close(ends[0]);
		close(ends[1]);
		return -errno;
	}
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	return 0;
}

int
program_stdio_create(bool with_stderr, struct program_stdio *ret_stdio)
{
	struct program_stdio stdio = {{-1, -1, -1}, {-1, -1, -1}};
	int pair[2];
	int e;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	stdio.ours[0] = pair[0];
	stdio.theirs[0] = pair[1];
	e = make_output(&stdio.ours[1], &stdio.theirs[1]);
	if (e == 0 && with_stderr)
		e = make_output(&stdio.ours[2], &stdio.theirs[2]);
	if (e < 0) {
		program_stdio_close(&stdio);
		return e;
	}
	*ret_stdio = stdio;
	return 0;
}

static void
close_three(int fds[3])
{
	for (int i = 0; i < 3; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

void
program_stdio_close_theirs(struct program_stdio *stdio)
{
	close_three(stdio->theirs);
}

void
program_stdio_close(struct program_stdio *stdio)
{
	close_three(stdio->ours);
	close_three(stdio->theirs);
}
