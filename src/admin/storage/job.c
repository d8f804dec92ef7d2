/*
 * Programs run one after the other in child processes; see job.h. Their stderr is kept up to a
 * bound. They die with the daemon: what is half done is named by the store's rows.
 */
#include "admin/storage/job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/crash_point.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"

#define JOB_ARGUMENTS_MAX 32
#define JOB_OUTPUT_MAX 4096

struct job_step {
	struct list link; /* job.steps */
	const char *crash_point_name;
	bool keep;           /* not to be canceled */
	bool tells_progress; /* on stdout */
	bool is_fed;         /* stdin is what was made of job.kept_fd */
	job_change change;   /* for the next; then stdout is kept */
	uint64_t limit;
	job_told told;
	const char *argv[JOB_ARGUMENTS_MAX + 1]; /* owned */
};

struct job {
	struct loop *loop;
	char *directory;
	struct list steps; /* job_step.link; the first is the one at work */
	struct loop_deferred *deferred;
	struct loop_child *child;
	int output_fd;
	int progress_fd; /* the program's stdout, where that tells how far it is */
	int kept_fd;     /* a memory file: its stdout, and made of that the next one's stdin */
	unsigned int percent;
	struct buf output;
	bool in_background;
	bool keep_rest;
	bool canceled;
	struct err err;
	job_done done;
	void *data;
};

static void handle_turn(struct loop_deferred *source, void *data);

struct job *
job_create(struct loop *loop, const char *directory)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->loop = loop;
	job->directory = text_copy(directory);
	job->output_fd = job->progress_fd = job->kept_fd = -1;
	list_init(&job->steps);
	buf_init(&job->output, JOB_OUTPUT_MAX);
	return job;
}

void
job_add(struct job *job, const char *crash_point_name, const char *program, ...)
{
	struct job_step *step = xcalloc(1, sizeof(*step));
	const char *text = program;
	va_list arguments;

	step->crash_point_name = crash_point_name;
	step->keep = job->keep_rest;
	va_start(arguments, program);
	for (size_t i = 0; text != NULL && i < JOB_ARGUMENTS_MAX; i++) {
		step->argv[i] = text_copy(text);
		text = va_arg(arguments, const char *);
	}
	va_end(arguments);
	list_append(&job->steps, &step->link);
}

static struct job_step *
last_step(struct job *job)
{
	assert(!list_empty(&job->steps));
	return container_of(job->steps.prev, struct job_step, link);
}

void
job_run_in_background(struct job *job)
{
	job->in_background = true;
}

void
job_watch_last(struct job *job)
{
	last_step(job)->tells_progress = true;
}

void
job_feed_next(struct job *job, job_change change, uint64_t limit)
{
	last_step(job)->change = change;
	last_step(job)->limit = limit;
}

void
job_tell_of_last(struct job *job, job_told told)
{
	last_step(job)->told = told;
}

static void
close_if_open(int *fd)
{
	if (*fd >= 0)
		close(steal_fd(fd));
}

void
job_feed_last(struct job *job, int fd)
{
	close_if_open(&job->kept_fd);
	job->kept_fd = fd;
	last_step(job)->is_fed = true;
}

static void
destroy_step(struct job_step *step)
{
	list_remove(&step->link);
	for (size_t i = 0; step->argv[i] != NULL; i++)
		free((char *)(uintptr_t)step->argv[i]);
	free(step);
}

static struct job_step *
first_step(struct job *job)
{
	return container_of(job->steps.next, struct job_step, link);
}

void
job_destroy(struct job *job)
{
	struct job_step *step, *following;

	if (job == NULL)
		return;
	if (job->child != NULL)
		loop_child_end(job->child);
	list_for_each_safe (step, following, &job->steps, link)
		destroy_step(step);
	close_if_open(&job->output_fd);
	close_if_open(&job->progress_fd);
	close_if_open(&job->kept_fd);
	loop_deferred_destroy(job->deferred);
	buf_finish(&job->output);
	err_clear(&job->err);
	free(job->directory);
	free(job);
}

/* Non-blocking at both ends; a program that says more than the pipe holds is not worth hearing. */
static int
open_pipe(int *ret_read_end, int *ret_write_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0) {
		int code = errno;

		close(ends[0]);
		close(ends[1]);
		return -code;
	}
	*ret_read_end = ends[0];
	*ret_write_end = ends[1];
	return 0;
}

