/* Showing what the filter lets through; see notices.h. */
#include "gui/launcher/notices.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"
#include "gui/launcher/launcher.h"
#include "gui/notices/notice.h"

#define INPUT_MAX_BYTES (4UL * NOTICE_RECORD_MAX)

struct notices {
	struct loop *loop;
	char *name, *label;
	struct loop_child *filter;
	struct stream *stream; /* of what it lets through */
	uint64_t second_at_ms; /* when the second began that is counted */
	unsigned int count;
};

static void
handle_shown(struct loop_child *child, int wait_status, void *data)
{
	(void)wait_status;
	(void)data;
	loop_child_destroy(child);
}

/* The texts are arguments, behind the end of the options, with the qube's name before them. */
static void
show(struct notices *n, const struct notice *notice)
{
	static const char *const urgencies[] = {"low", "normal", "critical"};
	AUTO_FREE char *urgency = text_format("--urgency=%s", urgencies[notice->urgency]);
	AUTO_FREE char *expire = text_format("--expire-time=%u", notice->expire_ms);
	AUTO_FREE char *icon = text_format("--icon=appvm-%s", n->label);
	AUTO_FREE char *title = text_format("[%s] %s", n->name, notice->untrusted_summary);
	AUTO_FREE char *body = notice_without_markup(notice->untrusted_body);
	const char *argv[10] = {"notify-send", "--app-name=Bulkhead", urgency, icon};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	size_t count = 4;
	pid_t pid;

	if (notice->expire_ms > 0)
		argv[count++] = expire;
	argv[count++] = "--";
	argv[count++] = title;
	argv[count++] = body;
	config.argv = argv;
	config.die_with_parent = true;
	pid = child_start(&config, &err);
	if (pid > 0)
		loop_child_create(n->loop, pid, handle_shown, NULL);
	else
		log_qube_message(LOG_LEVEL_WARNING, n->name, "notification: %s", err_message(&err));
}

static bool
may_show(struct notices *n)
{
	uint64_t now = loop_now_ms();

	if (now - n->second_at_ms >= 1000) {
		n->second_at_ms = now;
		n->count = 0;
	}
	n->count++;
	if (n->count == NOTICES_PER_SECOND + 1)
		log_qube_message(LOG_LEVEL_WARNING, n->name,
			"more than %d notifications a second, the others are not shown",
			NOTICES_PER_SECOND);
	return n->count <= NOTICES_PER_SECOND;
}

static void
end_stream(struct notices *n)
{
	stream_destroy(n->stream);
	n->stream = NULL;
}

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	static struct notice notice;
	struct notices *n = data;
	AUTO_ERR struct err err = ERR_INIT;
	int result;

	(void)s;
	while ((result = notice_take(in, &notice, &err)) > 0) {
		if (may_show(n))
			show(n, &notice);
	}
	if (result < 0) {
		log_qube_message(LOG_LEVEL_ERROR, n->name, "filter: %s", err_message(&err));
		end_stream(n);
	}
}

static void
handle_end(struct stream *s, int error, void *data)
{
	(void)s;
	(void)error;
	end_stream(data);
}

static const struct stream_handler handler = {.handle_data = handle_data, .handle_end = handle_end};

static void
handle_filter_end(struct loop_child *child, int wait_status, void *data)
{
	struct notices *n = data;

	(void)wait_status;
	loop_child_destroy(child);
	n->filter = NULL;
}

static int
start_filter(struct notices *n, int fd)
{
	AUTO_FREE char *program = launcher_helper("notification-filter");
	const char *argv[] = {program, n->name, NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	struct child_fd fds[] = {{fd, 0}, {-1, 1}, {2, 2}};
	AUTO_ERR struct err err = ERR_INIT;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	fds[1].source = ends[1];
	config.argv = argv;
	config.fds = fds;
	config.fd_count = 3;
	config.die_with_parent = true;
	pid = child_start(&config, &err);
	close(ends[1]);
	if (pid < 0) {
		log_qube_message(LOG_LEVEL_ERROR, n->name, "%s", err_message(&err));
		close(ends[0]);
		return -1;
	}
	n->filter = loop_child_create(n->loop, pid, handle_filter_end, n);
	n->stream = stream_create(n->loop, ends[0], INPUT_MAX_BYTES, 1, &handler, n);
	return n->filter == NULL || n->stream == NULL ? -1 : 0;
}

struct notices *
notices_start(struct loop *loop, const char *name, const char *label, int fd)
{
	struct notices *n = xcalloc(1, sizeof(*n));

	n->loop = loop;
	n->name = text_copy(name);
	n->label = text_copy(label);
	if (start_filter(n, fd) < 0) {
		notices_stop(n);
		n = NULL;
	}
	close(fd);
	return n;
}

void
notices_stop(struct notices *n)
{
	if (n == NULL)
		return;
	if (n->filter != NULL)
		loop_child_signal(n->filter, SIGTERM);
	loop_child_destroy(n->filter);
	stream_destroy(n->stream);
	free(n->name);
	free(n->label);
	free(n);
}
