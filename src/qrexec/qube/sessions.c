/* The agent's table of sessions; see sessions.h. Runs in the agent, as root. */
#include "qrexec/qube/sessions.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/common/program.h"

#define SESSION_PROGRAM "qrexec-session"
#define IDLE_MS 60000

struct session {
	struct list link; /* sessions.list; alone once it is not to be used */
	struct sessions *sessions;
	char *user;
	struct loop_child *child; /* NULL once it has ended */
	struct loop_timer *idle;
	int fd;
	size_t uses;
};

struct sessions {
	struct loop *loop;
	struct list list;
};

int
session_fd(const struct session *session)
{
	return session != NULL ? session->fd : -1;
}

static void
session_destroy(struct session *s)
{
	list_remove(&s->link);
	loop_child_destroy(s->child);
	loop_timer_destroy(s->idle);
	if (s->fd >= 0)
		close(s->fd);
	free(s->user);
	free(s);
}

static void
handle_end(struct loop_child *child, int wait_status, void *data)
{
	struct session *s = data;

	loop_child_destroy(child);
	s->child = NULL;
	list_remove(&s->link);
	if (s->uses == 0)
		session_destroy(s);
}

/* Closing the last socket asks the session to end, which it does after its last program. */
static void
handle_idle(struct loop_timer *timer, void *data)
{
	struct session *s = data;

	list_remove(&s->link);
	close(s->fd);
	s->fd = -1;
}

/* It is installed beside us; the caller frees the path. NULL when ours is not known. */
static char *
session_program(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (length < 0)
		return NULL;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL)
		*slash = '\0';
	return text_format("%s/" SESSION_PROGRAM, path);
}

static pid_t
start_process(const char *user, int fd)
{
	AUTO_FREE char *path = session_program();
	char number[16];
	const char *argv[] = {path, user, number, NULL};
	AUTO_FREE char *root = text_format("BULKHEAD_ROOT=%s", root_prefix());
	char *environment[] = {root, NULL};
	struct program program = PROGRAM_INIT;

	if (path == NULL)
		return -ENOENT;
	snprintf(number, sizeof(number), "%d", fd);
	program.path = path;
	program.argv = argv;
	program.environment = environment;
	program.stderr_fd = STDERR_FILENO;
	program.keep_fds = &fd;
	program.keep_count = 1;
	program.new_session = true;
	return program_start(&program);
}

static struct session *
open_session(struct sessions *sessions, const char *user)
{
	struct session *s;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return NULL;
	pid = start_process(user, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		errno = -pid;
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->sessions = sessions;
	s->user = text_copy(user);
	s->fd = pair[0];
	s->child = loop_child_create(sessions->loop, pid, handle_end, s);
	s->idle = loop_timer_create(sessions->loop, handle_idle, s);
	if (s->child == NULL || s->idle == NULL)
		fatal("session of '%s': cannot watch it: %s", user, strerror(errno));
	list_append(&sessions->list, &s->link);
	return s;
}

/* Its program may have died a moment ago, before we are told of its end as a process. */
static bool
is_alive(const struct session *s)
{
	struct pollfd peer = {.fd = s->fd};

	return poll(&peer, 1, 0) == 0;
}

struct session *
sessions_take(struct sessions *sessions, const char *user)
{
	struct session *s, *found = NULL;

	list_for_each (s, &sessions->list, link)
		if (text_equal(s->user, user) && is_alive(s))
			found = s;
	if (found == NULL)
		found = open_session(sessions, user);
	if (found == NULL) {
		log_error("session of '%s': cannot open it: %s", user, strerror(errno));
		return NULL;
	}
	found->uses++;
	loop_timer_stop(found->idle);
	return found;
}

void
sessions_prepare(struct sessions *sessions, const char *user)
{
	if (open_session(sessions, user) == NULL)
		log_warning("session of '%s': cannot open it: %s", user, strerror(errno));
}

void
sessions_release(struct sessions *sessions, struct session *s)
{
	if (s == NULL || --s->uses > 0)
		return;
	if (s->child == NULL)
		session_destroy(s);
	else
		loop_timer_start(s->idle, IDLE_MS);
}

struct sessions *
sessions_create(struct loop *loop)
{
	struct sessions *sessions = xcalloc(1, sizeof(*sessions));

	sessions->loop = loop;
	list_init(&sessions->list);
	return sessions;
}

void
sessions_destroy(struct sessions *sessions)
{
	struct session *s, *next;

	if (sessions == NULL)
		return;
	list_for_each_safe (s, next, &sessions->list, link)
		session_destroy(s);
	free(sessions);
}
