/*
 * qvm-start-daemon --watch against an Admin API of the test's own: which daemons it starts, with
 * what, when it ends them, and what it tells qubes. The programs that it starts are this test by
 * other names, which write down what they were told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "fake_api.h"
#include "gui/notices/notice.h"
#include "harness.h"

#define LOG_MAX_BYTES 65536
#define TRIES 4000
#define TRY_US 5000
#define CALLS_FD 3

/* --- the programs that are started --- */

static void write_down(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
write_down(const char *format, ...)
{
	AUTO_FREE char *path = root_path("/log");
	/* Not made here: a program that is late must not disturb the removal of the directory. */
	AUTO_FD int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	char line[2048];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (fd < 0 || length < 0 || write_all(fd, line, (size_t)length) < 0)
		_exit(9);
}

static void
write_down_arguments(const char *what, int argc, char **argv)
{
	char line[1024] = "";

	for (int i = 1; i < argc; i++) {
		size_t used = strlen(line);

		snprintf(line + used, sizeof(line) - used, " %s", argv[i]);
	}
	write_down("%s%s\n", what, line);
}

/* Stays until it is killed; says what comes over the socket for calls. */
static int
be_gui_daemon(int argc, char **argv)
{
	write_down_arguments("daemon", argc, argv);
	write_down("pid %s %d\n", argv[2], (int)getpid());
	for (;;) {
		char byte, text[64] = "";
		int fd = -1;

		if (socket_receive_fd(CALLS_FD, &byte, 1, &fd) <= 0)
			return 0;
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
			write_down("icons %s %s\n", argv[2], text);
		close(fd);
	}
}

static int
be_qrexec_client(int argc, char **argv)
{
	char text[512] = "";
	ssize_t size = read(0, text, sizeof(text) - 1);

	for (ssize_t i = 0; i < size; i++)
		text[i] = text[i] == '\n' ? '|' : text[i];
	write_down("call %s %s: %s\n", argv[2], argc > 3 ? argv[3] : "", text);
	return 0;
}

static int
be_notify_send(int argc, char **argv)
{
	write_down_arguments("shown", argc, argv);
	return 0;
}

/* --- the test --- */

/* base/path.h looks at the variable once, but each test has a root of its own. */
static char *
in_root(const char *path)
{
	return text_format("%s%s", getenv("BULKHEAD_ROOT"), path);
}

struct fixture {
	struct harness h;
	pid_t launcher;
};

static char *
read_log(void)
{
	AUTO_FREE char *path = in_root("/log");
	char *text = NULL;

	if (read_file(path, LOG_MAX_BYTES, &text, NULL, NULL) < 0)
		return text_copy("");
	return text;
}

static bool
has_line(const char *part)
{
	AUTO_FREE char *log = read_log();

	return strstr(log, part) != NULL;
}

static void
await_line(const char *part)
{
	for (int i = 0; i < TRIES && !has_line(part); i++)
		usleep(TRY_US);
	if (!has_line(part))
		fail_msg("never written down: '%s'", part);
}

/* Of the daemon that was started last for the qube. */
static pid_t
pid_of(const char *qube)
{
	AUTO_FREE char *log = read_log();
	AUTO_FREE char *key = text_format("pid %s ", qube);
	const char *at = log, *found = NULL;

	while ((at = strstr(at, key)) != NULL)
		found = at++;
	return found == NULL ? -1 : (pid_t)strtol(found + strlen(key), NULL, 10);
}

static pid_t
await_other_pid(const char *qube, pid_t before)
{
	for (int i = 0; i < TRIES; i++) {
		if (pid_of(qube) > 0 && pid_of(qube) != before)
			return pid_of(qube);
		usleep(TRY_US);
	}
	fail_msg("no (other) daemon of '%s'", qube);
	return -1;
}

static void
await_end(pid_t pid)
{
	for (int i = 0; i < TRIES && !process_has_ended(pid); i++)
		usleep(TRY_US);
	assert_true(process_has_ended(pid));
}

static void
link_programs(const char *directory)
{
	static const char *const names[] = {"gui-daemon", "qrexec-client", "notify-send"};
	AUTO_FREE char *filter = path_join(directory, "notification-filter");
	AUTO_FREE char *path = text_format("%s:%s", directory, getenv("PATH"));
	char own[512];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

	assert_true(length > 0);
	own[length] = '\0';
	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *name = path_join(directory, names[i]);

		assert_int_equal(symlink(own, name), 0);
	}
	assert_int_equal(symlink(NOTIFICATION_FILTER, filter), 0);
	setenv("PATH", path, 1);
	setenv("BULKHEAD_WINDOWS_PROGRAMS", directory, 1);
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	AUTO_FREE char *run = NULL;
	AUTO_FREE char *log = NULL;
	AUTO_FREE char *lines = NULL;

	harness_start(&f->h, 1280, 1024);
	run = in_root("/run/qubes");
	log = in_root("/var/log/qubes");
	assert_int_equal(make_directories(run, 0700, NULL), 0);
	assert_int_equal(make_directories(log, 0700, NULL), 0);
	lines = in_root("/log");
	assert_int_equal(write_file(lines, "", 0, 0600, NULL), 0);
	link_programs(f->h.directory);
	fake_api_start();
	*state = f;
	return 0;
}

