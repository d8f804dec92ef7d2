/*
 * The watch over qrexec-policy-daemon. Runs in bulkheadd; the daemon parses what qubes say and is
 * a process of its own, which outlives us as the qubes do: their calls go on without bulkheadd.
 */
#include "admin/daemon/policy_guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/daemon/policy_files.h"
#include "admin/lifecycle/host_process.h"
#include "base/cleanup.h"
#include "base/local_connect.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/text.h"

#define POLICY_SOCKET "/run/qubes/policy.sock"
/* Which process an earlier bulkheadd started: "PID START-TIME". Only we can write there. */
#define POLICY_RECORD "/run/bulkhead/policy-daemon"
#define POLICY_LOG "/var/log/qubes/qrexec-policy-daemon.log"

#define RESTART_DELAY_MS 200
#define RESTART_DELAY_MAX_MS 30000
/* One that lived so long did not fail at its start. */
#define SETTLED_MS 10000
/* For the service manager to bring back what it started; and between looks at a busy socket. */
#define FOREIGN_PATIENCE_MS 2000

struct policy_guard {
	struct loop *loop;
	struct loop_timer *timer;     /* the next look */
	struct host_process *own;     /* started by us, now or before we were restarted, or NULL */
	struct loop_child *listening; /* somebody else's, or NULL */
	uint64_t began_ms;
	unsigned int failures; /* in a row */
};

static void
look_again(struct policy_guard *g)
{
	uint64_t delay_ms = RESTART_DELAY_MAX_MS;

	if (loop_now_ms() - g->began_ms > SETTLED_MS)
		g->failures = 0;
	if (g->failures < 8)
		delay_ms = (uint64_t)RESTART_DELAY_MS << g->failures;
	g->failures++;
	loop_timer_start(
		g->timer, delay_ms < RESTART_DELAY_MAX_MS ? delay_ms : RESTART_DELAY_MAX_MS);
}

static void
handle_own_end(struct host_process *p, void *data)
{
	struct policy_guard *g = data;

	host_process_destroy(p);
	g->own = NULL;
	log_error("qrexec-policy-daemon ended: calls are refused until it is back");
	look_again(g);
}

static void
handle_foreign_end(struct loop_child *child, int wait_status, void *data)
{
	struct policy_guard *g = data;

	(void)wait_status;
	loop_child_destroy(child);
	g->listening = NULL;
	log_warning("the policy daemon ended: calls are refused until there is one");
	loop_timer_start(g->timer, FOREIGN_PATIENCE_MS);
}

static const struct host_process_handler own_handler = {.handle_end = handle_own_end};

static void
note_own(const struct policy_guard *g)
{
	AUTO_FREE char *path = root_path(POLICY_RECORD);
	AUTO_ERR struct err err = ERR_INIT;
	struct process_id id = host_process_id(g->own);
	AUTO_FREE char *text = text_format("%d %llu\n", (int)id.pid, id.start_time);

	if (write_file(path, text, strlen(text), 0600, &err) < 0)
		log_warning("policy daemon: will not be known again: %s", err_message(&err));
}

/* The process that listens, if a bulkheadd before us started it. */
static struct host_process *
adopt_own(struct policy_guard *g, pid_t listener)
{
	AUTO_FREE char *path = root_path(POLICY_RECORD);
	AUTO_FREE char *text = NULL;
	struct process_id id;
	char *rest;

	if (read_file(path, 64, &text, NULL, NULL) < 0)
		return NULL;
	id.pid = (pid_t)strtol(text, &rest, 10);
	id.start_time = strtoull(rest, NULL, 10);
	if (id.pid != listener)
		return NULL;
	return host_process_adopt(g->loop, "qrexec-policy-daemon", &id, &own_handler, g);
}

static void
start_own(struct policy_guard *g)
{
	AUTO_FREE char *log_path = root_path(POLICY_LOG);
	AUTO_ERR struct err err = ERR_INIT;
	const char *const argv[] = {BULKHEAD_SBINDIR "/qrexec-policy-daemon", NULL};
	const struct host_process_config config = {.name = "qrexec-policy-daemon",
		.argv = argv,
		.directory = "/",
		.log_path = log_path,
		.ready_target = -1,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1};

	g->began_ms = loop_now_ms();
	g->own = host_process_start(g->loop, &config, &own_handler, g, &err);
	if (g->own != NULL) {
		note_own(g);
		return;
	}
	log_error("all calls between qubes are refused: %s", err_message(&err));
	look_again(g);
}

/* The kernel tells who made the socket listen; nothing is asked of it. */
static void
watch_listener(struct policy_guard *g, int fd)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		peer.pid = 0;
	g->own = adopt_own(g, peer.pid);
	if (g->own != NULL)
		return;
	if (peer.pid > 0)
		g->listening = loop_child_create(g->loop, peer.pid, handle_foreign_end, g);
	if (g->listening == NULL)
		loop_timer_start(g->timer, FOREIGN_PATIENCE_MS);
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct policy_guard *g = data;
	AUTO_FREE char *path = root_path(POLICY_SOCKET);
	AUTO_FD int fd = local_connect_now(path);

	if (fd >= 0)
		watch_listener(g, fd);
	else if (fd == -EAGAIN)
		loop_timer_start(timer, FOREIGN_PATIENCE_MS);
	else
		start_own(g);
}

struct policy_guard *
policy_guard_create(struct loop *loop, struct err *err)
{
	struct policy_guard *g = xcalloc(1, sizeof(*g));

	g->loop = loop;
	g->timer = loop_timer_create(loop, handle_timer, g);
	if (g->timer == NULL) {
		err_set_errno(err, errno, "policy daemon: no timer");
		free(g);
		return NULL;
	}
	policy_files_install();
	loop_timer_start(g->timer, 0);
	return g;
}

void
policy_guard_destroy(struct policy_guard *g, bool end_own)
{
	if (g == NULL)
		return;
	if (g->own != NULL && end_own)
		host_process_stop(g->own);
	host_process_destroy(g->own);
	loop_child_destroy(g->listening);
	loop_timer_destroy(g->timer);
	free(g);
}
