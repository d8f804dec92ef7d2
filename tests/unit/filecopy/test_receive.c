/*
 * The receiver, case by case: what it answers, what is there afterwards, and that nothing is
 * there after an error. The numbers are those of the specification's list of cases.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "filecopy/receive.h"
#include "filecopy/tree.h"
#include "stream.h"

#define Q FILECOPY_QUBE_FLAGS
#define ALL (FILECOPY_QUBE_FLAGS | FILECOPY_ALLOW_UNSAFE_CHARACTERS)
#define END                                                                                        \
	{                                                                                          \
		.kind = 'E'                                                                        \
	}
#define F(...)                                                                                     \
	{                                                                                          \
		.kind = 'f', __VA_ARGS__                                                           \
	}
#define D(...)                                                                                     \
	{                                                                                          \
		.kind = 'd', __VA_ARGS__                                                           \
	}
#define L(...)                                                                                     \
	{                                                                                          \
		.kind = 'l', __VA_ARGS__                                                           \
	}
#define H(...)                                                                                     \
	{                                                                                          \
		.kind = 'h', __VA_ARGS__                                                           \
	}

struct test_case {
	const char *title;
	struct entry entries[12];
	uint32_t code;
	const char *last;    /* NULL: not looked at */
	const char *present; /* must be there, also after an error if it was before; or NULL */
	unsigned int flags;  /* 0: those of a qube */
	uint64_t max_bytes, max_entries;
};

