/*
 * Child processes; see child.h. Between fork and exec only async-signal-safe calls are made. A
 * failure there travels back through a close-on-exec pipe.
 */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/system_calls.h"
#include "base/text.h"

/* Moved descriptors stay clear of every target. */
#define CHILD_FD_FLOOR 256

enum child_step {
	CHILD_STEP_FDS,
	CHILD_STEP_IDS,
	CHILD_STEP_DIRECTORY,
	CHILD_STEP_SETUP,
	CHILD_STEP_EXEC,
};

static const char *const child_step_names[] = {
	[CHILD_STEP_FDS] = "cannot pass descriptors",
	[CHILD_STEP_IDS] = "cannot change the user",
	[CHILD_STEP_DIRECTORY] = "cannot enter the directory",
	[CHILD_STEP_SETUP] = "cannot set up the process",
	[CHILD_STEP_EXEC] = "cannot run",
};

struct child_failure {
	int step;
	int code;
};

static void __attribute__((noreturn)) child_fail(int report_fd, enum child_step step)
{
	struct child_failure failure = {.step = (int)step, .code = errno};
	ssize_t count = write(report_fd, &failure, sizeof(failure));

	(void)count;
	_exit(127);
}

static int
find_target(const struct child_config *config, int target)
{
	for (size_t i = 0; i < config->fd_count; i++) {
		if (config->fds[i].target == target)
			return (int)i;
	}
	return -1;
}

/* Puts every listed descriptor in its place, /dev/null into what is free of 0 to 2. */
static int
place_fds(const struct child_config *config, int *moved)
{
	for (size_t i = 0; i < config->fd_count; i++) {
		moved[i] = fcntl(config->fds[i].source, F_DUPFD_CLOEXEC, CHILD_FD_FLOOR);
		if (moved[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < config->fd_count; i++) {
		if (dup2(moved[i], config->fds[i].target) < 0)
			return -1;
	}
	for (int fd = 0; fd <= 2; fd++) {
		if (find_target(config, fd) >= 0)
			continue;
		int null_fd = open("/dev/null", O_RDWR);

		if (null_fd < 0)
			return -1;
		if (null_fd != fd && (dup2(null_fd, fd) < 0 || close(null_fd) < 0))
			return -1;
	}
	return 0;
}

/* Everything above 2 that is not a target becomes close-on-exec. */
static int
seal_fds(const struct child_config *config)
{
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return -1;
	for (size_t i = 0; i < config->fd_count; i++) {
		int target = config->fds[i].target;

		if (target > 2 && fcntl(target, F_SETFD, 0) < 0)
			return -1;
	}
	return 0;
}

static void
reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
change_ids(const struct child_config *config)
{
	if (config->uid == (uid_t)-1)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(config->gid, config->gid, config->gid) < 0 ||
		setresuid(config->uid, config->uid, config->uid) < 0)
		return -1;
	return 0;
}

static void __attribute__((noreturn))
become(const struct child_config *config, int *moved, int report_fd, pid_t parent)
{
	reset_signals();
	if (!config->keep_session)
		setsid();
	if (place_fds(config, moved) < 0 || seal_fds(config) < 0)
		child_fail(report_fd, CHILD_STEP_FDS);
	if (config->private_mounts && geteuid() == 0 && unshare(CLONE_NEWNS) < 0)
		child_fail(report_fd, CHILD_STEP_SETUP);
	if (config->directory != NULL && chdir(config->directory) < 0)
		child_fail(report_fd, CHILD_STEP_DIRECTORY);
	if (change_ids(config) < 0)
		child_fail(report_fd, CHILD_STEP_IDS);
	/* After the change of ids, which would clear it. */
	if (config->die_with_parent &&
		(prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		child_fail(report_fd, CHILD_STEP_SETUP);
	if (config->small_pages)
		(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (config->environment != NULL)
		execvpe(config->argv[0], (char *const *)(uintptr_t)config->argv,
			(char *const *)(uintptr_t)config->environment);
	else
		execvp(config->argv[0], (char *const *)(uintptr_t)config->argv);
	child_fail(report_fd, CHILD_STEP_EXEC);
}

void
child_reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void
child_end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	child_reap(pid);
}

/* Waits for the exec; an error report means that the child is gone. */
static int
await_exec(pid_t pid, int report_fd, const char *program, struct err *err)
{
	struct child_failure failure;
	ssize_t count;

	do
		count = read(report_fd, &failure, sizeof(failure));
	while (count < 0 && errno == EINTR);
	if (count == 0)
		return 0;
	child_reap(pid);
	if (count != sizeof(failure))
		return err_set(err, EIO, "program '%s': the new process failed", program);
	return err_set_errno(
		err, failure.code, "program '%s': %s", program, child_step_names[failure.step]);
}

pid_t
child_start(const struct child_config *config, struct err *err)
{
	AUTO_FD int report_read = -1;
	AUTO_FD int report_write = -1;
	AUTO_FREE int *moved = xcalloc(config->fd_count, sizeof(int));
	int report[2];
	pid_t pid, parent = getpid();

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "program '%s': no pipe", config->argv[0]);
	report_read = report[0];
	/* High up, where no target can overwrite it. */
	report_write = fcntl(report[1], F_DUPFD_CLOEXEC, CHILD_FD_FLOOR);
	close(report[1]);
	if (report_write < 0)
		return err_set_errno(err, errno, "program '%s': no pipe", config->argv[0]);
	pid = fork();
	if (pid < 0)
		return err_set_errno(err, errno, "program '%s': cannot fork", config->argv[0]);
	if (pid == 0)
		become(config, moved, report_write, parent);
	close(steal_fd(&report_write));
	if (await_exec(pid, report_read, config->argv[0], err) < 0)
		return -1;
	return pid;
}

/* One field of /proc/PID/stat, counted from 1 as in proc(5); from 3 on. */
static int
read_stat_field(pid_t pid, int wanted, char *ret_field, size_t size)
{
	char path[64];
	AUTO_FREE char *text = NULL;
	AUTO_ERR struct err err = ERR_INIT;
	char *field, *rest = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_file(path, 4096, &text, NULL, &err) < 0)
		return err.code > 0 ? -err.code : -ESRCH;
	/* The name in brackets may hold anything; field 3 follows the last bracket. */
	field = strrchr(text, ')');
	if (field == NULL)
		return -EBADMSG;
	field = strtok_r(field + 1, " ", &rest);
	for (int number = 3; field != NULL && number < wanted; number++)
		field = strtok_r(NULL, " ", &rest);
	if (field == NULL)
		return -EBADMSG;
	snprintf(ret_field, size, "%s", field);
	return 0;
}

int
process_start_time(pid_t pid, unsigned long long *ret_ticks)
{
	char field[32];
	int result = read_stat_field(pid, 22, field, sizeof(field));

	if (result < 0)
		return result;
	*ret_ticks = strtoull(field, NULL, 10);
	return 0;
}

bool
process_has_ended(pid_t pid)
{
	char state[8] = "";

	return read_stat_field(pid, 3, state, sizeof(state)) < 0 || state[0] == 'Z' ||
	       state[0] == 'X';
}

static int
exit_status(int wait_status)
{
	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status);
	return 128 + WTERMSIG(wait_status);
}