static void
end_launcher(struct fixture *f)
{
	int status;

	if (f->launcher <= 0)
		return;
	kill(f->launcher, SIGTERM);
	assert_int_equal(waitpid(f->launcher, &status, 0), f->launcher);
	assert_int_equal(status, 0);
	f->launcher = 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	end_launcher(f);
	fake_api_stop();
	harness_stop(&f->h);
	free(f);
	return 0;
}

static void
start_launcher(struct fixture *f)
{
	static const char *const argv[] = {QVM_START_DAEMON, "--watch", NULL};
	const struct child_fd fds[] = {{2, 2}};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;

	config.argv = argv;
	config.fds = fds;
	config.fd_count = 1;
	config.die_with_parent = true;
	f->launcher = child_start(&config, &err);
	assert_true(f->launcher > 0);
}

/* What ran before the launcher, what starts and stops after; what a qube's features say. */
static void
test_follows_qubes(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *config_path = in_root("/run/qubes/guid-conf.5");
	AUTO_FREE char *config = NULL;
	pid_t work;

	fake_api_set_running("work", true);
	fake_api_set_feature("work", "gui-allow-fullscreen", "1");
	fake_api_set_feature("work", "gui-trayicon-mode", "no such mode\"; x");
	fake_api_set_feature("dom0", "gui-default-windows-count-limit", "77");
	start_launcher(f);
	await_line("daemon -N work -c 0x3465a4 -l 6 -C ");
	await_line("-d 5 -T -q -f --icons-fd 3");
	assert_int_equal(read_file(config_path, 4096, &config, NULL, NULL), 0);
	assert_string_equal(
		config, "global: {\n  allow_fullscreen = true;\n  windows_count_limit = 77;\n}\n");
	await_line("call work DEFAULT:QUBESRPC qubes.SetMonitorLayout dom0: 1280 1024 0 0");
	work = await_other_pid("work", -1);
	fake_api_await_follower();
	fake_api_set_running("personal", true);
	fake_api_send_event("personal", "domain-start");
	await_line("daemon -N personal -c 0xedd400 -l 3 ");
	await_other_pid("personal", -1);
	fake_api_set_running("work", false);
	fake_api_send_event("work", "domain-shutdown");
	await_end(work);
	assert_false(process_has_ended(pid_of("personal")));
	end_launcher(f);
	await_end(pid_of("personal"));
}

/* What is kept ready has no daemon until it is used, and then at once. */
static void
test_unused(void **state)
{
	struct fixture *f = *state;

	fake_api_set_unused(true);
	fake_api_set_running("work", true);
	fake_api_set_running("personal", true);
	start_launcher(f);
	await_line("daemon -N work ");
	fake_api_await_follower();
	fake_api_send_event("personal", "domain-start");
	fake_api_set_running("work", false);
	fake_api_send_event("work", "domain-shutdown");
	await_end(pid_of("work"));
	assert_false(has_line("daemon -N personal "));
	fake_api_set_unused(false);
	fake_api_send_event("personal", "property-reset:is_preload");
	await_line("daemon -N personal ");
}

