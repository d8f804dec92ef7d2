/* A running qube's window memory; see windows.h. */
#include "admin/lifecycle/windows.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/lifecycle/run.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "gui/protocol/window_memory.h"

/* Its name where the kernel lists a process' memories; found again by it after a restart. */
#define MEMORY_NAME "bulkhead-windows"
#define MEMORY_LINK "/memfd:" MEMORY_NAME " (deleted)"

struct windows {
	struct run *run;
	int fd; /* opened read-only: this is what is handed out */
	char *path;
	int listen_fd;
	struct loop_fd *listener;
};

/* A memory that its owner can not change the size of, whoever may have it open. */
static int
keep_read_only(struct windows *w, int fd, struct err *err)
{
	uint64_t size_bytes;

	w->fd = window_memory_open_read_only(fd, err);
	return w->fd < 0 ? -1 : window_memory_check(w->fd, &size_bytes, err);
}

static void
handle_connection(struct loop_fd *source, uint32_t events, void *data)
{
	struct windows *w = data;
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int fd = accept4(w->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uint64_t size_bytes;

	if (fd < 0)
		return;
	if (window_memory_check(w->fd, &size_bytes, &err) < 0 ||
		window_memory_send(fd, w->fd, size_bytes, &err) < 0)
		log_qube_message(LOG_LEVEL_WARNING, w->run->q->name, "%s", err_message(&err));
}

/* Those who may use qubes may see their windows. */
static void
give_to_group(const char *path)
{
	const struct group *group = geteuid() == 0 ? getgrnam(HOST_GROUP) : NULL;

	if (group != NULL && lchown(path, (uid_t)-1, group->gr_gid) < 0)
		log_warning("socket '%s': cannot be given to group '%s': %s", path, HOST_GROUP,
			strerror(errno));
}

static int
serve(struct windows *w, struct err *err)
{
	w->path = window_memory_path((unsigned int)w->run->record.xid);
	w->listen_fd = socket_listen(w->path, 0660, err);
	if (w->listen_fd < 0)
		return -1;
	give_to_group(w->path);
	(void)fd_set_nonblocking(w->listen_fd, 1);
	w->listener =
		loop_fd_create(w->run->l->config.loop, w->listen_fd, EPOLLIN, handle_connection, w);
	return w->listener != NULL ? 0 : err_set(err, ENOMEM, "window memory: no memory");
}

static void
handle_attached(void *data, const struct err *err)
{
	struct run *run = data;

	if (err != NULL)
		log_qube_message(LOG_LEVEL_ERROR, run->q->name,
			"it gets no window memory and shows no windows: %s", err_message(err));
}

static struct windows *
create(struct run *run)
{
	struct windows *w = xcalloc(1, sizeof(*w));

	*w = (struct windows){.run = run, .fd = -1, .listen_fd = -1};
	return w;
}

static int
start(struct windows *w, struct err *err)
{
	AUTO_FD int fd = window_memory_create(MEMORY_NAME, MACHINE_WINDOW_MEMORY_BYTES, err);

	if (fd < 0 || keep_read_only(w, fd, err) < 0 || serve(w, err) < 0)
		return -1;
	machine_attach_window_memory(w->run->machine, fd, handle_attached, w->run);
	return 0;
}

bool
qube_wants_windows(const struct qube *q)
{
	const char *feature = qube_feature_lookup(q, "gui", FEATURE_WITH_TEMPLATE);

	return (feature == NULL || feature[0] != '\0') && qube_reference(q, PROPERTY_GUIVM) != NULL;
}

static void
give_up(struct windows *w, const struct err *err)
{
	log_qube_message(
		LOG_LEVEL_ERROR, w->run->q->name, "it shows no windows: %s", err_message(err));
	windows_destroy(w);
}

void
run_windows_start(struct run *run)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct windows *w;

	if (run->windows != NULL || !qube_wants_windows(run->q))
		return;
	w = create(run);
	if (start(w, &err) < 0)
		give_up(w, &err);
	else
		run->windows = w;
}

/* The machine's process has the memory open: its descriptors are looked through. */
static int
find_memory(pid_t pid)
{
	AUTO_FREE char *path = text_format("/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);
	struct dirent *entry;
	int fd = -1;

	while (directory != NULL && fd < 0 && (entry = readdir(directory)) != NULL) {
		AUTO_FREE char *link = path_join(path, entry->d_name);
		char target[sizeof(MEMORY_LINK) + 1] = "";

		if (readlink(link, target, sizeof(target) - 1) > 0 &&
			text_equal(target, MEMORY_LINK))
			fd = open(link, O_RDONLY | O_CLOEXEC);
	}
	if (directory != NULL)
		closedir(directory);
	return fd;
}

void
run_windows_adopt(struct run *run)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FD int fd = find_memory(run->record.processes[RECORD_MACHINE].pid);
	struct windows *w;

	if (fd < 0)
		return;
	w = create(run);
	if (keep_read_only(w, fd, &err) < 0 || serve(w, &err) < 0)
		give_up(w, &err);
	else
		run->windows = w;
}

void
windows_destroy(struct windows *w)
{
	if (w == NULL)
		return;
	loop_fd_destroy(w->listener);
	if (w->listen_fd >= 0) {
		close(w->listen_fd);
		(void)unlink(w->path);
	}
	if (w->fd >= 0)
		close(w->fd);
	free(w->path);
	free(w);
}
