/* Processes that serve one qube; see host_process.h. */
#include "admin/lifecycle/host_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"

#define HOST_PROCESS_FDS_MAX 8
#define HOST_PROCESS_LOG_MODE 0640

struct host_process {
	struct loop *loop;
	const char *name;
	struct process_id id;
	struct loop_child *child;
	struct loop_fd *ready_source;
	int ready_fd;
	struct loop_timer *patience;
	const struct host_process_handler *handler;
	void *data;
};

static void
forget_ready(struct host_process *p)
{
	loop_fd_destroy(steal_ptr(p->ready_source));
	if (p->ready_fd >= 0)
		close(steal_fd(&p->ready_fd));
}

static void
handle_ready(struct loop_fd *source, uint32_t events, void *data)
{
	struct host_process *p = data;
	char byte;
	ssize_t count = read(p->ready_fd, &byte, 1);

	(void)source;
	(void)events;
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	forget_ready(p);
	/* Its end without a word is told by handle_end. */
	if (count == 1)
		p->handler->handle_ready(p, p->data);
}

static void
handle_end(struct loop_child *child, int wait_status, void *data)
{
	struct host_process *p = data;

	(void)child;
	(void)wait_status;
	loop_timer_stop(p->patience);
	p->handler->handle_end(p, p->data);
}

static void
handle_patience_over(struct loop_timer *timer, void *data)
{
	struct host_process *p = data;

	(void)timer;
	log_warning("%s %d does not end, killing it", p->name, (int)p->id.pid);
	loop_child_signal(p->child, SIGKILL);
}

static struct host_process *
watch(struct loop *loop, const char *name, pid_t pid, const struct host_process_handler *handler,
	void *data)
{
	struct host_process *p = xcalloc(1, sizeof(*p));

	*p = (struct host_process){.loop = loop,
		.name = name,
		.id = {.pid = pid},
		.ready_fd = -1,
		.handler = handler,
		.data = data};
	p->patience = loop_timer_create(loop, handle_patience_over, p);
	p->child = loop_child_create(loop, pid, handle_end, p);
	if (p->patience == NULL || p->child == NULL ||
		process_start_time(pid, &p->id.start_time) < 0) {
		host_process_destroy(p);
		return NULL;
	}
	return p;
}

static int
open_log(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		HOST_PROCESS_LOG_MODE);

	if (fd < 0)
		return err_set_errno(err, errno, "log '%s': cannot open", path);
	return fd;
}

static int
watch_ready(struct host_process *p, int *ready_read)
{
	p->ready_fd = steal_fd(ready_read);
	p->ready_source = loop_fd_create(p->loop, p->ready_fd, EPOLLIN, handle_ready, p);
	return p->ready_source == NULL ? -1 : 0;
}

struct host_process *
host_process_start(struct loop *loop, const struct host_process_config *config,
	const struct host_process_handler *handler, void *data, struct err *err)
{
	struct child_config child = CHILD_CONFIG_INIT;
	struct child_fd fds[HOST_PROCESS_FDS_MAX];
	AUTO_FD int log_fd = open_log(config->log_path, err);
	AUTO_FD int ready_read = -1;
	AUTO_FD int ready_write = -1;
	struct host_process *p;
	pid_t pid;

	if (log_fd < 0)
		return NULL;
	for (child.fd_count = 0; child.fd_count < config->fd_count; child.fd_count++)
		fds[child.fd_count] = config->fds[child.fd_count];
	fds[child.fd_count++] = (struct child_fd){log_fd, STDERR_FILENO};
	if (config->ready_target >= 0) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
			err_set_errno(err, errno, "%s: no pipe", config->name);
			return NULL;
		}
		ready_read = ends[0];
		ready_write = ends[1];
		fds[child.fd_count++] = (struct child_fd){ready_write, config->ready_target};
	}
	child.argv = config->argv;
	child.fds = fds;
	child.directory = config->directory;
	child.uid = config->uid;
	child.gid = config->gid;
	child.private_mounts = true;
	pid = child_start(&child, err);
	if (pid < 0)
		return NULL;
	p = watch(loop, config->name, pid, handler, data);
	if (p == NULL || (ready_read >= 0 && watch_ready(p, &ready_read) < 0)) {
		err_set_errno(err, errno, "%s: cannot watch the new process", config->name);
		host_process_destroy(p);
		child_end(pid);
		return NULL;
	}
	return p;
}

struct host_process *
host_process_adopt(struct loop *loop, const char *name, const struct process_id *id,
	const struct host_process_handler *handler, void *data)
{
	struct host_process *p;

	if (!process_is_alive(id))
		return NULL;
	p = watch(loop, name, id->pid, handler, data);
	/* The number may have changed hands since the first look. */
	if (p != NULL && p->id.start_time != id->start_time) {
		host_process_destroy(p);
		return NULL;
	}
	return p;
}

struct process_id
host_process_id(const struct host_process *p)
{
	return p->id;
}

void
host_process_stop(struct host_process *p)
{
	loop_child_signal(p->child, SIGTERM);
	loop_timer_start(p->patience, HOST_PROCESS_PATIENCE_MS);
}

void
host_process_destroy(struct host_process *p)
{
	if (p == NULL)
		return;
	forget_ready(p);
	loop_child_destroy(p->child);
	loop_timer_destroy(p->patience);
	free(p);
}
