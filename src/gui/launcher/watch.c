/*
 * Following the qubes: the stream of events, a gui-daemon for each, again after a crash, and all
 * of them anew when the display or bulkheadd come back.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "gui/daemon/daemon.h"
#include "gui/launcher/callers.h"
#include "gui/launcher/keyboard.h"
#include "gui/launcher/notices.h"
#include "gui/launcher/qube_call.h"
#include "gui/launcher/watch.h"
#include "tools/lib/admin_client.h"
#include "tools/lib/admin_connection.h"
#include "tools/lib/qubes.h"

#define RETRY_MS 1000
#define RESTART_MIN_MS 500
#define RESTART_MAX_MS 30000
/* A daemon that lived so long did not fail at its start. */
#define STABLE_MS 30000

struct shown {
	struct list link; /* watch.shown */
	struct watch *watch;
	char *name;
	struct loop_child *child; /* NULL between two */
	int calls_fd;             /* to the daemon: calls of the qube to us; -1 without */
	struct notices *notices;  /* of the qube, its newest call; or NULL */
	char *label;              /* or NULL: not known yet */
	bool told_layout;         /* of the keyboard, that is not the one it begins with */
	struct loop_timer *restart;
	uint64_t delay_ms, started_ms;
	bool monitor_layout;
};

struct watch {
	const struct launcher_options *options;
	struct loop *loop;
	struct list shown;               /* shown.link */
	struct monitors *monitors;       /* NULL: no display */
	struct keyboard *keyboard;       /* NULL too when it tells nothing */
	struct callers *icons, *notices; /* NULL: nobody can call */
	struct admin_connection *events; /* NULL: no daemon */
	struct loop_fd *events_source;
	struct loop_timer *retry;
};

static void start_shown(struct shown *s);

static struct shown *
find_shown(struct watch *w, const char *name)
{
	struct shown *s;

	list_for_each (s, &w->shown, link) {
		if (text_equal(s->name, name))
			return s;
	}
	return NULL;
}

static void
close_calls(struct shown *s)
{
	if (s->calls_fd >= 0)
		close(s->calls_fd);
	s->calls_fd = -1;
}

static void
forget_shown(struct shown *s)
{
	close_calls(s);
	notices_stop(s->notices);
	free(s->label);
	if (s->child != NULL)
		loop_child_signal(s->child, SIGTERM);
	loop_child_destroy(s->child);
	loop_timer_destroy(s->restart);
	list_remove(&s->link);
	free(s->name);
	free(s);
}

static void
forget_all(struct watch *w)
{
	struct shown *s, *following;

	list_for_each_safe (s, following, &w->shown, link)
		forget_shown(s);
}

static void
handle_restart(struct loop_timer *timer, void *data)
{
	(void)timer;
	start_shown(data);
}

static void
handle_daemon_end(struct loop_child *child, int wait_status, void *data)
{
	struct shown *s = data;

	loop_child_destroy(child);
	s->child = NULL;
	close_calls(s);
	if (WIFEXITED(wait_status) &&
		(WEXITSTATUS(wait_status) == 0 || WEXITSTATUS(wait_status) == GUI_EXIT_VIOLATION)) {
		if (WEXITSTATUS(wait_status) == GUI_EXIT_VIOLATION)
			log_qube_message(LOG_LEVEL_ERROR, s->name,
				"gui-daemon gave the qube up: it broke the protocol");
		return;
	}
	if (loop_now_ms() - s->started_ms > STABLE_MS)
		s->delay_ms = RESTART_MIN_MS;
	log_qube_message(LOG_LEVEL_ERROR, s->name, "gui-daemon ended, starting it again");
	loop_timer_start(s->restart, s->delay_ms);
	s->delay_ms = s->delay_ms * 2 > RESTART_MAX_MS ? RESTART_MAX_MS : s->delay_ms * 2;
}

/* Every qube begins with the same layout: only another one has to be told. */
static void
tell_layout(struct shown *s, const char *layout)
{
	if (layout == NULL || (!s->told_layout && text_equal(layout, KEYBOARD_LAYOUT_DEFAULT)))
		return;
	s->told_layout = true;
	qube_call_start(
		s->watch->loop, s->name, "bulkhead.SetKeyboardLayout", layout, strlen(layout));
}

/* The daemon, and a pair of sockets over which it gets calls of its qube. */
static pid_t
start_daemon(struct shown *s, const struct gui_qube *q, struct err *err)
{
	int ends[2] = {-1, -1};
	pid_t pid;

	close_calls(s);
	if (socket_pair(ends) < 0)
		log_qube_message(LOG_LEVEL_WARNING, s->name, "its windows have no icons");
	pid = launcher_start_daemon(q, true, ends[1], s->watch->options, err);
	if (ends[1] >= 0)
		close(ends[1]);
	s->calls_fd = ends[0];
	return pid;
}

