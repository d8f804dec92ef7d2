/*
 * One connection, one process; see agent.h. At most one prompt is shown at a time, so that no
 * window covers another and a terminal asks one thing.
 */
#include "qrexec/prompt/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"

#define SOCKET_MODE 0660
#define HEADER_MAX 64

enum service { SERVICE_UNKNOWN, SERVICE_ASK, SERVICE_NOTIFY };

struct agent {
	struct loop *loop;
	const struct agent_config *config;
	int fd;
	struct loop_fd *source;
	struct list connections; /* connection.link, in the order they came */
	size_t count;
};

struct connection {
	struct agent *agent;
	struct list link; /* agent.connections */
	int fd;
	struct loop_fd *source;
	struct loop_timer *timer; /* until the header is there */
	enum service service;
	struct loop_child *child; /* that shows it */
};

static void show_next(struct agent *a);

static void
connection_free(struct connection *c)
{
	list_remove(&c->link);
	c->agent->count--;
	loop_fd_destroy(c->source);
	loop_timer_destroy(c->timer);
	if (c->child != NULL)
		loop_child_signal(c->child, SIGTERM);
	loop_child_destroy(c->child);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

static void
drop(struct connection *c, const char *why)
{
	log_warning("request refused: %s", why);
	connection_free(c);
}

static size_t
count_shown(const struct agent *a, enum service service)
{
	const struct connection *c;
	size_t count = 0;

	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): see base/list.h */
	list_for_each (c, &a->connections, link)
		count += c->child != NULL && c->service == service;
	return count;
}

static void
handle_child_end(struct loop_child *child, int wait_status, void *data)
{
	struct connection *c = data;
	struct agent *a = c->agent;

	if (wait_status != 0)
		log_warning("prompt %ld: ended with status %d", (long)loop_child_pid(child),
			wait_status);
	loop_child_destroy(child);
	c->child = NULL;
	connection_free(c);
	show_next(a);
}

static const char *
program_name(const struct agent *a, enum service service)
{
	if (a->config->tty)
		return "policy-prompt-tty";
	return service == SERVICE_ASK ? "policy-prompt" : "policy-notify";
}

/* "NAME=value" of our environment, or NULL; put in place of the next free entry. */
static size_t
pass_on(const char *name, const char **entries, size_t count)
{
	const char *value = getenv(name);

	if (value != NULL)
		entries[count++] = text_format("%s=%s", name, value);
	return count;
}

/*
 * All that the process gets to know of its surroundings: where the display and the bus are.
 * Settings, themes and modules from outside have no way in.
 */
static size_t
make_environment(const char **ret_entries)
{
	static const char *const names[] = {
		"DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "BULKHEAD_LOG"};
	static const char *const fixed[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8",
		"HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent", "XDG_CONFIG_DIRS=/nonexistent",
		"XDG_DATA_HOME=/nonexistent", "XDG_CACHE_HOME=/nonexistent", "GDK_BACKEND=x11",
		"GTK_THEME=Adwaita", "GTK_MODULES=", "GTK_IM_MODULE=gtk-im-context-simple",
		"GIO_USE_VFS=local", "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1", "GTK_CSD=0"};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		count = pass_on(names[i], ret_entries, count);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		ret_entries[count++] = text_copy(fixed[i]);
	return count;
}

static pid_t
start_program(const struct agent *a, const struct connection *c, struct err *err)
{
	AUTO_FREE char *program =
		path_join(a->config->program_directory, program_name(a, c->service));
	const char *const argv[] = {
		program, c->service == SERVICE_ASK ? "--ask" : "--notify", NULL};
	/* A terminal asks on what would be its standard input and output. */
	const struct child_fd fds[] = {{c->fd, 0}, {2, 2}, {0, 3}, {1, 4}};
	const char *environment[32] = {NULL};
	size_t count = make_environment(environment);
	struct child_config config = CHILD_CONFIG_INIT;
	pid_t pid;

	config.argv = argv;
	config.environment = environment;
	config.fds = fds;
	config.fd_count = a->config->tty ? 4 : 2;
	config.keep_session = a->config->tty;
	config.die_with_parent = true;
	pid = child_start(&config, err);
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)environment[i]);
	return pid;
}

static void
show(struct connection *c)
{
	AUTO_ERR struct err err = ERR_INIT;
	pid_t pid = start_program(c->agent, c, &err);

	if (pid < 0) {
		drop(c, err_message(&err));
		return;
	}
	/* From here on the descriptor is the process's: it sees when the asker goes. */
	loop_fd_destroy(c->source);
	c->source = NULL;
	close(c->fd);
	c->fd = -1;
	c->child = loop_child_create(c->agent->loop, pid, handle_child_end, c);
	if (c->child == NULL)
		fatal("prompt: %s", strerror(errno));
}

