/*
 * The caller's end of qubes.OpenInVM (open_file.h). The answer is gathered beside the file, and
 * takes its place only when the call has ended well: half an answer replaces nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "services/open_file.h"

struct open_call {
	const char *path;
	char *target; /* what the path leads to: a link to a file stays one */
	struct stat st;
	pid_t child;
	int to_qube, from_qube;
	char *answer_path; /* NULL: none is wanted */
	int answer_fd;
	bool elsewhere; /* the answer could not be put beside the file */
};

static int
start_call(struct open_call *c, const char *target, struct err *err)
{
	const char *argv[] = {"qrexec-client-vm", "-T", "--", target, "qubes.OpenInVM", NULL};
	AUTO_FD int child_in = -1;
	AUTO_FD int child_out = -1;
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "cannot make a pipe");
	child_in = in[0];
	c->to_qube = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "cannot make a pipe");
	c->from_qube = out[0];
	child_out = out[1];

	const struct child_fd fds[] = {{child_in, 0}, {child_out, 1}, {2, 2}};
	struct child_config config = CHILD_CONFIG_INIT;

	config.argv = argv;
	config.fds = fds;
	config.fd_count = 3;
	config.keep_session = true;
	c->child = child_start(&config, err);
	return c->child < 0 ? -1 : 0;
}

/* A refusal shows as a broken pipe; the exit status then says more. */
static int
send_file(struct open_call *c, int file, bool view_only, struct err *err)
{
	AUTO_FREE char *copy = text_copy(c->path);
	char header[OPEN_FILE_NAME_BYTES];
	long long e = open_file_encode_name(basename(copy), view_only, header);

	if (e == 0)
		e = write_all(c->to_qube, header, sizeof(header));
	if (e == 0)
		e = open_file_copy(file, c->to_qube);
	close(c->to_qube);
	c->to_qube = -1;
	return e >= 0 || e == -EPIPE ? 0
				     : err_set_errno(err, (int)-e, "'%s': cannot send", c->path);
}

/* Beside the file if that is allowed, so that it can replace it; else where it is at least kept. */
static int
make_answer_file(struct open_call *c, struct err *err)
{
	c->answer_path = text_format("%s.XXXXXX", c->target);
	c->answer_fd = mkostemp(c->answer_path, O_CLOEXEC);
	if (c->answer_fd < 0) {
		AUTO_FREE char *copy = text_copy(c->path);

		free(c->answer_path);
		c->answer_path = text_format("/tmp/%.200s.XXXXXX", basename(copy));
		c->answer_fd = mkostemp(c->answer_path, O_CLOEXEC);
		c->elsewhere = true;
	}
	if (c->answer_fd < 0) {
		free(steal_ptr(c->answer_path));
		return err_set_errno(err, errno, "'%s': no room for the edited file", c->path);
	}
	return 0;
}

static int
wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Whether somebody edited it here while it was open there. */
static bool
is_unchanged(const struct open_call *c)
{
	struct stat now;

	return stat(c->target, &now) == 0 && now.st_dev == c->st.st_dev &&
	       now.st_ino == c->st.st_ino && now.st_size == c->st.st_size &&
	       same_time(&now.st_mtim, &c->st.st_mtim);
}

static int
take_answer(struct open_call *c, struct err *err)
{
	if (fchmod(c->answer_fd, c->st.st_mode & 0777) < 0 || fsync(c->answer_fd) < 0)
		return err_set_errno(err, errno, "'%s'", c->answer_path);
	if (!is_unchanged(c)) {
		err_set(err, EEXIST,
			"'%s': it has changed here meanwhile: the file that was edited there is "
			"'%s'",
			c->path, c->answer_path);
		free(steal_ptr(c->answer_path));
		return -1;
	}
	if (c->elsewhere) {
		log_warning("'%s': its directory is read-only: the edited file is '%s'", c->path,
			c->answer_path);
	} else if (rename(c->answer_path, c->target) < 0) {
		return err_set_errno(err, errno, "'%s': cannot replace it", c->path);
	}
	free(steal_ptr(c->answer_path));
	return 0;
}

/* The exit status of the call; the answer is used only when that is 0. */
static int
finish_call(struct open_call *c, bool view_only, struct err *err)
{
	AUTO_FD int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	long long count = open_file_copy(c->from_qube, view_only ? null : c->answer_fd);
	int status = wait_for(c->child);

	if (count < 0)
		return err_set_errno(
			err, (int)-count, "'%s': cannot store the edited file", c->path);
	if (status == 0 && count > 0 && !view_only && take_answer(c, err) < 0)
		return -1;
	return status;
}

int
open_file_call(const char *target, const char *path, bool view_only, struct err *err)
{
	AUTO_FD int file = open(path, O_RDONLY | O_CLOEXEC);
	struct open_call c = {.path = path, .to_qube = -1, .from_qube = -1, .answer_fd = -1};
	int status = -1;

	signal(SIGPIPE, SIG_IGN);
	if (file < 0 || fstat(file, &c.st) < 0)
		return err_set_errno(err, errno, "'%s'", path);
	if (!S_ISREG(c.st.st_mode))
		return err_set(err, EINVAL, "'%s': not a file", path);
	c.target = realpath(path, NULL);
	if (c.target == NULL)
		return err_set_errno(err, errno, "'%s'", path);
	if ((view_only || make_answer_file(&c, err) == 0) && start_call(&c, target, err) == 0 &&
		send_file(&c, file, view_only, err) == 0)
		status = finish_call(&c, view_only, err);
	/* What is left of it was not used. */
	if (c.answer_path != NULL)
		unlink(c.answer_path);
	free(c.answer_path);
	free(c.target);
	for (size_t i = 0; i < 3; i++) {
		const int fds[] = {c.to_qube, c.from_qube, c.answer_fd};

		if (fds[i] >= 0)
			close(fds[i]);
	}
	return status;
}