static void
start_shown(struct shown *s)
{
	struct watch *w = s->watch;
	AUTO_ERR struct err err = ERR_INIT;
	struct gui_qube q;
	pid_t pid = -1;
	bool wanted, is_unused;

	if (w->monitors == NULL)
		return;
	if (gui_qube_load(&q, s->name, &err) == 0 && q.wanted)
		pid = start_daemon(s, &q, &err);
	wanted = err.code != 0 || q.wanted;
	is_unused = q.unused;
	s->monitor_layout = q.monitor_layout;
	if (pid >= 0) {
		tell_layout(s, q.keyboard_layout);
		free(s->label);
		s->label = text_copy(q.label_name);
	}
	gui_qube_finish(&q);
	if (pid < 0) {
		if (wanted)
			log_qube_message(LOG_LEVEL_ERROR, s->name, "%s", err_message(&err));
		/* It is looked at again when somebody uses it. */
		if (is_unused)
			forget_shown(s);
		return;
	}
	s->started_ms = loop_now_ms();
	s->child = loop_child_create(w->loop, pid, handle_daemon_end, s);
	if (s->monitor_layout)
		monitors_send(w->monitors, s->name);
}

static bool
is_excluded(const struct launcher_options *o, const char *name)
{
	for (size_t i = 0; i < o->excluded_count; i++) {
		if (text_equal(o->excluded[i], name))
			return true;
	}
	return text_equal(name, "dom0");
}

static void
show(struct watch *w, const char *name)
{
	struct shown *s;

	if (is_excluded(w->options, name) || find_shown(w, name) != NULL)
		return;
	s = xcalloc(1, sizeof(*s));
	s->watch = w;
	s->name = text_copy(name);
	s->calls_fd = -1;
	s->delay_ms = RESTART_MIN_MS;
	s->restart = loop_timer_create(w->loop, handle_restart, s);
	list_append(&w->shown, &s->link);
	start_shown(s);
}

static void
show_running(struct watch *w)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_QUBES struct qube_list list = {0};

	if (qubes_load(&list, NULL, 0, &err) < 0) {
		log_error("%s", err_message(&err));
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		if (text_equal(list.items[i].state, "Running"))
			show(w, list.items[i].name);
	}
}

/* What a qube's keyboard is to be, asked anew: its own property, or dom0's behind it. */
static void
tell_layout_again(struct watch *w, const char *name)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct shown *s;
	struct gui_qube q;

	list_for_each (s, &w->shown, link) {
		if (s->child == NULL || (!text_equal(name, "dom0") && !text_equal(name, s->name)))
			continue;
		if (gui_qube_load(&q, s->name, &err) == 0)
			tell_layout(s, q.keyboard_layout);
		gui_qube_finish(&q);
	}
}

static void
handle_event(struct watch *w, const struct admin_event *event)
{
	struct shown *s;

	if (text_equal(event->name, "domain-start") ||
		text_equal(event->name, "property-reset:is_preload")) {
		show(w, event->subject);
	} else if (text_equal(event->name, "domain-stopped") ||
		   text_equal(event->name, "domain-shutdown")) {
		s = find_shown(w, event->subject);
		if (s != NULL)
			forget_shown(s);
	} else if (text_equal(event->name, "property-set:keyboard_layout") ||
		   text_equal(event->name, "property-reset:keyboard_layout")) {
		tell_layout_again(w, event->subject);
	}
}

static void
lose_events(struct watch *w)
{
	loop_fd_destroy(w->events_source);
	w->events_source = NULL;
	admin_connection_close(w->events);
	w->events = NULL;
	loop_timer_start(w->retry, RETRY_MS);
}

static void
handle_events_readable(struct loop_fd *source, uint32_t events, void *data)
{
	struct watch *w = data;
	AUTO_ERR struct err err = ERR_INIT;
	struct admin_event event;
	int result;

	(void)source;
	(void)events;
	result = admin_connection_advance(w->events, &err);
	while (result == 0 && admin_event_parse(&w->events->in, &event) == 0) {
		handle_event(w, &event);
		admin_event_finish(&event);
	}
	if (result < 0 || w->events->ended) {
		log_warning("bulkheadd is gone, waiting for it");
		lose_events(w);
	}
}

static void
follow_events(struct watch *w)
{
	const struct admin_call call = {.method = "admin.Events", .destination = "dom0"};
	AUTO_ERR struct err err = ERR_INIT;

	w->events = admin_connection_open(&call, &err);
	if (w->events == NULL || admin_connection_advance(w->events, &err) < 0) {
		log_debug("%s", err_message(&err));
		lose_events(w);
		return;
	}
	w->events_source =
		loop_fd_create(w->loop, w->events->read_fd, EPOLLIN, handle_events_readable, w);
	show_running(w);
}

static void
handle_layout_changed(void *data)
{
	struct watch *w = data;
	struct shown *s;

	list_for_each (s, &w->shown, link) {
		if (s->child == NULL)
			continue;
		loop_child_signal(s->child, SIGHUP);
		if (s->monitor_layout)
			monitors_send(w->monitors, s->name);
	}
}

