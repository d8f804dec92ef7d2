/*
 * Growing a disk of a running qube: the machine shows it the new size, then the service
 * qubes.ResizeDisk grows the file system inside (spec admin-api.md 11.8). What the qube says is
 * worth nothing here but its exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/lifecycle/run.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/text.h"

/* Time for a file system to grow; a large one under emulation takes its time. */
#define GROW_TIMEOUT_MS 120000
#define STATUS_NO_SERVICE 127

struct resize {
	struct list link; /* lifecycle.resizes */
	struct lifecycle *l;
	char *qube, *volume; /* owned */
	struct loop_child *child;
	struct loop_timer *timer;
	lifecycle_done done;
	void *data;
};

static void
resize_destroy(struct resize *z)
{
	list_remove(&z->link);
	if (z->child != NULL) {
		pid_t pid = loop_child_pid(z->child);

		(void)loop_child_signal(z->child, SIGKILL);
		loop_child_destroy(z->child);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	loop_timer_destroy(z->timer);
	free(z->qube);
	free(z->volume);
	free(z);
}

void
resizes_destroy_all(struct lifecycle *l)
{
	while (!list_empty(&l->resizes))
		resize_destroy(container_of(l->resizes.next, struct resize, link));
}

static void
finish(struct resize *z, const struct err *err)
{
	lifecycle_done done = z->done;
	void *data = z->data;

	resize_destroy(z);
	done(data, err);
}

/* The size stays: a start grows the file system as well. */
static void
finish_grown(struct resize *z, const char *why)
{
	AUTO_ERR struct err err = ERR_INIT;

	err_set_kind(&err, "StoragePoolException", EIO,
		"volume '%s:%s' has grown, but the file system in it will only at the qube's next "
		"start: %s",
		z->qube, z->volume, why);
	finish(z, &err);
}

static void
handle_grown(struct loop_child *source, int wait_status, void *data)
{
	struct resize *z = data;

	loop_child_destroy(source);
	z->child = NULL;
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
		finish(z, NULL);
	else if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == STATUS_NO_SERVICE)
		finish_grown(z, "it has no service qubes.ResizeDisk");
	else
		finish_grown(z, "its service qubes.ResizeDisk failed");
}

static void
handle_timeout(struct loop_timer *timer, void *data)
{
	finish_grown(data, "its service qubes.ResizeDisk does not end");
}

/* The volume's name fits into any pipe. */
static int
open_input(const char *volume, int *ret_fd, struct err *err)
{
	AUTO_FREE char *line = text_format("%s\n", volume);
	int ends[2];
	ssize_t count;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "no pipe");
	count = write(ends[1], line, strlen(line));
	close(ends[1]);
	if (count != (ssize_t)strlen(line)) {
		close(ends[0]);
		return err_set_errno(err, EIO, "no pipe");
	}
	*ret_fd = ends[0];
	return 0;
}

static int
start_service(struct resize *z, struct err *err)
{
	static const char program[] = BULKHEAD_BINDIR "/qrexec-client";
	const char *argv[] = {program, "-d", z->qube, "root:QUBESRPC qubes.ResizeDisk dom0", NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_FD int input = -1;
	pid_t pid;

	if (open_input(z->volume, &input, err) < 0)
		return -1;
	struct child_fd fds[] = {{input, STDIN_FILENO}};
	config.argv = argv;
	config.fds = fds;
	config.fd_count = 1;
	config.die_with_parent = true;
	pid = child_start(&config, err);
	if (pid < 0)
		return -1;
	z->child = loop_child_create(z->l->config.loop, pid, handle_grown, z);
	if (z->child != NULL)
		return 0;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return err_set(err, ENOMEM, "out of memory");
}

static void
handle_resized(void *data, const struct err *err)
{
	struct resize *z = data;
	AUTO_ERR struct err failure = ERR_INIT;

	if (err != NULL) {
		finish_grown(z, err_message(err));
		return;
	}
	if (start_service(z, &failure) < 0) {
		finish_grown(z, err_message(&failure));
		return;
	}
	z->timer = loop_timer_create(z->l->config.loop, handle_timeout, z);
	if (z->timer != NULL)
		loop_timer_start(z->timer, GROW_TIMEOUT_MS);
}

void
lifecycle_resize_disk(struct lifecycle *l, struct qube *q, const char *volume, uint64_t size_bytes,
	lifecycle_done done, void *data)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct run *run = run_find(l, q);
	struct resize *z;

	if (run == NULL || run->phase != RUN_UP || q->power.state != POWER_RUNNING) {
		run_refuse_not_running(q, &err);
		waiter_answer(waiter_create(l, NULL, done, data), &err);
		return;
	}
	z = xcalloc(1, sizeof(*z));
	*z = (struct resize){.l = l,
		.qube = text_copy(q->name),
		.volume = text_copy(volume),
		.done = done,
		.data = data};
	list_append(&l->resizes, &z->link);
	machine_resize_disk(run->machine, volume, size_bytes, run_handle_machine_answer,
		run_await_machine(run, handle_resized, z));
}