/* In the destination before each case: a file `old`, a directory `dir` with a file `dir/old`. */
static const struct test_case cases[] = {
	{"1: a file", {F("a.txt", "hi"), END}, 0, "a.txt", "a.txt"},
	{"2: nothing", {END}, 0, ""},
	{"3: directory twice", {D("a"), F("a/x", "x"), D("a"), END}, 0, "a", "a/x"},
	{"4: read-only directory", {D("a", .mode = 0500), F("a/x"), D("a", .mode = 0500), END}, 0,
		"a", "a/x"},
	{"5: empty input", {{0}}, EREMOTEIO, ""},
	{"5: part of a header", {{'r', "\2\0\0\0", .name_size = 4}}, EREMOTEIO, ""},
	{"5: end in the name", {H("x", .name_size = 9), {'r', "abc", .name_size = 3}},
		FILECOPY_CUT_OFF},
	{"5: end in the body", {F("x", "abc", .size = 9)}, FILECOPY_CUT_OFF, "x"},
	{"5: end after a file", {F("x", "abc")}, EREMOTEIO, ""},
	{"6: ../x", {F("../x"), END}, EILSEQ, "../x"},
	{"6: /x", {F("/x"), END}, EILSEQ, "/x"},
	{"6: a/../b", {F("a/../b"), END}, EILSEQ, "a/../b"},
	{"6: a/", {F("a/"), END}, EILSEQ, "a/"},
	{"6: a//b", {F("a//b"), END}, EILSEQ, "a//b"},
	{"6: .", {F("."), END}, EILSEQ, "."},
	{"6: ..", {F(".."), END}, EILSEQ, ".."},
	{"6: ./a", {F("./a"), END}, EILSEQ, "./a"},
	{"6: empty name", {F(""), END}, EILSEQ, ""},
	{"7: directory ../x", {D("../x"), END}, EILSEQ, "../x"},
	{"8: ESC", {F("a\033"), END}, EILSEQ},
	{"8: TAB", {F("a\t"), END}, EILSEQ},
	{"8: LF", {F("a\n"), END}, EILSEQ},
	{"8: DEL", {F("a\177"), END}, EILSEQ},
	{"8: lone 80", {F("a\x80"), END}, EILSEQ},
	{"8: overlong", {F("a\xc0\xaf"), END}, EILSEQ},
	{"8: surrogate", {F("a\xed\xa0\x80"), END}, EILSEQ},
	{"8: above U+10FFFF", {F("a\xf4\x90\x80\x80"), END}, EILSEQ},
	{"8: U+202E", {F("a\xe2\x80\xae"), END}, EILSEQ},
	{"8: U+00A0", {F("a\xc2\xa0"), END}, EILSEQ},
	{"8: U+0301", {F("a\xcc\x81"), END}, EILSEQ},
	{"8: U+1F642", {F("a\xf0\x9f\x99\x82"), END}, EILSEQ},
	{"8: U+FEFF", {F("a\xef\xbb\xbf"), END}, EILSEQ},
	{"8: all names, ESC", {F("a\033"), END}, 0, "a\033", "a\033", ALL},
	{"8: all names, LF", {F("a\n"), END}, 0, "a\n", "a\n", ALL},
	{"8: all names, lone 80", {F("a\x80"), END}, 0, "a\x80", "a\x80", ALL},
	{"8: all names, U+202E", {F("a\xe2\x80\xae"), END}, 0, NULL, "a\xe2\x80\xae", ALL},
	{"9: Greek", {F("\xce\xb2.txt"), END}, 0, NULL, "\xce\xb2.txt"},
	{"9: Han", {F("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"), END}, 0},
	{"9: Hangul", {F("\xed\x95\x9c\xea\xb8\x80"), END}, 0},
	{"9: naive", {F("na\xc3\xafve"), END}, 0},
	{"9: blanks", {F(" a "), END}, 0, " a ", " a "},
	{"9: like an option", {F("-rf"), END}, 0, "-rf", "-rf"},
	{"9: three dots", {F("..."), END}, 0, "...", "..."},
	{"9: backslash", {F("a\\b"), END}, 0, "a\\b", "a\\b"},
	{"10: all names, ../b", {F("../b"), END}, EILSEQ, "../b", NULL, ALL},
	{"10: all names, a/./b", {F("a/./b"), END}, EILSEQ, "a/./b", NULL, ALL},
	{"12: NUL inside", {F("good\0evil", .name_size = 10), END}, EILSEQ},
	{"12: no NUL", {F("good", .name_size = 4), END}, EILSEQ, "good"},
	{"13: name of 16384", {H("", .name_size = 16384)}, ENAMETOOLONG, ""},
	{"14: link at the top", {L("x", "y"), END}, ENOLINK, "x"},
	{"14: absolute link", {D("a"), L("a/x", "/etc/passwd"), END}, ENOLINK, "a/x"},
	{"15: ../y in a/b", {D("a"), D("a/b"), L("a/b/x", "../y"), END}, 0, "a/b/x"},
	{"15: ../../y in a/b", {D("a"), D("a/b"), L("a/b/x", "../../y"), END}, ENOLINK, "a/b/x"},
	{"15: .. in a/b/c", {D("a"), D("a/b"), D("a/b/c"), L("a/b/c/x", ".."), END}, 0},
	{"15: y/../z", {D("a"), D("a/b"), D("a/b/c"), L("a/b/c/x", "y/../z"), END}, ENOLINK},
	{"15: .//./y/", {D("a"), D("a/b"), L("a/b/x", ".//./y/"), END}, 0},
	{"15: .././/y", {D("a"), D("a/b"), L("a/b/x", ".././/y"), END}, 0},
	{"15: empty target", {D("a"), L("a/x", ""), END}, ENOENT, "a/x"},
	{"16: file through a link", {D("a"), D("a/b"), L("a/l", "b"), F("a/l/f", "x"), END},
		ENOTDIR, "a/l/f"},
	{"16: directory over a link", {D("a"), D("a/b"), L("a/l", "b"), D("a/l"), END}, ENOTDIR,
		"a/l"},
	{"17: target of 16384", {D("a"), L("a/x", "y", .size = 16384), END}, ENAMETOOLONG, "a/x"},
	{"17: NUL in the target",
		{D("a"), L("a/x", "y", .size = 2), {'r', "", .name_size = 1}, END}, EILSEQ, "a/x"},
	{"18: FIFO", {F("x", .mode = S_IFIFO | 0644), END}, EINVAL, "x"},
	{"18: character device", {F("x", .mode = S_IFCHR | 0644), END}, EINVAL, "x"},
	{"18: block device", {F("x", .mode = S_IFBLK | 0644), END}, EINVAL, "x"},
	{"18: socket", {F("x", .mode = S_IFSOCK | 0644), END}, EINVAL, "x"},
	{"18: type 0", {F("x", .mode = S_IFMT), END}, EINVAL, "x"},
	{"19: too many nanoseconds", {F("x", "y", .mtime_nsec = 1000000000), END}, EINVAL},
	{"20: directory with a size", {D("a", .size = 5), {'r', "12345", .name_size = 5}, END},
		EINVAL, "a"},
	{"21: file over a file", {F("old", "new"), END}, EEXIST, "old", "old"},
	{"21: directory over a file", {D("old"), END}, ENOTDIR, "old", "old"},
	{"21: file over a directory", {F("dir"), END}, EEXIST, "dir", "dir"},
	{"21: directories merge", {D("dir"), F("dir/new"), D("dir"), END}, 0, "dir", "dir/new"},
	{"21: what was there stays", {D("dir"), F("dir/new"), D("dir"), END}, 0, "dir", "dir/old"},
	{"21: collision in a merge", {D("dir"), F("dir/new"), F("dir/old"), END}, EEXIST, "dir/old",
		"dir/old"},
	{"21: twice in one transfer", {F("a"), F("a"), END}, EEXIST, "a"},
	{"21: link over a file", {D("dir"), L("dir/old", "x"), END}, EEXIST, "dir/old", "dir/old"},
	{"22: parent not announced", {F("a/x"), END}, ENOENT, "a/x"},
	{"22: nor is it when it is there", {F("dir/x"), END}, ENOENT, "dir/x"},
	{"23: size of 2^63", {H("x", .size = 1ULL << 63), END}, EDQUOT},
	{"23: size of 2^63-1", {F("x", "abc", .size = INT64_MAX)}, FILECOPY_CUT_OFF, "x"},
	{"33: 1 TiB where 10 bytes are allowed",
		{H("x", .size = 1ULL << 40), {'r', "x", .name_size = 2}}, EDQUOT, "x", NULL, 0, 10},
	{"24: 10 of 10 bytes", {F("a", "0123456789"), END}, 0, "a", "a", 0, 10},
	{"24: 11 of 10 bytes", {F("a", "0123456789a"), END}, EDQUOT, "a", NULL, 0, 10},
	{"24: 6 + 5 of 10", {F("a", "012345"), F("b", "01234"), END}, EDQUOT, "b", NULL, 0, 10},
	{"24: third of two entries", {F("a"), F("b"), F("c"), END}, EDQUOT, "c", NULL, 0, 0, 2},
	{"25: no directories", {D("a"), END}, EINVAL, "a", NULL, 32},
	{"25: no links", {L("a/x", "y"), END}, EINVAL, "a/x", NULL, 32},
	{"25: a file", {F("x"), END}, 0, "x", "x", 32},
	{"26: garbage after the end", {F("x"), END, {'r', "garbage", .name_size = 7}}, 0, "x", "x"},
	{"30: set-id bits", {F("x", "y", .mode = 06755), END}, 0, "x", "x"},
	{"hidden name", {F(".receiving-0123456789abcdef"), END}, EEXIST},
	{"hidden directory", {D(".receiving-x"), END}, EEXIST},
	{"file as a directory", {F("a"), F("a/x"), END}, ENOTDIR, "a/x"},
	{"a file below a file that is there", {F("old/x"), END}, ENOENT, "old/x"},
	{"back and forth", {D("a"), D("b"), F("a/1"), F("b/1"), F("a/2"), D("b"), D("a"), END}, 0,
		"a", "a/2"},
	{"like a prefix", {D("a"), D("ab"), F("ab/x"), F("a/x"), END}, 0, "a/x", "ab/x"},
	{0},
};

