/*
 * The clipboard from one qube to the files and back, by real chords on a virtual display, with a
 * policy that a thread of the test plays (spec gui.md 11, T81 to T97).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "harness.h"

#define SOON_MS 20000
#define QUIET_MS 300

struct policy {
	pthread_t thread;
	int listen_fd;
	const char *answer;
	char question[256];
	unsigned int asked;
	unsigned int delay_ms; /* before it answers */
};

struct bench {
	struct harness h;
	struct policy policy;
};

static void *
play_policy(void *data)
{
	struct policy *p = data;
	int fd;

	while ((fd = accept(p->listen_fd, NULL, NULL)) >= 0) {
		size_t size = 0;
		ssize_t count;

		while ((count = read(fd, p->question + size, sizeof(p->question) - size)) > 0)
			size += (size_t)count;
		p->asked++;
		usleep(p->delay_ms * 1000);
		write_all(fd, p->answer, strlen(p->answer));
		close(fd);
	}
	return NULL;
}

static void
start_policy(struct bench *b, const char *answer)
{
	AUTO_FREE char *path = path_join(b->h.directory, "policy.sock");
	AUTO_ERR struct err err = ERR_INIT;

	b->policy = (struct policy){.answer = answer};
	b->policy.listen_fd = socket_listen(path, 0600, &err);
	assert_true(b->policy.listen_fd >= 0);
	assert_int_equal(pthread_create(&b->policy.thread, NULL, play_policy, &b->policy), 0);
}

static void
stop_policy(struct bench *b)
{
	if (b->policy.answer == NULL)
		return;
	shutdown(b->policy.listen_fd, SHUT_RDWR);
	pthread_join(b->policy.thread, NULL);
	close(b->policy.listen_fd);
	b->policy.answer = NULL;
}

static int
set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct gui_message m;

	harness_start(&b->h, 800, 600);
	harness_start_daemon(&b->h, NULL);
	harness_connect(&b->h);
	harness_create(&b->h, W1, 100, 100, 300, 200, false);
	harness_map(&b->h, W1, false);
	harness_focus(&b->h, harness_find(&b->h, W1));
	assert_true(harness_receive(&b->h, GUI_FOCUS, SOON_MS, &m));
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	stop_policy(b);
	harness_stop(&b->h);
	free(b);
	return 0;
}

/* Waits until a file of the clipboard has the content. */
static bool
await_file(struct harness *h, const char *name, const char *expected)
{
	AUTO_FREE char *path = path_join(h->directory, name);
	uint64_t deadline = loop_now_ms() + SOON_MS;
	const struct timespec nap = {.tv_nsec = 10000000};

	while (loop_now_ms() < deadline) {
		AUTO_ERR struct err err = ERR_INIT;
		AUTO_FREE char *text = NULL;

		if (read_file(path, 300000, &text, NULL, &err) == 0 && text_equal(text, expected))
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

static void
put_file(struct harness *h, const char *name, const char *text)
{
	AUTO_FREE char *path = path_join(h->directory, name);
	AUTO_ERR struct err err = ERR_INIT;

	assert_int_equal(write_file(path, text, strlen(text), 0660, &err), 0);
}

static void
answer_copy(struct harness *h, const char *text)
{
	uint32_t header[3] = {GUI_CLIPBOARD_DATA, W1, (uint32_t)strlen(text)};

	harness_send_bytes(h, header, sizeof(header));
	harness_send_bytes(h, text, strlen(text));
}

static void
test_T81_T82_copy(void **state)
{
	struct bench *b = *state;
	struct gui_message m;

	harness_chord(&b->h, 'c');
	assert_true(harness_receive(&b->h, GUI_CLIPBOARD_REQ, SOON_MS, &m));
	answer_copy(&b->h, "hello");
	assert_true(await_file(&b->h, "qubes-clipboard.bin.source", "work"));
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "hello"));
	/* Once more the chord; its letter is never told. */
	harness_chord(&b->h, 'c');
	for (int i = 0; i < 4; i++) {
		assert_true(harness_receive(&b->h, GUI_KEYPRESS, SOON_MS, &m));
		assert_int_not_equal(m.key.keycode, 54);
	}
}

static void
test_T84_unasked(void **state)
{
	struct bench *b = *state;
	struct gui_message m;

	put_file(&b->h, "qubes-clipboard.bin", "other's");
	answer_copy(&b->h, "unasked");
	harness_key(&b->h, 'a', true);
	harness_key(&b->h, 'a', false);
	assert_true(harness_receive(&b->h, GUI_KEYPRESS, SOON_MS, &m));
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "other's"));
}