/* The program with its arguments, behind those that make it polite. */
static void
make_command(const struct job *job, const struct job_step *step, const char **argv)
{
	static const char *const polite[] = {"nice", "-n", "10", "ionice", "-t", "-c", "3"};
	size_t count = 0;

	if (job->in_background) {
		memcpy(argv, polite, sizeof(polite));
		count = sizeof(polite) / sizeof(polite[0]);
	}
	memcpy(argv + count, step->argv, sizeof(step->argv));
}

struct step_fds {
	struct child_fd fds[3];
	size_t count;
	int error_end, progress_end; /* owned here */
};

static void
add_fd(struct step_fds *f, int source, int target)
{
	f->fds[f->count++] = (struct child_fd){source, target};
}

/* What the program gets: somewhere to complain, and its place between the others. */
static int
open_fds(struct job *job, const struct job_step *step, struct step_fds *f)
{
	int result = open_pipe(&job->output_fd, &f->error_end);

	if (result < 0)
		return result;
	add_fd(f, f->error_end, STDERR_FILENO);
	if (step->is_fed) {
		add_fd(f, job->kept_fd, STDIN_FILENO);
		add_fd(f, f->error_end, STDOUT_FILENO);
	}
	job->percent = 0;
	if (step->tells_progress) {
		result = open_pipe(&job->progress_fd, &f->progress_end);
		if (result == 0)
			add_fd(f, f->progress_end, STDOUT_FILENO);
	} else if (step->change != NULL) {
		close_if_open(&job->kept_fd);
		job->kept_fd = memfd_create("bulkhead-job", MFD_CLOEXEC);
		if (job->kept_fd < 0)
			return -errno;
		add_fd(f, job->kept_fd, STDOUT_FILENO);
	}
	return result;
}

static pid_t
start_program(struct job *job, const struct job_step *step, struct err *err)
{
	AUTO_FREE char *search = text_format("PATH=%s",
		getenv("PATH") != NULL ? getenv("PATH") : "/usr/sbin:/usr/bin:/sbin:/bin");
	const char *environment[] = {"LC_ALL=C", search, NULL};
	const char *argv[JOB_ARGUMENTS_MAX + 8];
	struct step_fds f = {.error_end = -1, .progress_end = -1};
	struct child_config config = CHILD_CONFIG_INIT;
	int result = open_fds(job, step, &f);
	pid_t pid = -1;

	if (result < 0) {
		err_set_errno(err, -result, "%s: no pipe", step->argv[0]);
	} else {
		make_command(job, step, argv);
		config.argv = argv;
		config.environment = environment;
		config.directory = job->directory;
		config.fds = f.fds;
		config.fd_count = f.count;
		config.die_with_parent = true;
		pid = child_start(&config, err);
	}
	close_if_open(&f.error_end);
	close_if_open(&f.progress_end);
	return pid;
}

static int
code_of_output(const char *text)
{
	static const struct {
		const char *words;
		int code;
	} known[] = {
		{"No space left on device", ENOSPC},
		{"Disk quota exceeded", EDQUOT},
		{"Cannot allocate memory", ENOMEM},
		{"No such file or directory", ENOENT},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strstr(text, known[i].words) != NULL)
			return known[i].code;
	}
	return EIO;
}

/* The last line that says something; it is logged through log.h, which escapes it. */
static char *
last_line(char *text)
{
	size_t length = strlen(text);
	char *start;

	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	start = strrchr(text, '\n');
	return start != NULL ? start + 1 : text;
}

/* Makes the next program's input of what this one has said. */
static void
pass_on(struct job *job, const struct job_step *step)
{
	AUTO_FD int made = memfd_create("bulkhead-job", MFD_CLOEXEC);
	struct job_step *next = container_of(step->link.next, struct job_step, link);

	if (made < 0 || lseek(job->kept_fd, 0, SEEK_SET) < 0) {
		err_set_errno(&job->err, errno, "%s: its output", step->argv[0]);
		return;
	}
	if (step->change(job->kept_fd, made, step->limit, &job->err) < 0)
		return;
	if (lseek(made, 0, SEEK_SET) < 0) {
		err_set_errno(&job->err, errno, "%s: its output", step->argv[0]);
		return;
	}
	close_if_open(&job->kept_fd);
	job->kept_fd = steal_fd(&made);
	next->is_fed = true;
}

