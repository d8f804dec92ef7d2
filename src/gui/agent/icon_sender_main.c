/*
 * icon-sender: shows the host which icons the programs of the qube have for their windows, by the
 * service qubes.WindowIconUpdater of dom0 (spec gui.md 6.8). Runs in a qube beside gui-agent, as
 * the person's user. The call is made when there is the first icon, and again when it has ended:
 * then all icons are sent anew.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xcb/xcb.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "gui/agent/icon_choice.h"

#define PROPERTY_WORDS_MAX (2U << 20)
#define RECORD_MAX_BYTES (ICON_EDGE_MAX * ICON_EDGE_MAX * 4 + 64)
#define RETRY_MIN_MS 2000
#define RETRY_MAX_MS 60000
/* A call that lasted so long was no refusal. */
#define STABLE_MS 30000

struct sender {
	struct loop *loop;
	xcb_connection_t *x;
	xcb_window_t root;
	xcb_atom_t icon;
	const char *const *command;

	struct loop_child *call; /* NULL: none */
	int fd;                  /* its standard input */
	struct loop_timer *retry;
	uint64_t delay_ms, called_ms;
	bool may_call; /* not while the last call has just failed */
};

static void
close_input(struct sender *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void
handle_call_end(struct loop_child *child, int wait_status, void *data)
{
	struct sender *s = data;

	(void)wait_status;
	loop_child_destroy(child);
	s->call = NULL;
	close_input(s);
	if (loop_now_ms() - s->called_ms > STABLE_MS)
		s->delay_ms = RETRY_MIN_MS;
	s->may_call = false;
	loop_timer_start(s->retry, s->delay_ms);
	s->delay_ms = s->delay_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->delay_ms * 2;
}

static int
start_call(struct sender *s)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct child_config config = CHILD_CONFIG_INIT;
	struct child_fd fds[2] = {{-1, 0}, {2, 2}};
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		return -errno;
	fds[0].source = ends[0];
	config.argv = s->command;
	config.fds = fds;
	config.fd_count = 2;
	config.die_with_parent = true;
	pid = child_start(&config, &err);
	close(ends[0]);
	s->fd = ends[1];
	s->called_ms = loop_now_ms();
	if (pid > 0)
		s->call = loop_child_create(s->loop, pid, handle_call_end, s);
	if (s->call == NULL) {
		log_warning("icons: %s", pid < 0 ? err_message(&err) : "no memory");
		close_input(s);
		s->may_call = false;
		return -EIO;
	}
	return 0;
}

/* A host that has hung up is noticed by the end of the call. */
static void
send_icon(struct sender *s, xcb_window_t window, const struct icon_picture *picture)
{
	AUTO_BUF struct buf b;

	if (!s->may_call || (s->call == NULL && start_call(s) < 0) || s->fd < 0)
		return;
	buf_init(&b, RECORD_MAX_BYTES);
	if (icon_put_record(&b, window, picture) < 0)
		return;
	if (write_all(s->fd, buf_data(&b), buf_len(&b)) < 0)
		close_input(s);
}

static void
look_at(struct sender *s, xcb_window_t window)
{
	xcb_get_property_reply_t *reply = xcb_get_property_reply(s->x,
		xcb_get_property(
			s->x, 0, window, s->icon, XCB_ATOM_CARDINAL, 0, PROPERTY_WORDS_MAX),
		NULL);
	struct icon_picture picture;

	if (reply == NULL)
		return;
	if (reply->format == 32 &&
		icon_choose(xcb_get_property_value(reply),
			(size_t)xcb_get_property_value_length(reply) / 4, &picture) == 0)
		send_icon(s, window, &picture);
	free(reply);
}

static void
watch(struct sender *s, xcb_window_t window)
{
	const uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE;

	xcb_change_window_attributes(s->x, window, XCB_CW_EVENT_MASK, &events);
	look_at(s, window);
}

static void
look_at_all(struct sender *s)
{
	xcb_query_tree_reply_t *tree =
		xcb_query_tree_reply(s->x, xcb_query_tree(s->x, s->root), NULL);
	const xcb_window_t *children;

	if (tree == NULL)
		return;
	children = xcb_query_tree_children(tree);
	for (int i = 0; i < xcb_query_tree_children_length(tree); i++)
		watch(s, children[i]);
	free(tree);
}

static void
handle_event(struct sender *s, const xcb_generic_event_t *event)
{
	const xcb_create_notify_event_t *created = (const void *)event;
	const xcb_property_notify_event_t *changed = (const void *)event;

	switch (event->response_type & 0x7f) {
	case XCB_CREATE_NOTIFY:
		watch(s, created->window);
		break;
	case XCB_PROPERTY_NOTIFY:
		if (changed->atom == s->icon)
			look_at(s, changed->window);
		break;
	default:
		break;
	}
}

static void
take_events(struct sender *s)
{
	xcb_generic_event_t *event;

	while ((event = xcb_poll_for_event(s->x)) != NULL) {
		handle_event(s, event);
		free(event);
	}
	xcb_flush(s->x);
	if (xcb_connection_has_error(s->x) != 0)
		loop_quit(s->loop, 1);
}

static void
handle_x(struct loop_fd *source, uint32_t events, void *data)
{
	(void)source;
	(void)events;
	take_events(data);
}

static void
handle_retry(struct loop_timer *timer, void *data)
{
	struct sender *s = data;

	(void)timer;
	s->may_call = true;
	look_at_all(s);
	/* What came with the answers is in the library's queue, where it wakes nobody. */
	take_events(s);
}

static void
connect_to_x(struct sender *s)
{
	static const char name[] = "_NET_WM_ICON";
	const uint32_t events = XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY;
	xcb_intern_atom_reply_t *reply;

	s->x = xcb_connect(NULL, NULL);
	if (xcb_connection_has_error(s->x) != 0)
		fatal("no X server");
	s->root = xcb_setup_roots_iterator(xcb_get_setup(s->x)).data->root;
	reply = xcb_intern_atom_reply(s->x, xcb_intern_atom(s->x, 0, sizeof(name) - 1, name), NULL);
	if (reply == NULL)
		fatal("the X server does not answer");
	s->icon = reply->atom;
	free(reply);
	xcb_change_window_attributes(s->x, s->root, XCB_CW_EVENT_MASK, &events);
}

int
main(int argc, char **argv)
{
	static const char *const usual[] = {
		"qrexec-client-vm", "dom0", "qubes.WindowIconUpdater", NULL};
	struct sender s = {.fd = -1, .delay_ms = RETRY_MIN_MS, .may_call = true};
	bool is_help = argc == 2 && text_equal(argv[1], "--help");
	struct loop_fd *source;

	log_init("icon-sender");
	if (is_help || (argc > 1 && argv[1][0] == '-')) {
		fputs("usage: icon-sender [COMMAND [ARGUMENT ...]]\n", is_help ? stdout : stderr);
		return is_help ? 0 : 2;
	}
	s.command = argc > 1 ? (const char *const *)(argv + 1) : usual;
	signal(SIGPIPE, SIG_IGN);
	connect_to_x(&s);
	s.loop = loop_create();
	if (s.loop == NULL)
		fatal("event loop: %s", strerror(errno));
	s.retry = loop_timer_create(s.loop, handle_retry, &s);
	source = loop_fd_create(s.loop, xcb_get_file_descriptor(s.x), EPOLLIN, handle_x, &s);
	if (s.retry == NULL || source == NULL)
		fatal("event loop: %s", strerror(errno));
	handle_retry(s.retry, &s);
	return loop_run(s.loop);
}