static void
offer(struct bench *b, const char *source)
{
	put_file(&b->h, "qubes-clipboard.bin", "hello");
	put_file(&b->h, "qubes-clipboard.bin.source", source);
}

static void
test_T89_T90_paste(void **state)
{
	struct bench *b = *state;
	struct gui_message m;
	char text[5];

	start_policy(b, "result=allow\n");
	offer(b, "other");
	harness_chord(&b->h, 'v');
	assert_true(harness_receive(&b->h, GUI_CLIPBOARD_DATA, SOON_MS, &m));
	assert_int_equal(m.following, 5);
	assert_int_equal(m.window, W1);
	assert_true(harness_read(&b->h, text, 5));
	assert_memory_equal(text, "hello", 5);
	assert_true(await_file(&b->h, "qubes-clipboard.bin", ""));
	assert_true(await_file(&b->h, "qubes-clipboard.bin.source", ""));
	harness_chord(&b->h, 'v');
	assert_false(harness_receive(&b->h, GUI_CLIPBOARD_DATA, QUIET_MS, &m));
	stop_policy(b);
	assert_int_equal(b->policy.asked, 1);
	assert_memory_equal(b->policy.question,
		"policy.EvalSimple+qubes.ClipboardPaste dom0 keyword adminvm\0other\0work", 71);
}

static void
test_T91_T92_denied(void **state)
{
	static const char *const answers[] = {"result=deny\n", "result=allowed\n", "", "garbage"};
	struct bench *b = *state;
	struct gui_message m;

	offer(b, "other");
	harness_chord(&b->h, 'v'); /* there is nobody to ask */
	assert_false(harness_receive(&b->h, GUI_CLIPBOARD_DATA, QUIET_MS, &m));
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		start_policy(b, answers[i]);
		harness_chord(&b->h, 'v');
		assert_false(harness_receive(&b->h, GUI_CLIPBOARD_DATA, QUIET_MS, &m));
		stop_policy(b);
	}
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "hello"));
}

/* An answer that comes after two seconds is none, even a good one. */
static void
test_T92_slow_policy(void **state)
{
	struct bench *b = *state;
	struct gui_message m;

	offer(b, "other");
	start_policy(b, "result=allow\n");
	b->policy.delay_ms = 3500;
	harness_chord(&b->h, 'v');
	assert_false(harness_receive(&b->h, GUI_CLIPBOARD_DATA, 4500, &m));
	stop_policy(b);
	assert_int_equal(b->policy.asked, 1);
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "hello"));
}

static void
test_not_to_itself(void **state)
{
	struct bench *b = *state;
	struct gui_message m;

	start_policy(b, "result=allow\n");
	offer(b, "work");
	harness_chord(&b->h, 'v');
	assert_false(harness_receive(&b->h, GUI_CLIPBOARD_DATA, QUIET_MS, &m));
	assert_int_equal(b->policy.asked, 0);
}

static void
tap(struct harness *h, xcb_keysym_t keysym)
{
	harness_key(h, keysym, true);
	harness_key(h, keysym, false);
}

#define CAPS_LOCK 0xffe5
#define NUM_LOCK 0xff7f
#define SUPER 0xffeb

/* Locks do not matter; one more modifier makes it an ordinary key. */
static void
test_T83_modifiers(void **state)
{
	struct bench *b = *state;
	struct gui_message m;

	tap(&b->h, CAPS_LOCK);
	tap(&b->h, NUM_LOCK);
	harness_chord(&b->h, 'c');
	assert_true(harness_receive(&b->h, GUI_CLIPBOARD_REQ, SOON_MS, &m));
	tap(&b->h, CAPS_LOCK);
	tap(&b->h, NUM_LOCK);
	harness_key(&b->h, SUPER, true);
	harness_chord(&b->h, 'c');
	harness_key(&b->h, SUPER, false);
	do
		assert_true(harness_receive(&b->h, GUI_KEYPRESS, SOON_MS, &m));
	while (m.key.keycode != 54);
	assert_false(harness_receive(&b->h, GUI_CLIPBOARD_REQ, QUIET_MS, &m));
}

static void
copy(struct bench *b, const char *text)
{
	struct gui_message m;

	harness_chord(&b->h, 'c');
	assert_true(harness_receive(&b->h, GUI_CLIPBOARD_REQ, SOON_MS, &m));
	answer_copy(&b->h, text);
}