/* Keeps the first max_bytes and reads the rest away, so that the program never blocks on us. */
static void
gather(struct buf *output, int fd)
{
	char scrap[4096];

	for (;;) {
		ssize_t count = buf_read_fd(output, fd, 65536);

		if (count == -ENOBUFS)
			count = read(fd, scrap, sizeof(scrap));
		if (count == 0 || (count < 0 && count != -EINTR))
			return;
	}
}

int
child_run(const struct child_config *config, size_t max_bytes, char **ret_output, struct err *err)
{
	struct child_config capturing = *config;
	AUTO_FREE struct child_fd *fds = xcalloc(config->fd_count + 2, sizeof(*fds));
	AUTO_BUF struct buf output;
	AUTO_FD int read_end = -1;
	int output_pipe[2], wait_status;
	pid_t pid;

	buf_init(&output, max_bytes);
	if (pipe2(output_pipe, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "program '%s': no pipe", config->argv[0]);
	read_end = output_pipe[0];
	for (size_t i = 0; i < config->fd_count; i++)
		fds[i] = config->fds[i];
	fds[config->fd_count] = (struct child_fd){output_pipe[1], STDOUT_FILENO};
	fds[config->fd_count + 1] = (struct child_fd){output_pipe[1], STDERR_FILENO};
	capturing.fds = fds;
	capturing.fd_count = config->fd_count + 2;
	pid = child_start(&capturing, err);
	close(output_pipe[1]);
	if (pid < 0)
		return -1;
	gather(&output, read_end);
	while (waitpid(pid, &wait_status, 0) < 0) {
		if (errno != EINTR)
			return err_set_errno(err, errno, "program '%s'", config->argv[0]);
	}
	if (ret_output != NULL) {
		*ret_output = buf_steal_string(&output);
		if (*ret_output == NULL)
			return err_set(err, ENOMEM, "out of memory");
	}
	return exit_status(wait_status);
}
