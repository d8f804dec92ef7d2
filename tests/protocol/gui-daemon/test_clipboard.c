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

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_T81_T82_copy),
		TEST(test_T84_unasked),
		TEST(test_T89_T90_paste),
		TEST(test_T91_T92_denied),
		TEST(test_not_to_itself),
	};

	if (access("/usr/bin/Xvfb", X_OK) != 0) {
		print_message("SKIP: no Xvfb\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