/* The person's keyboard is another one: all qubes that follow it hear of it by the event. */
static void
handle_keyboard_layout(void *data, const char *layout)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *before = NULL;

	(void)data;
	if (admin_call("admin.vm.property.Get", "keyboard_layout", "dom0", NULL, &before, &err) ==
			0 &&
		text_ends_with(before, layout) &&
		before[strlen(before) - strlen(layout) - 1] == ' ')
		return;
	err_clear(&err);
	if (admin_call("admin.vm.property.Set", "keyboard_layout", "dom0", layout, NULL, &err) < 0)
		log_warning("keyboard layout '%s': %s", layout, err_message(&err));
}

/* A call of a qube that brings icons belongs to the qube's daemon. */
static void
handle_icons(void *data, const char *qube, int fd)
{
	struct shown *s = find_shown(data, qube);

	if (s == NULL || s->calls_fd < 0 || socket_send_fd(s->calls_fd, "i", 1, fd) < 0)
		log_qube_message(LOG_LEVEL_DEBUG, qube, "icons: nobody shows its windows");
	close(fd);
}

static void
handle_notices(void *data, const char *qube, int fd)
{
	struct watch *w = data;
	struct shown *s = find_shown(w, qube);

	if (s == NULL || s->label == NULL) {
		close(fd);
		return;
	}
	notices_stop(s->notices);
	s->notices = notices_start(w->loop, s->name, s->label, fd);
}

/* Not from within its own callback. */
static void
handle_display_lost(void *data)
{
	struct watch *w = data;

	log_warning("the display is gone, waiting for it");
	forget_all(w);
	loop_timer_start(w->retry, 0);
}

/* Looks for what is missing: the display first, without it nothing can be shown. */
static void
handle_retry(struct loop_timer *timer, void *data)
{
	struct watch *w = data;
	AUTO_ERR struct err err = ERR_INIT;

	if (w->monitors != NULL && list_empty(&w->shown)) {
		keyboard_close(w->keyboard);
		monitors_close(w->monitors);
		w->keyboard = NULL;
		w->monitors = NULL;
	}
	if (w->monitors == NULL) {
		w->monitors =
			monitors_open(w->loop, handle_layout_changed, handle_display_lost, w, &err);
		if (w->monitors == NULL) {
			loop_timer_start(timer, RETRY_MS);
			return;
		}
	}
	if (w->events == NULL)
		follow_events(w);
	else
		show_running(w);
	/* What it says first is for bulkheadd. */
	if (w->keyboard == NULL && w->events != NULL) {
		w->keyboard = keyboard_open(w->loop, handle_keyboard_layout, w, &err);
		if (w->keyboard == NULL)
			log_info("keyboard: %s", err_message(&err));
	}
}

static struct callers *
listen_for(struct watch *w, const char *socket_path, const char *service, callers_callback callback)
{
	AUTO_FREE char *path = root_path("%s", socket_path);
	AUTO_ERR struct err err = ERR_INIT;
	struct callers *c = callers_listen(w->loop, path, service, callback, w, &err);

	if (c == NULL)
		log_warning("service '%s': %s", service, err_message(&err));
	return c;
}

static void
handle_end(struct loop_signal *source, int signal_number, void *data)
{
	struct watch *w = data;

	(void)source;
	(void)signal_number;
	loop_quit(w->loop, 0);
}

static void
write_pid(const char *path)
{
	AUTO_FREE char *text = text_format("%d\n", (int)getpid());
	AUTO_ERR struct err err = ERR_INIT;

	if (path != NULL && write_file(path, text, strlen(text), 0644, &err) < 0)
		log_warning("%s", err_message(&err));
}

int
watch_run(const struct launcher_options *options)
{
	struct watch w = {.options = options, .loop = loop_create()};
	struct loop_signal *term, *interrupt;
	int status;

	if (w.loop == NULL)
		fatal("no event loop: %s", strerror(errno));
	list_init(&w.shown);
	term = loop_signal_create(w.loop, SIGTERM, handle_end, &w);
	interrupt = loop_signal_create(w.loop, SIGINT, handle_end, &w);
	w.retry = loop_timer_create(w.loop, handle_retry, &w);
	write_pid(options->pidfile);
	w.icons = listen_for(&w, CALLERS_ICONS_SOCKET, "qubes.WindowIconUpdater", handle_icons);
	w.notices = listen_for(&w, NOTICES_SOCKET, "qubes.Notifications", handle_notices);
	loop_timer_start(w.retry, 0);
	status = loop_run(w.loop);
	forget_all(&w);
	callers_close(w.icons);
	callers_close(w.notices);
	loop_fd_destroy(w.events_source);
	admin_connection_close(w.events);
	keyboard_close(w.keyboard);
	monitors_close(w.monitors);
	loop_timer_destroy(w.retry);
	loop_signal_destroy(term);
	loop_signal_destroy(interrupt);
	loop_destroy(w.loop);
	return status;
}
