/*
 * gui-agent: options and start-up; see agent.h. Starts as root, which alone may open the window
 * memory, and goes on as the person's user. In tests it gets a memory by descriptor.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xcb/composite.h>
#include <xcb/xfixes.h>
#include <xcb/xtest.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "gui/agent/agent.h"
#include "gui/agent/memory_device.h"
#include "gui/agent/status.h"
#include "vchan/vchan_extra.h"

#define USAGE_STATUS 2
#define X_TIMEOUT_MS 60000
#define X_RETRY_MS 50

struct options {
	const char *display; /* NULL: DISPLAY */
	const char *user;    /* NULL: stay who we are */
	int memory_fd;       /* -1: look for the device */
};

static const int syscalls[] = {VCHAN_SYSCALLS, SYS_sendmsg, SYS_recvmsg, SYS_writev, SYS_readv,
	SYS_pwrite64, SYS_fstat, SYS_stat, SYS_lseek, SYS_uname, SYS_getrandom, SYS_getuid,
	SYS_geteuid, SYS_fcntl, SYS_dup, SYS_dup2};

static void
print_usage(FILE *out)
{
	fputs("usage: gui-agent [OPTION]...\n"
	      "  -d, --display=NAME    the X server (default: $DISPLAY)\n"
	      "  -u, --user=NAME       goes on as this user\n"
	      "      --memory-fd=N     the window memory, instead of a device's\n"
	      "  -h, --help            print this\n"
	      "      --version         print the version\n",
		out);
}

static int
parse_fd(const char *text)
{
	uint64_t number;

	if (text_parse_u64(text, 1000000, &number) < 0) {
		print_usage(stderr);
		exit(USAGE_STATUS);
	}
	return (int)number;
}

static void
parse_options(int argc, char **argv, struct options *options)
{
	enum { OPTION_VERSION = 256, OPTION_MEMORY_FD };
	static const struct option long_options[] = {
		{"display", required_argument, NULL, 'd'},
		{"user", required_argument, NULL, 'u'},
		{"memory-fd", required_argument, NULL, OPTION_MEMORY_FD},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, OPTION_VERSION},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "d:u:h", long_options, NULL)) != -1) {
		switch (option) {
		case 'd':
			options->display = optarg;
			break;
		case 'u':
			options->user = optarg;
			break;
		case OPTION_MEMORY_FD:
			options->memory_fd = parse_fd(optarg);
			break;
		case 'h':
			print_usage(stdout);
			exit(0);
		case OPTION_VERSION:
			puts("gui-agent (Bulkhead) " BULKHEAD_VERSION);
			exit(0);
		default:
			print_usage(stderr);
			exit(USAGE_STATUS);
		}
	}
	if (optind < argc) {
		print_usage(stderr);
		exit(USAGE_STATUS);
	}
}

static int
open_memory(const struct options *options)
{
	AUTO_ERR struct err err = ERR_INIT;
	int fd = options->memory_fd >= 0 ? options->memory_fd : memory_device_open(&err);

	if (fd < 0)
		fatal("%s", err_message(&err));
	return fd;
}