/* One request, one answer: a second, even an empty one, changes nothing. */
static void
test_T85_answered_twice(void **state)
{
	struct bench *b = *state;
	struct gui_message m;

	copy(b, "hello");
	assert_true(await_file(&b->h, "qubes-clipboard.bin.source", "work"));
	answer_copy(&b->h, "");
	answer_copy(&b->h, "again");
	tap(&b->h, 'a');
	assert_true(harness_receive(&b->h, GUI_KEYPRESS, SOON_MS, &m));
	usleep(QUIET_MS * 1000);
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "hello"));
	assert_true(await_file(&b->h, "qubes-clipboard.bin.source", "work"));
}

static bool
has_metadata(struct harness *h, const char *line)
{
	AUTO_FREE char *path = path_join(h->directory, "qubes-clipboard.bin.metadata");
	uint64_t deadline = loop_now_ms() + SOON_MS;

	while (loop_now_ms() < deadline) {
		AUTO_FREE char *text = NULL;

		if (read_file(path, 4096, &text, NULL, NULL) == 0 && strstr(text, line) != NULL)
			return true;
		usleep(10000);
	}
	return false;
}

static void
test_T86_T88_oversize_and_empty(void **state)
{
	struct bench *b = *state;
	char *much = calloc(1, 64002);

	memset(much, 'x', 64001);
	put_file(&b->h, "qubes-clipboard.bin", "other's");
	copy(b, much);
	assert_true(has_metadata(&b->h, "\"oversized_request\":1"));
	assert_true(await_file(&b->h, "qubes-clipboard.bin", ""));
	assert_true(await_file(&b->h, "qubes-clipboard.bin.source", ""));
	/* The largest that is allowed, then none. */
	much[64000] = '\0';
	copy(b, much);
	assert_true(await_file(&b->h, "qubes-clipboard.bin", much));
	copy(b, "");
	assert_true(await_file(&b->h, "qubes-clipboard.bin", ""));
	assert_true(has_metadata(&b->h, "\"successful\":1"));
	assert_true(has_metadata(&b->h, "\"sent_size\":0"));
	free(much);
}

static void
test_T87_beyond_the_protocol(void **state)
{
	const uint32_t header[3] = {GUI_CLIPBOARD_DATA, W1, 256002};
	struct bench *b = *state;

	harness_send_bytes(&b->h, header, sizeof(header));
	assert_int_equal(WEXITSTATUS(harness_await_daemon(&b->h)), 3);
}

static void
test_T96_shorter(void **state)
{
	struct bench *b = *state;

	copy(b, "a long content of the clipboard");
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "a long content of the clipboard"));
	copy(b, "short");
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "short"));
}

/* A second qube beside the first, with the focus. */
static void
connect_other(struct bench *b, struct harness *other)
{
	static const char *const options[] = {"-N", "other", "-d", "9", NULL};
	struct gui_message m;

	*other = b->h;
	other->daemon = 0;
	other->fd = -1;
	buf_init(&other->in, 1 << 20);
	harness_start_daemon(other, options);
	harness_connect(other);
	harness_create(other, 0x77, 450, 100, 200, 200, false);
	harness_map(other, 0x77, false);
	harness_focus(other, harness_find(other, 0x77));
	assert_true(harness_receive(other, GUI_FOCUS, SOON_MS, &m));
}

static void
disconnect_other(struct harness *other)
{
	harness_hang_up(other);
	harness_end_daemon(other);
	buf_finish(&other->in);
}

/* T93: the first qube was asked first and answers last: too late. T94: nor after a paste. */
static void
test_T93_T94_late_answers(void **state)
{
	struct bench *b = *state;
	struct harness other;
	struct gui_message m;

	harness_chord(&b->h, 'c');
	assert_true(harness_receive(&b->h, GUI_CLIPBOARD_REQ, SOON_MS, &m));
	connect_other(b, &other);
	harness_chord(&b->h, 'c');
	assert_true(harness_receive(&other, GUI_CLIPBOARD_REQ, SOON_MS, &m));
	answer_copy(&other, "newer");
	assert_true(await_file(&b->h, "qubes-clipboard.bin.source", "other"));
	answer_copy(&b->h, "late");
	usleep(QUIET_MS * 1000);
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "newer"));

	harness_focus(&b->h, harness_find(&b->h, W1));
	assert_true(harness_receive(&b->h, GUI_FOCUS, SOON_MS, &m));
	harness_chord(&b->h, 'c');
	assert_true(harness_receive(&b->h, GUI_CLIPBOARD_REQ, SOON_MS, &m));
	/* This one is not answered; instead, what the other has copied is pasted here. */
	harness_focus(&other, harness_find(&other, 0x77));
	assert_true(harness_receive(&other, GUI_FOCUS, SOON_MS, &m));
	harness_chord(&b->h, 'c');
	assert_true(harness_receive(&other, GUI_CLIPBOARD_REQ, SOON_MS, &m));
	answer_copy(&other, "newest");
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "newest"));
	start_policy(b, "result=allow\n");
	harness_focus(&b->h, harness_find(&b->h, W1));
	assert_true(harness_receive(&b->h, GUI_FOCUS, SOON_MS, &m));
	harness_chord(&b->h, 'v');
	assert_true(harness_receive(&b->h, GUI_CLIPBOARD_DATA, SOON_MS, &m));
	assert_int_equal(m.following, 6);
	answer_copy(&b->h, "late");
	usleep(QUIET_MS * 1000);
	assert_true(await_file(&b->h, "qubes-clipboard.bin", ""));
	assert_true(await_file(&b->h, "qubes-clipboard.bin.source", ""));
	disconnect_other(&other);
}

