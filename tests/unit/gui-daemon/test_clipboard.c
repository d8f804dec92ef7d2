/* The clipboard's files: exact content, modes, order in time, and what is left of what was there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/path.h"
#include "gui/clipboard/store.h"

static char directory[64];

static struct clipboard_operation
by(const char *qube, uint32_t time)
{
	return (struct clipboard_operation){.qube = qube,
		.time = time,
		.sent_bytes = 5,
		.limit_bytes = 64000,
		.agent_version = 65544};
}

static int
copy(const char *qube, uint32_t time, const char *text)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct clipboard_operation o = by(qube, time);

	return clipboard_copy(directory, &o, text, strlen(text), &err);
}

/* What a paste gets, "" for nothing. */
static const char *
paste(const char *qube, uint32_t time)
{
	static char text[64];
	AUTO_ERR struct err err = ERR_INIT;
	struct clipboard_operation o = by(qube, time);
	struct clipboard_state state;
	AUTO_BUF struct buf data;

	buf_init(&data, CLIPBOARD_MAX_BYTES);
	memset(text, 0, sizeof(text));
	assert_int_equal(clipboard_look(directory, &state, &err), 1);
	if (clipboard_take(directory, &o, &state, &data, &err) == 1)
		memcpy(text, buf_data(&data), buf_len(&data));
	return text;
}

static char *
content(const char *name)
{
	AUTO_FREE char *path = path_join(directory, name);
	AUTO_ERR struct err err = ERR_INIT;
	char *text = NULL;
	struct stat status;

	assert_int_equal(read_file(path, 300000, &text, NULL, &err), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	return text;
}

static void
expect(const char *name, const char *text)
{
	AUTO_FREE char *found = content(name);

	assert_string_equal(found, text);
}

static void
test_T82_files(void **state)
{
	(void)state;
	assert_int_equal(copy("work", 1000, "hello"), 1);
	expect(CLIPBOARD_DATA_FILE, "hello");
	expect(CLIPBOARD_SOURCE_FILE, "work");
	expect(CLIPBOARD_TIME_FILE, "1000\n");
	expect(CLIPBOARD_METADATA_FILE,
		"{\n\"vmname\":\"work\",\n\"xevent_timestamp\":1000,\n\"successful\":1,\n"
		"\"copy_action\":1,\n\"paste_action\":0,\n\"malformed_request\":0,\n"
		"\"oversized_request\":0,\n\"cleared\":0,\n\"qrexec_clipboard\":0,\n"
		"\"sent_size\":5,\n\"buffer_size\":64000,\n\"protocol_version_xside\":65544,\n"
		"\"protocol_version_vmside\":65544\n}\n");
}

static void
test_T89_T90_once(void **state)
{
	AUTO_FREE char *metadata = NULL;

	(void)state;
	copy("work", 2000, "hello");
	assert_string_equal(paste("other", 2001), "hello");
	expect(CLIPBOARD_DATA_FILE, "");
	expect(CLIPBOARD_SOURCE_FILE, "");
	metadata = content(CLIPBOARD_METADATA_FILE);
	assert_non_null(strstr(metadata, "\"paste_action\":1"));
	assert_string_equal(paste("other", 2002), "");
}

static void
test_T93_T94_T96_order(void **state)
{
	(void)state;
	assert_int_equal(copy("two", 3002, "newer"), 1);
	assert_int_equal(copy("one", 3001, "late"), 0);
	expect(CLIPBOARD_DATA_FILE, "newer");
	assert_string_equal(paste("three", 3003), "newer");
	/* The paste did not turn the clock back. */
	assert_int_equal(copy("one", 3001, "late"), 0);
	assert_int_equal(copy("one", 3003, "same time"), 0);
	copy("one", 3010, "a long content");
	copy("one", 3011, "short");
	expect(CLIPBOARD_DATA_FILE, "short");
}

static void
test_T95_wrap(void **state)
{
	(void)state;
	assert_true(clipboard_is_newer(5, UINT32_MAX - 5));
	assert_false(clipboard_is_newer(UINT32_MAX - 5, 5));
	assert_false(clipboard_is_newer(7, 7));
	assert_true(clipboard_is_newer(8, 7));
}

static void
test_T86_oversize(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct clipboard_operation o = by("work", 4001);
	AUTO_FREE char *metadata = NULL;

	(void)state;
	copy("other", 4000, "there");
	o.sent_bytes = 64001;
	assert_int_equal(clipboard_refuse_oversize(directory, &o, &err), 1);
	expect(CLIPBOARD_DATA_FILE, "");
	expect(CLIPBOARD_SOURCE_FILE, "");
	metadata = content(CLIPBOARD_METADATA_FILE);
	assert_non_null(strstr(metadata, "\"oversized_request\":1"));
	assert_non_null(strstr(metadata, "\"sent_size\":64001"));
	/* And one that comes too late wipes nothing. */
	copy("other", 4005, "there");
	o.time = 4004;
	assert_int_equal(clipboard_refuse_oversize(directory, &o, &err), 0);
	expect(CLIPBOARD_DATA_FILE, "there");
}

static void
test_links_are_not_followed(void **state)
{
	AUTO_FREE char *path = path_join(directory, CLIPBOARD_DATA_FILE);
	AUTO_FREE char *target = path_join(directory, "target");
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(write_file(target, "safe", 4, 0600, &err), 0);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
	copy("work", 5000, "hello");
	assert_int_equal(read_file(target, 100, &text, NULL, &err), 0);
	assert_string_equal(text, "safe");
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/clipboard-XXXXXX");
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;

	(void)state;
	return remove_tree(directory, &err);
}

/* Right after the start of a machine that has run for a month, and after a clock from ahead. */
static void
test_time_of_commands(void **state)
{
	struct clipboard_state there = {0};
	uint32_t before = (uint32_t)loop_now_ms(), time = clipboard_time_of_command(&there);

	(void)state;
	assert_true(time == before || clipboard_is_newer(time, before));
	there = (struct clipboard_state){.has_time = true, .time = before - 1000};
	time = clipboard_time_of_command(&there);
	assert_true(time == before || clipboard_is_newer(time, before));
	there.time = before + 100000;
	assert_int_equal(clipboard_time_of_command(&there), before + 100001);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_T82_files),
		TEST(test_T89_T90_once),
		TEST(test_T93_T94_T96_order),
		TEST(test_T95_wrap),
		TEST(test_T86_oversize),
		TEST(test_links_are_not_followed),
		cmocka_unit_test(test_time_of_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