static char *
make_place(void)
{
	char *path = text_copy("/tmp/bulkhead-receive.XXXXXX");
	AUTO_FREE char *old = NULL;
	AUTO_FREE char *dir = NULL;
	AUTO_FREE char *dir_old = NULL;

	assert_non_null(mkdtemp(path));
	old = path_join(path, "old");
	dir = path_join(path, "dir");
	dir_old = path_join(dir, "old");
	assert_int_equal(write_file(old, "old", 3, 0644, NULL), 0);
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(write_file(dir_old, "old", 3, 0644, NULL), 0);
	return path;
}

static void
remove_place(char *path)
{
	assert_int_equal(tree_remove_path(path), 0);
	free(path);
}

static uint32_t
receive(const char *place, const struct buf *stream, const struct test_case *c,
	struct receive_outcome *outcome)
{
	const struct receive_config config = {
		.flags = c->flags == 0 ? Q : c->flags & 31,
		.max_bytes = c->max_bytes,
		.max_entries = c->max_entries,
	};
	AUTO_FD int input = stream_open(buf_data(stream), buf_len(stream));
	AUTO_FD int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return receive_transfer(input, fd, -1, &config, outcome);
}

static bool
exists(const char *place, const char *name)
{
	AUTO_FREE char *path = path_join(place, name);
	struct stat st;

	return lstat(path, &st) == 0;
}