/* A qube that hands out its clipboard over and over, unasked, or asks for others': nothing. */
static void
test_clipboard_spam(void **state)
{
	struct bench *b = *state;
	struct gui_message m;

	put_file(&b->h, "qubes-clipboard.bin", "other's");
	put_file(&b->h, "qubes-clipboard.bin.source", "other");
	for (int i = 0; i < 2000; i++)
		answer_copy(&b->h, "unasked");
	tap(&b->h, 'a');
	assert_true(harness_receive(&b->h, GUI_KEYPRESS, SOON_MS, &m));
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "other's"));
	assert_true(await_file(&b->h, "qubes-clipboard.bin.source", "other"));
	/* To ask is the daemon's right alone. */
	harness_send_bare(&b->h, GUI_CLIPBOARD_REQ, W1);
	assert_int_equal(WEXITSTATUS(harness_await_daemon(&b->h)), 3);
}

/* Switched off, the keys of the chord are keys like others. */
static void
test_T97_no_chord(void **state)
{
	struct bench *b = *state;
	AUTO_FREE char *path = path_join(b->h.directory, "chords.conf");
	const char *options[] = {"-C", path, NULL};
	struct gui_message m;

	put_file(&b->h, "chords.conf", "global: { secure_paste_sequence = \"none\"; };\n");
	harness_hang_up(&b->h);
	harness_end_daemon(&b->h);
	harness_start_daemon(&b->h, options);
	harness_connect(&b->h);
	harness_create(&b->h, W1, 100, 100, 300, 200, false);
	harness_map(&b->h, W1, false);
	harness_focus(&b->h, harness_find(&b->h, W1));
	assert_true(harness_receive(&b->h, GUI_FOCUS, SOON_MS, &m));
	offer(b, "other");
	harness_chord(&b->h, 'v');
	do
		assert_true(harness_receive(&b->h, GUI_KEYPRESS, SOON_MS, &m));
	while (m.key.keycode != 55);
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "hello"));
}

/* T102's other half: a new connection knows nothing of what the old one was asked. */
static void
test_T102_request_forgotten(void **state)
{
	struct bench *b = *state;
	struct gui_message m;

	put_file(&b->h, "qubes-clipboard.bin", "other's");
	harness_chord(&b->h, 'c');
	assert_true(harness_receive(&b->h, GUI_CLIPBOARD_REQ, SOON_MS, &m));
	harness_hang_up(&b->h);
	harness_connect(&b->h);
	harness_create(&b->h, W1, 100, 100, 300, 200, false);
	harness_map(&b->h, W1, false);
	answer_copy(&b->h, "late");
	harness_focus(&b->h, harness_find(&b->h, W1));
	assert_true(harness_receive(&b->h, GUI_FOCUS, SOON_MS, &m));
	usleep(QUIET_MS * 1000);
	assert_true(await_file(&b->h, "qubes-clipboard.bin", "other's"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_T81_T82_copy),
		TEST(test_T84_unasked),
		TEST(test_T89_T90_paste),
		TEST(test_T91_T92_denied),
		TEST(test_T92_slow_policy),
		TEST(test_not_to_itself),
		TEST(test_T83_modifiers),
		TEST(test_T85_answered_twice),
		TEST(test_T86_T88_oversize_and_empty),
		TEST(test_T87_beyond_the_protocol),
		TEST(test_T96_shorter),
		TEST(test_T93_T94_late_answers),
		TEST(test_clipboard_spam),
		TEST(test_T97_no_chord),
		TEST(test_T102_request_forgotten),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
