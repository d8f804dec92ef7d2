/*
 * Programs run one after the other in child processes; see job.h. Their stderr is kept up to a
 * bound. They die with the daemon: what is half done is named by the store's rows.
 */
#include "admin/storage/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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
	bool keep;                               /* not to be canceled */
	const char *argv[JOB_ARGUMENTS_MAX + 1]; /* owned */
};

struct job {
	struct loop *loop;
	char *directory;
	struct list steps; /* job_step.link; the first is the one at work */
	struct loop_deferred *deferred;
	struct loop_child *child;
	int output_fd;
	struct buf output;
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
	job->output_fd = -1;
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

static void
reap_child(struct job *job)
{
	pid_t pid = loop_child_pid(job->child);

	(void)loop_child_signal(job->child, SIGKILL);
	loop_child_destroy(job->child);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void
job_destroy(struct job *job)
{
	struct job_step *step, *following;

	if (job == NULL)
		return;
	if (job->child != NULL)
		reap_child(job);
	list_for_each_safe (step, following, &job->steps, link)
		destroy_step(step);
	if (job->output_fd >= 0)
		close(job->output_fd);
	loop_deferred_destroy(job->deferred);
	buf_finish(&job->output);
	err_clear(&job->err);
	free(job->directory);
	free(job);
}

/* Non-blocking at our end; a program that says more than the pipe holds is not worth hearing. */
static int
open_output(struct job *job, int *ret_write_end)
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
	job->output_fd = ends[0];
	*ret_write_end = ends[1];
	return 0;
}

static pid_t
start_program(struct job *job, const struct job_step *step, struct err *err)
{
	AUTO_FREE char *search = text_format("PATH=%s",
		getenv("PATH") != NULL ? getenv("PATH") : "/usr/sbin:/usr/bin:/sbin:/bin");
	const char *environment[] = {"LC_ALL=C", search, NULL};
	AUTO_FD int write_end = -1;
	int result = open_output(job, &write_end);

	if (result < 0)
		return err_set_errno(err, -result, "%s: no pipe", step->argv[0]);

	struct child_fd fds[] = {{write_end, STDERR_FILENO}};
	struct child_config config = CHILD_CONFIG_INIT;
	config.argv = step->argv;
	config.environment = environment;
	config.directory = job->directory;
	config.fds = fds;
	config.fd_count = 1;
	config.die_with_parent = true;
	return child_start(&config, err);
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

static void
judge_program(struct job *job, const struct job_step *step, int wait_status)
{
	AUTO_FREE char *text = NULL;

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
	} else if (step->crash_point_name != NULL) {
		crash_point(step->crash_point_name);
	}
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
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
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