/* No windows, no daemon; an icon of a qube that nobody shows does not stay. */
static void
test_without_windows(void **state)
{
	struct fixture *f = *state;

	fake_api_set_running("work", true);
	fake_api_set_running("personal", true);
	fake_api_set_feature("work", "gui", "");
	start_launcher(f);
	await_line("daemon -N personal ");
	assert_false(has_line("daemon -N work "));
}

/* A daemon that dies is started again, one that ended well is not; so after a new bulkheadd. */
static void
test_restarts(void **state)
{
	struct fixture *f = *state;
	pid_t first, second;

	fake_api_set_running("work", true);
	start_launcher(f);
	first = await_other_pid("work", -1);
	kill(first, SIGKILL);
	second = await_other_pid("work", first);
	assert_false(process_has_ended(second));
	fake_api_await_follower();
	fake_api_hang_up();
	fake_api_await_follower();
	fake_api_set_running("personal", true);
	fake_api_send_event("personal", "domain-start");
	await_line("daemon -N personal ");
	assert_int_equal(pid_of("work"), second);
	assert_false(process_has_ended(second));
}

static int
call(const char *socket_path, const char *head, size_t size)
{
	AUTO_FREE char *path = in_root(socket_path);
	AUTO_ERR struct err err = ERR_INIT;
	int fd = -1;

	for (int i = 0; i < TRIES && fd < 0; i++) {
		fd = socket_connect(path, &err);
		usleep(TRY_US);
	}
	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, head, size), 0);
	return fd;
}

static int
call_icons(const char *head, size_t size)
{
	return call("/run/qubes/window-icons.sock", head, size);
}

static void
assert_hung_up(int fd)
{
	char byte;

	/* A reset, if there was something left to read. */
	assert_true(read(fd, &byte, 1) <= 0);
	close(fd);
}

/* Calls that bring icons get to the daemon of their qube, whole, and to no other. */
static void
test_icons(void **state)
{
	static const char head[] = "qubes.WindowIconUpdater+ work keyword adminvm";
	static const char of_nobody[] = "qubes.WindowIconUpdater+ other keyword adminvm";
	static const char wrong[] = "qubes.Filecopy+ work keyword adminvm";
	struct fixture *f = *state;
	char much[1024];
	int fd;

	fake_api_set_running("work", true);
	start_launcher(f);
	await_other_pid("work", -1);
	assert_hung_up(call_icons(of_nobody, sizeof(of_nobody)));
	assert_hung_up(call_icons(wrong, sizeof(wrong)));
	memset(much, 'x', sizeof(much));
	assert_hung_up(call_icons(much, sizeof(much)));
	assert_hung_up(call_icons("", 1));
	/* The head in two pieces, the qube's bytes behind it. */
	fd = call_icons(head, 10);
	usleep(50000);
	assert_int_equal(write_all(fd, head + 10, sizeof(head) - 10), 0);
	assert_int_equal(write_all(fd, "17\n", 3), 0);
	await_line("icons work 17\n");
	assert_hung_up(fd);
}

static int
call_notices(void)
{
	static const char head[] = "qubes.Notifications+ work keyword adminvm";
	static const uint8_t version[4] = {0, 0, 1, 0};
	uint8_t theirs[4];
	int fd = call("/run/qubes/notifications.sock", head, sizeof(head));

	assert_int_equal(read_exactly(fd, theirs, sizeof(theirs)), 0);
	assert_memory_equal(theirs, version, sizeof(version));
	assert_int_equal(write_all(fd, version, sizeof(version)), 0);
	return fd;
}

static void
send_notice(int fd, const char *summary, const char *body)
{
	static struct notice notice = {.urgency = NOTICE_NORMAL};
	AUTO_BUF struct buf b;

	snprintf(notice.untrusted_summary, sizeof(notice.untrusted_summary), "%s", summary);
	snprintf(notice.untrusted_body, sizeof(notice.untrusted_body), "%s", body);
	buf_init(&b, NOTICE_RECORD_MAX);
	assert_int_equal(notice_put(&b, &notice), 0);
	assert_int_equal(write_all(fd, buf_data(&b), buf_len(&b)), 0);
}