/* Shows what may be shown now. */
static void
show_next(struct agent *a)
{
	struct connection *c, *following;

	list_for_each_safe (c, following, &a->connections, link) {
		bool tty = a->config->tty;

		if (c->child != NULL || c->service == SERVICE_UNKNOWN)
			continue;
		if (c->service == SERVICE_ASK || tty) {
			if (count_shown(a, SERVICE_ASK) == 0 &&
				(!tty || count_shown(a, SERVICE_NOTIFY) == 0))
				show(c);
		} else if (count_shown(a, SERVICE_NOTIFY) < AGENT_MAX_NOTICES) {
			show(c);
		} else {
			connection_free(c);
		}
	}
}

/* "policy.Ask dom0" with or without an argument's "+" and " name dom0": only dom0 may ask. */
static enum service
parse_header(char *untrusted_header)
{
	char *source = strchr(untrusted_header, ' ');

	if (source == NULL)
		return SERVICE_UNKNOWN;
	*source++ = '\0';
	if (!text_equal(source, "dom0") && !text_starts_with(source, "dom0 "))
		return SERVICE_UNKNOWN;
	if (text_equal(untrusted_header, "policy.Ask") ||
		text_equal(untrusted_header, "policy.Ask+"))
		return SERVICE_ASK;
	if (text_equal(untrusted_header, "policy.Notify") ||
		text_equal(untrusted_header, "policy.Notify+"))
		return SERVICE_NOTIFY;
	return SERVICE_UNKNOWN;
}

/*
 * The header ends with a NUL; what follows is left for the process that shows it. Bytes that do
 * not hold it yet are looked at again when more come.
 */
static void
handle_header(struct connection *c)
{
	char bytes[HEADER_MAX];
	ssize_t count = recv(c->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	const char *end = count > 0 ? memchr(bytes, '\0', (size_t)count) : NULL;
	struct agent *a = c->agent;

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (end == NULL && count > 0 && count < HEADER_MAX)
		return;
	if (end == NULL || recv(c->fd, bytes, (size_t)(end - bytes) + 1, 0) != end - bytes + 1) {
		drop(c, "no header");
		return;
	}
	c->service = parse_header(bytes);
	if (c->service == SERVICE_UNKNOWN) {
		drop(c, "the header names no service of ours, or another caller than dom0");
		return;
	}
	loop_timer_stop(c->timer);
	loop_fd_set_events(c->source, 0);
	show_next(a);
}

static void
handle_connection(struct loop_fd *source, uint32_t events, void *data)
{
	struct connection *c = data;

	(void)source;
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		connection_free(c); /* went away while it waited */
	else if (c->service == SERVICE_UNKNOWN)
		handle_header(c);
}

static void
handle_header_timeout(struct loop_timer *timer, void *data)
{
	(void)timer;
	drop(data, "the header does not come");
}

static void
handle_accept(struct loop_fd *source, uint32_t events, void *data)
{
	struct agent *a = data;
	int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC);
	struct connection *c;

	(void)source;
	(void)events;
	if (fd < 0)
		return;
	if (a->count == AGENT_MAX_WAITING) {
		log_warning("request refused: %zu are waiting", a->count);
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct connection){.agent = a, .fd = fd};
	list_append(&a->connections, &c->link);
	a->count++;
	/* By edges: an unfinished header is no reason to look again. */
	c->source = loop_fd_create(a->loop, fd, EPOLLIN | EPOLLET, handle_connection, c);
	c->timer = loop_timer_create(a->loop, handle_header_timeout, c);
	if (c->source == NULL || c->timer == NULL) {
		drop(c, strerror(errno));
		return;
	}
	loop_timer_start(c->timer, AGENT_HEADER_TIMEOUT_MS);
}

struct agent *
agent_create(struct loop *loop, const struct agent_config *config, struct err *err)
{
	struct agent *a = xcalloc(1, sizeof(*a));

	*a = (struct agent){.loop = loop, .config = config};
	list_init(&a->connections);
	a->fd = socket_listen(config->socket_path, SOCKET_MODE, err);
	if (a->fd < 0) {
		free(a);
		return NULL;
	}
	fd_set_nonblocking(a->fd, 1);
	a->source = loop_fd_create(loop, a->fd, EPOLLIN, handle_accept, a);
	if (a->source == NULL) {
		err_set_errno(err, errno, "socket '%s'", config->socket_path);
		agent_destroy(a);
		return NULL;
	}
	return a;
}

void
agent_destroy(struct agent *a)
{
	struct connection *c, *following;

	if (a == NULL)
		return;
	list_for_each_safe (c, following, &a->connections, link)
		connection_free(c);
	loop_fd_destroy(a->source);
	close(a->fd);
	unlink(a->config->socket_path);
	free(a);
}