/* A collision must not touch what was there. */
static void
check_old(const char *place, const char *title)
{
	AUTO_FREE char *path = path_join(place, "old");
	AUTO_FREE char *text = NULL;
	size_t size;

	if (read_file(path, 100, &text, &size, NULL) < 0 || strcmp(text, "old") != 0)
		fail_msg("%s: what was there has changed", title);
}

static struct receive_outcome outcome; /* large */

static void
run_case(const struct test_case *c)
{
	char *place = make_place();
	struct tree_sum before, after;
	AUTO_BUF struct buf stream;
	uint32_t code;

	buf_init(&stream, STREAM_MAX);
	for (const struct entry *e = c->entries; e->kind != '\0'; e++)
		stream_put(&stream, e);
	assert_int_equal(tree_summarize_path(place, &before), 0);
	code = receive(place, &stream, c, &outcome);
	if (code != c->code)
		fail_msg("%s: code %u, expected %u", c->title, code, c->code);
	assert_int_equal(outcome.result.code, code);
	if (c->last != NULL && strcmp(outcome.name, c->last) != 0 &&
		(c->last[0] != '\0' || outcome.name_length != 0))
		fail_msg("%s: last name '%s'", c->title, outcome.name);
	if (c->present != NULL && !exists(place, c->present))
		fail_msg("%s: '%s' is missing", c->title, c->present);
	assert_int_equal(tree_summarize_path(place, &after), 0);
	if (code != 0 && memcmp(&before, &after, sizeof(before)) != 0)
		fail_msg("%s: refused, and yet something is there", c->title);
	check_old(place, c->title);
	remove_place(place);
}

static void
test_cases(void **state)
{
	for (const struct test_case *c = cases; c->title != NULL; c++)
		run_case(c);
}

static const struct test_case plain = {.title = ""};

static void
test_checksum_and_times(void **state)
{
	const struct entry file = F("a.txt", "hi", .mtime = 1234567, .mtime_nsec = 987654321);
	const struct entry end = END;
	char *place = make_place();
	AUTO_FREE char *path = path_join(place, "a.txt");
	AUTO_BUF struct buf stream;
	struct stat st;

	buf_init(&stream, STREAM_MAX);
	stream_put(&stream, &file);
	stream_put(&stream, &end);
	assert_int_equal(receive(place, &stream, &plain, &outcome), 0);
	assert_int_equal(
		outcome.result.checksum, filecopy_checksum(0, buf_data(&stream), buf_len(&stream)));
	assert_int_equal(outcome.files, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_mtim.tv_sec, 1234567);
	assert_int_equal(st.st_mtim.tv_nsec, 987654321);
	remove_place(place);
}

static void
test_checksum_of_the_end(void **state)
{
	const struct entry end = END, garbage = {'r', "garbage", .name_size = 7};
	char *place = make_place();
	AUTO_BUF struct buf stream;

	buf_init(&stream, STREAM_MAX);
	stream_put(&stream, &end);
	stream_put(&stream, &garbage);
	assert_int_equal(receive(place, &stream, &plain, &outcome), 0);
	assert_int_equal(outcome.result.checksum, 0x190A55AD);
	remove_place(place);
}

