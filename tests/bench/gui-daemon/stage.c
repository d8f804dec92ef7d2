/* See stage.h. */
#include "stage.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "gui/protocol/window_memory.h"
#include "programs.h"

#define CONNECT_MS 30000

double
stage_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double
stage_processor_time(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

long
stage_resident_kib(pid_t pid)
{
	AUTO_FREE char *path = text_format("/proc/%d/statm", (int)pid);
	AUTO_FREE char *text = NULL;
	long resident, shared;
	char *at;

	if (read_file(path, 4096, &text, NULL, NULL) < 0 || (at = strchr(text, ' ')) == NULL)
		return 0;
	resident = strtol(at, &at, 10);
	shared = strtol(at, &at, 10);
	return (resident - shared) * (sysconf(_SC_PAGESIZE) / 1024);
}

int
stage_compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
stage_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), stage_compare_doubles);
	return values[count / 2];
}

void
stage_start(struct stage *s, const char *daemon_path)
{
	AUTO_ERR struct err err = ERR_INIT;

	*s = (struct stage){.daemon_path = daemon_path, .directory = "/tmp/bench-gui-XXXXXX"};
	if (mkdtemp(s->directory) == NULL)
		fatal("no directory");
	setenv("BULKHEAD_ROOT", s->directory, 1);
	setenv("BULKHEAD_NO_NOTIFY", "1", 1);
	setenv("BULKHEAD_LOG", "error", 1);
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	s->x_server = x_server_start("1960x1140x24");
	s->pool_fd = window_memory_create("bench", STAGE_POOL_BYTES, &err);
	if (s->pool_fd < 0)
		fatal("%s", err_message(&err));
	s->pool = mmap(NULL, STAGE_POOL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->pool_fd, 0);
	if (s->pool == MAP_FAILED)
		fatal("no window memory");
}

void
stage_stop(struct stage *s)
{
	AUTO_ERR struct err err = ERR_INIT;

	program_end(s->x_server, SIGTERM);
	munmap(s->pool, STAGE_POOL_BYTES);
	close(s->pool_fd);
	if (remove_tree(s->directory, &err) < 0)
		fatal("%s", err_message(&err));
}

void
qube_put(struct qube *q, const struct gui_message *m)
{
	AUTO_BUF struct buf out;

	buf_init(&out, 4096);
	if (gui_put_message(&out, m) < 0 || write_all(q->fd, buf_data(&out), buf_len(&out)) < 0)
		fatal("the daemon does not listen");
}

void
qube_take(struct qube *q, struct gui_message *ret_message)
{
	struct gui_header header;

	while (gui_get_header(&q->in, &header) < 0) {
		if (buf_read_fd(&q->in, q->fd, 65536) <= 0)
			fatal("the daemon hung up");
	}
	while (gui_get_body(&q->in, &header, ret_message) < 0) {
		if (buf_read_fd(&q->in, q->fd, 65536) <= 0)
			fatal("the daemon hung up");
	}
}

void
qube_take_type(struct qube *q, uint32_t type, struct gui_message *ret_message)
{
	do
		qube_take(q, ret_message);
	while (ret_message->type != type);
}

void
qube_start(struct qube *q, struct stage *s, const char *name, const char *interval_ms)
{
	AUTO_FREE char *path = text_format("%s/%s.sock", s->directory, name);
	AUTO_FREE char *connect = text_format("unix:%s", path);
	AUTO_FREE char *domain = text_format("%d", ++s->domains);
	const char *argv[] = {s->daemon_path, "-f", "-q", "-N", name, "-d", domain, "-c",
		"0x73d216", "--state-dir", s->directory, "--pool-fd", "10", "--draw-interval-ms",
		interval_ms, "--connect", connect, NULL};
	const struct child_fd fds[] = {{s->pool_fd, 10}, {2, 2}};
	const uint32_t version = GUI_VERSION_OURS;
	struct gui_message caps = {
		.type = GUI_X_CAPS,
		.caps = {GUI_EXTENSION_VERSION, 7, 4, 1024, (uint32_t)STAGE_POOL_BYTES, 0},
	};
	AUTO_ERR struct err err = ERR_INIT;
	struct gui_message m;
	char greeting[20];

	*q = (struct qube){.stage = s, .fd = -1};
	buf_init(&q->in, 1 << 20);
	q->listen_fd = socket_listen(path, 0600, &err);
	q->daemon = program_start(argv, fds, 2);
	/* A daemon that does not come is no reason to wait for ever. */
	if (poll(&(struct pollfd){.fd = q->listen_fd, .events = POLLIN}, 1, CONNECT_MS) == 1)
		q->fd = accept4(q->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (q->fd < 0 || write_all(q->fd, &version, 4) < 0 || read_exactly(q->fd, greeting, 20) < 0)
		fatal("no greeting");
	qube_take_type(q, GUI_X_CAPS, &m);
	qube_put(q, &caps);
}

void
qube_stop(struct qube *q)
{
	close(q->fd);
	close(q->listen_fd);
	kill(q->daemon, SIGTERM);
	waitpid(q->daemon, NULL, 0);
	buf_finish(&q->in);
}

void
qube_open_window(struct qube *q, uint32_t id, int x, int y, uint32_t width, uint32_t height)
{
	struct gui_message create = {
		.type = GUI_CREATE, .window = id, .create = {x, y, width, height, 0, 0}};
	struct gui_message map = {.type = GUI_MAP, .window = id};

	qube_put(q, &create);
	qube_put(q, &map);
}

uint32_t
stage_buffer_offset(uint32_t buffer, uint32_t width, uint32_t height)
{
	uint32_t bytes = (width * height * 4 + 4095) & ~4095U;

	return 4096 + buffer * bytes;
}

void
qube_register(struct qube *q, uint32_t id, uint32_t buffer, uint32_t width, uint32_t height)
{
	struct gui_message dump = {
		.type = GUI_WINDOW_DUMP,
		.window = id,
		.dump = {GUI_DUMP_POOL, width, height, 24, buffer + 1, GUI_FOURCC_XR24,
			stage_buffer_offset(buffer, width, height), 0, width * 4, GUI_DUMP_EXPLICIT,
			0, 0},
	};

	qube_put(q, &dump);
}

void
qube_commit(struct qube *q, uint32_t id, uint32_t buffer, uint32_t serial)
{
	struct gui_message m = {
		.type = GUI_X_COMMIT, .window = id, .commit = {buffer + 1, serial, 0, 0}};

	qube_put(q, &m);
}