static void
become_user(const char *name)
{
	const struct passwd *user;

	if (name == NULL)
		return;
	user = getpwnam(name);
	if (user == NULL)
		fatal("there is no user '%s'", name);
	if (initgroups(name, user->pw_gid) < 0 ||
		setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
		setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		fatal("cannot become '%s': %s", name, strerror(errno));
}

/* The X server is started beside us: it is there soon. Nothing else is to be done until then. */
static void
connect_to_x(struct agent *a, const struct options *options)
{
	uint64_t end_ms = loop_now_ms() + X_TIMEOUT_MS;
	int number;

	for (;;) {
		a->x = xcb_connect(options->display, &number);
		if (xcb_connection_has_error(a->x) == 0)
			break;
		xcb_disconnect(a->x);
		if (loop_now_ms() > end_ms)
			fatal("the X server does not answer");
		usleep(X_RETRY_MS * 1000);
	}
	a->screen = xcb_setup_roots_iterator(xcb_get_setup(a->x)).data;
}

static const xcb_query_extension_reply_t *
need_extension(struct agent *a, xcb_extension_t *extension, const char *name)
{
	const xcb_query_extension_reply_t *reply = xcb_get_extension_data(a->x, extension);

	if (reply == NULL || !reply->present)
		fatal("the X server has no extension %s", name);
	return reply;
}

static void
init_extensions(struct agent *a)
{
	(void)need_extension(a, &xcb_composite_id, "Composite");
	(void)need_extension(a, &xcb_test_id, "XTEST");
	(void)need_extension(a, &xcb_shm_id, "MIT-SHM");
	a->damage_event = need_extension(a, &xcb_damage_id, "DAMAGE")->first_event;
	a->xfixes_event = need_extension(a, &xcb_xfixes_id, "XFIXES")->first_event;
	free(xcb_composite_query_version_reply(
		a->x, xcb_composite_query_version(a->x, 0, 4), NULL));
	free(xcb_damage_query_version_reply(a->x, xcb_damage_query_version(a->x, 1, 1), NULL));
	free(xcb_xfixes_query_version_reply(a->x, xcb_xfixes_query_version(a->x, 5, 0), NULL));
}

static xcb_window_t
create_own_window(struct agent *a, uint16_t class, uint32_t events)
{
	const uint32_t values[] = {1 /* override redirect */, events};
	xcb_window_t id = xcb_generate_id(a->x);

	xcb_create_window(a->x, XCB_COPY_FROM_PARENT, id, a->screen->root, -1, -1, 1, 1, 0, class,
		XCB_COPY_FROM_PARENT, XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
	return id;
}

/* Programs behave better where somebody says that windows are managed. */
static void
pose_as_window_manager(struct agent *a)
{
	const struct atoms *t = &a->atoms;
	const xcb_atom_t supported[] = {t->_NET_SUPPORTED, t->_NET_SUPPORTING_WM_CHECK,
		t->_NET_WM_MOVERESIZE, t->_NET_WM_STATE, t->_NET_WM_STATE_FULLSCREEN,
		t->_NET_WM_STATE_DEMANDS_ATTENTION, t->_NET_WM_STATE_HIDDEN};
	const xcb_window_t windows[] = {a->screen->root, a->helper};

	for (int i = 0; i < 2; i++)
		xcb_change_property(a->x, XCB_PROP_MODE_REPLACE, windows[i],
			t->_NET_SUPPORTING_WM_CHECK, XCB_ATOM_WINDOW, 32, 1, &a->helper);
	xcb_change_property(a->x, XCB_PROP_MODE_REPLACE, a->helper, t->_NET_WM_NAME, t->UTF8_STRING,
		8, strlen("Bulkhead"), "Bulkhead");
	xcb_change_property(a->x, XCB_PROP_MODE_REPLACE, a->screen->root, t->_NET_SUPPORTED,
		XCB_ATOM_ATOM, 32, sizeof(supported) / sizeof(supported[0]), supported);
}

/*
 * Every child of the root is drawn beside the screen, which nobody sees. Some programs (xterm) tell
 * their wishes only to who redirects requests, as window managers do.
 */
static void
take_over_screen(struct agent *a)
{
	const uint32_t events = XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY |
				XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT |
				XCB_EVENT_MASK_PROPERTY_CHANGE;
	xcb_generic_error_t *error;

	a->helper =
		create_own_window(a, XCB_WINDOW_CLASS_INPUT_ONLY, XCB_EVENT_MASK_PROPERTY_CHANGE);
	a->stub = create_own_window(a, XCB_WINDOW_CLASS_INPUT_ONLY, 0);
	error = xcb_request_check(a->x, xcb_composite_redirect_subwindows_checked(a->x,
						a->screen->root, XCB_COMPOSITE_REDIRECT_MANUAL));
	if (error != NULL)
		fatal("somebody else has the X server's windows already");
	error = xcb_request_check(a->x, xcb_change_window_attributes_checked(
						a->x, a->screen->root, XCB_CW_EVENT_MASK, &events));
	if (error != NULL)
		fatal("the X server has a window manager already");
	pose_as_window_manager(a);
}

static void
init_agent(struct agent *a, const struct options *options, int memory_fd)
{
	AUTO_ERR struct err err = ERR_INIT;

	for (int i = 0; i < WINDOW_HASH_SIZE; i++)
		list_init(&a->windows[i]);
	connect_to_x(a, options);
	init_extensions(a);
	if (atoms_intern(a->x, &a->atoms, &err) < 0)
		fatal("%s", err_message(&err));
	take_over_screen(a);
	if (content_init(a, memory_fd, &err) < 0)
		fatal("%s", err_message(&err));
	input_init(a);
	cursor_init(a);
	tray_init(a);
	a->clipboard = clipboard_create(a);
	a->daemon = daemon_create(a);
	windows_init(a);
	if (sandbox_enter(syscalls, sizeof(syscalls) / sizeof(syscalls[0]), &err) < 0)
		fatal("%s", err_message(&err));
}

static void
handle_x(struct loop_fd *source, uint32_t events, void *data)
{
	/* The loop below looks for events on every turn. */
}

static void
handle_signal(struct loop_signal *source, int signal_number, void *data)
{
	struct agent *a = data;

	a->must_end = true;
}

/*
 * Replies that are waited for, and writing too, bring events along of which the descriptor tells
 * nothing any more. So they are asked for last, and nobody sleeps where there were any.
 */
static void
run(struct agent *a)
{
	while (!a->must_end) {
		bool has_more;

		agent_handle_x_events(a);
		content_flush(a);
		xcb_flush(a->x);
		has_more = agent_handle_x_events(a);
		if (!a->must_end && loop_step(a->loop, has_more ? 0 : -1) < 0)
			agent_fail(a, "event loop failed");
	}
}

int
main(int argc, char **argv)
{
	static struct agent a;
	struct options options = {.memory_fd = -1};
	int memory_fd;

	log_init("gui-agent");
	parse_options(argc, argv, &options);
	signal(SIGPIPE, SIG_IGN);
	memory_fd = open_memory(&options);
	status_open();
	become_user(options.user);
	a.loop = loop_create();
	if (a.loop == NULL || loop_signal_create(a.loop, SIGTERM, handle_signal, &a) == NULL ||
		loop_signal_create(a.loop, SIGINT, handle_signal, &a) == NULL)
		fatal("event loop: %s", strerror(errno));
	init_agent(&a, &options, memory_fd);
	if (loop_fd_create(a.loop, xcb_get_file_descriptor(a.x), EPOLLIN, handle_x, &a) == NULL)
		fatal("event loop: %s", strerror(errno));
	status_write("started");
	notify_ready();
	run(&a);
	input_release_all(&a);
	xcb_flush(a.x);
	daemon_destroy(a.daemon);
	clipboard_destroy(a.clipboard);
	xcb_disconnect(a.x);
	return a.exit_status;
}