static void
judge_program(struct job *job, const struct job_step *step, int wait_status)
{
	AUTO_FREE char *text = NULL;

	close_if_open(&job->progress_fd);
	(void)buf_read_fd(&job->output, job->output_fd, JOB_OUTPUT_MAX);
	close(steal_fd(&job->output_fd));
	text = buf_steal_string(&job->output);
	if (job->canceled) {
		err_set(&job->err, ECANCELED, "%s: canceled", step->argv[0]);
	} else if (WIFSIGNALED(wait_status)) {
		err_set(&job->err, EIO, "%s: ended by signal %d", step->argv[0],
			WTERMSIG(wait_status));
	} else if (WEXITSTATUS(wait_status) != 0) {
		const char *line = text != NULL ? last_line(text) : "";

		err_set(&job->err, text != NULL ? code_of_output(text) : EIO, "%s",
			line[0] != '\0' ? line : "it failed without a word");
		if (!text_starts_with(line, step->argv[0]))
			err_wrap(&job->err, "%s", step->argv[0]);
	} else {
		if (step->change != NULL)
			pass_on(job, step);
		if (step->told != NULL)
			step->told(job->directory, step->argv);
		if (step->crash_point_name != NULL)
			crash_point(step->crash_point_name);
	}
}

int
job_percent(struct job *job)
{
	char text[4096];
	ssize_t count;

	if (job->progress_fd < 0)
		return -1;
	while ((count = read(job->progress_fd, text, sizeof(text) - 1)) > 0) {
		const char *last;

		text[count] = '\0';
		last = strrchr(text, '(');
		if (last != NULL)
			job->percent = (unsigned int)strtoul(last + 1, NULL, 10);
	}
	return job->percent <= 100 ? (int)job->percent : 100;
}

static void
handle_program_end(struct loop_child *source, int wait_status, void *data)
{
	struct job *job = data;

	loop_child_destroy(source);
	job->child = NULL;
	judge_program(job, first_step(job), wait_status);
	destroy_step(first_step(job));
	handle_turn(NULL, job);
}

/* Starts the next program, or answers. */
static void
handle_turn(struct loop_deferred *source, void *data)
{
	struct job *job = data;
	pid_t pid;

	if (job->canceled && job->err.code == 0)
		err_set(&job->err, ECANCELED, "canceled");
	if (job->err.code != 0 || list_empty(&job->steps)) {
		job->done(job->data, &job->err);
		return;
	}
	pid = start_program(job, first_step(job), &job->err);
	if (pid >= 0) {
		job->child = loop_child_create(job->loop, pid, handle_program_end, job);
		if (job->child != NULL)
			return;
		err_set_errno(&job->err, errno, "%s: cannot watch it", first_step(job)->argv[0]);
		child_end(pid);
	}
	job->done(job->data, &job->err);
}

void
job_start(struct job *job, job_done done, void *data)
{
	job->done = done;
	job->data = data;
	job->deferred = loop_deferred_create(job->loop, handle_turn, job);
	if (job->deferred == NULL)
		fatal("out of memory");
	loop_deferred_schedule(job->deferred);
}

void
job_keep_rest(struct job *job)
{
	job->keep_rest = true;
}

void
job_cancel(struct job *job)
{
	if (list_empty(&job->steps) || first_step(job)->keep)
		return;
	job->canceled = true;
	if (job->child != NULL)
		(void)loop_child_signal(job->child, SIGTERM);
}

int
job_run(struct job *job, struct err *err)
{
	struct job_step *step, *following;

	list_for_each_safe (step, following, &job->steps, link) {
		pid_t pid = start_program(job, step, &job->err);
		int wait_status = 0;

		if (pid < 0)
			break;
		while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
			;
		judge_program(job, step, wait_status);
		destroy_step(step);
		if (job->err.code != 0)
			break;
	}
	return job->err.code != 0 ? err_move(err, &job->err) : 0;
}