static void
test_directory_attributes(void **state)
{
	const struct entry entries[] = {D("a", .mode = 0500, .mtime = 1000), F("a/x"),
		D("a", .mode = 0500, .mtime = 1000), D("dir", .mode = 0750, .mtime = 2000),
		F("dir/x"), D("dir", .mode = 0750, .mtime = 2000), F("set", .mode = 06755), END};
	char *place = make_place();
	AUTO_FREE char *a = path_join(place, "a");
	AUTO_FREE char *dir = path_join(place, "dir");
	AUTO_FREE char *set = path_join(place, "set");
	AUTO_BUF struct buf stream;
	struct stat st;

	buf_init(&stream, STREAM_MAX);
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		stream_put(&stream, &entries[i]);
	assert_int_equal(receive(place, &stream, &plain, &outcome), 0);
	assert_int_equal(stat(a, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0500);
	assert_int_equal(st.st_mtime, 1000);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(st.st_mtime, 2000);
	assert_int_equal(stat(set, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	remove_place(place);
}

/* Cases 13 and 32: components and whole paths of every length. */
static void
test_lengths(void **state)
{
	static char name[FILECOPY_NAME_MAX + 1];
	const struct {
		size_t length;
		uint32_t code;
	} lengths[] = {{255, 0}, {256, ENAMETOOLONG}, {FILECOPY_NAME_MAX - 1, ENAMETOOLONG}};
	const struct entry end = END;

	for (size_t i = 0; i < 3; i++) {
		char *place = make_place();
		AUTO_BUF struct buf stream;
		struct entry file = F(name);

		memset(name, 'a', lengths[i].length);
		name[lengths[i].length] = '\0';
		buf_init(&stream, STREAM_MAX);
		stream_put(&stream, &file);
		stream_put(&stream, &end);
		assert_int_equal(receive(place, &stream, &plain, &outcome), lengths[i].code);
		remove_place(place);
	}
}

static void
test_depth(void **state)
{
	static char name[FILECOPY_NAME_MAX + 1];
	char *place = make_place();
	const struct entry end = END;
	AUTO_BUF struct buf stream;
	size_t length = 0;

	/* 200 directories of 30 characters: far beyond what one path may have. */
	buf_init(&stream, STREAM_MAX);
	tree_raise_limits();
	for (int i = 0; i < 200; i++) {
		struct entry directory = D(name);

		length += (size_t)snprintf(name + length, sizeof(name) - length,
			"%sa-directory-with-a-name-of-%02d", i == 0 ? "" : "/", i % 100);
		stream_put(&stream, &directory);
	}
	stream_put(&stream, &end);
	assert_int_equal(receive(place, &stream, &plain, &outcome), 0);
	assert_int_equal(outcome.name_length, length);
	remove_place(place);
}

/* Case 34: a stream that is cut off anywhere leaves nothing. */
static void
test_truncation(void **state)
{
	char *place = make_place();
	AUTO_BUF struct buf stream;
	struct tree_sum before, after;

	buf_init(&stream, STREAM_MAX);
	for (int i = 0; i < 10; i++) {
		char name[32], data[32];
		struct entry directory = D(name), file = F(name, data);

		snprintf(name, sizeof(name), "d%d", i);
		stream_put(&stream, &directory);
		snprintf(name, sizeof(name), "d%d/file", i);
		snprintf(data, sizeof(data), "content %d", i);
		stream_put(&stream, &file);
	}
	assert_int_equal(tree_summarize_path(place, &before), 0);
	for (size_t size = 0; size < buf_len(&stream); size++) {
		struct buf part = {
			.data = stream.data, .end = size, .capacity = size, .max_bytes = size};
		uint32_t code = receive(place, &part, &plain, &outcome);

		assert_true(code == EREMOTEIO || code == FILECOPY_CUT_OFF);
		assert_int_equal(tree_summarize_path(place, &after), 0);
		assert_memory_equal(&before, &after, sizeof(before));
	}
	remove_place(place);
}

/* What a receiver that was killed left: removed, or shown if it was complete. */
static void
test_leftovers(void **state)
{
	static const char *const directories[] = {".receiving-1111111111111111",
		".receiving-1111111111111111/tree", ".receiving-2222222222222222",
		".receiving-2222222222222222/tree", ".receiving-2222222222222222/complete"};
	char *place = make_place();
	const struct entry end = END;
	AUTO_BUF struct buf stream;

	for (size_t i = 0; i < 5; i++) {
		AUTO_FREE char *path = path_join(place, directories[i]);

		assert_int_equal(mkdir(path, 0700), 0);
	}
	AUTO_FREE char *half = path_join(place, ".receiving-1111111111111111/tree/half");
	AUTO_FREE char *whole = path_join(place, ".receiving-2222222222222222/tree/whole");

	assert_int_equal(write_file(half, "x", 1, 0600, NULL), 0);
	assert_int_equal(write_file(whole, "x", 1, 0600, NULL), 0);
	buf_init(&stream, STREAM_MAX);
	stream_put(&stream, &end);
	assert_int_equal(receive(place, &stream, &plain, &outcome), 0);
	assert_true(exists(place, "whole"));
	assert_false(exists(place, "half"));
	assert_false(exists(place, directories[0]));
	assert_false(exists(place, directories[2]));
	remove_place(place);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_checksum_and_times),
		cmocka_unit_test(test_checksum_of_the_end),
		cmocka_unit_test(test_directory_attributes),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_leftovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