/* With the qube's name, without markup or options; a flood is cut short; nonsense ends the call. */
static void
test_notices(void **state)
{
	struct fixture *f = *state;
	int fd, other, shown = 0;

	fake_api_set_running("work", true);
	start_launcher(f);
	await_other_pid("work", -1);
	fd = call_notices();
	send_notice(fd, "--help", "<b>1 & 2</b>\x1b");
	await_line("shown --app-name=Bulkhead --urgency=normal --icon=appvm-blue -- "
		   "[work] --help &lt;b&gt;1 &amp; 2&lt;/b&gt;_\n");
	for (int i = 0; i < 100; i++)
		send_notice(fd, "flood", "");
	usleep(1100000);
	send_notice(fd, "after the flood", "");
	await_line("[work] after the flood");
	{
		AUTO_FREE char *log = read_log();

		for (const char *at = log; (at = strstr(at, "[work] flood")) != NULL; at++)
			shown++;
	}
	assert_in_range(shown, 1, 2 * 5);
	/* A new call ends the one before; nonsense ends the new one. */
	other = call_notices();
	assert_hung_up(fd);
	assert_int_equal(write_all(other, "\xff\xff\xff\xff", 4), 0);
	assert_hung_up(other);
	other = call_notices();
	send_notice(other, "again", "");
	await_line("[work] again");
	close(other);
}

static void
run_setxkbmap(const char *layout, const char *variant)
{
	const char *argv[] = {
		"setxkbmap", "-layout", layout, "-variant", variant, "-option", "", NULL};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;

	config.argv = argv;
	assert_int_equal(child_run(&config, 1024, NULL, &err), 0);
}

/* The host's layout becomes dom0's property; the qubes hear of it when that has changed. */
static void
test_keyboard(void **state)
{
	struct fixture *f = *state;

	if (access("/usr/bin/setxkbmap", X_OK) != 0)
		skip();
	run_setxkbmap("us", "");
	fake_api_set_running("work", true);
	start_launcher(f);
	await_line("daemon -N work ");
	fake_api_await_follower();
	/* What every qube begins with needs no call. */
	assert_false(has_line("SetKeyboardLayout"));
	run_setxkbmap("de,us", "nodeadkeys,");
	for (int i = 0; i < TRIES && !text_equal(fake_api_layout(), "de+nodeadkeys+"); i++)
		usleep(TRY_US);
	assert_string_equal(fake_api_layout(), "de+nodeadkeys+");
	fake_api_send_event("dom0", "property-set:keyboard_layout");
	await_line("call work DEFAULT:QUBESRPC bulkhead.SetKeyboardLayout dom0: de+nodeadkeys+\n");
	run_setxkbmap("us", "");
	for (int i = 0; i < TRIES && !text_equal(fake_api_layout(), "us++"); i++)
		usleep(TRY_US);
	fake_api_send_event("dom0", "property-set:keyboard_layout");
	await_line("call work DEFAULT:QUBESRPC bulkhead.SetKeyboardLayout dom0: us++\n");
}

/* The display goes: so do the daemons. The launcher stays, and needs no second start. */
static void
test_display_goes(void **state)
{
	struct fixture *f = *state;
	pid_t work;

	fake_api_set_running("work", true);
	start_launcher(f);
	work = await_other_pid("work", -1);
	fake_api_await_follower();
	kill(f->h.x_server, SIGKILL);
	await_end(work);
	assert_int_equal(waitpid(f->launcher, NULL, WNOHANG), 0);
}

int
main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_follows_qubes),
		TEST(test_unused),
		TEST(test_without_windows),
		TEST(test_restarts),
		TEST(test_icons),
		TEST(test_notices),
		TEST(test_keyboard),
		TEST(test_display_goes),
	};

	if (text_ends_with(argv[0], "/gui-daemon"))
		return be_gui_daemon(argc, argv);
	if (text_ends_with(argv[0], "/qrexec-client"))
		return be_qrexec_client(argc, argv);
	if (text_ends_with(argv[0], "notify-send"))
		return be_notify_send(argc, argv);
	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
