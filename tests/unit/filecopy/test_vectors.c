/*
 * The stream byte by byte, as another implementation has it: what is expected is written out here,
 * or packed by a few lines of the test's own that share nothing with src/filecopy.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "base/text.h"
#include "filecopy/receive.h"
#include "filecopy/send.h"
#include "filecopy/tree.h"
#include "stream.h"

/* The definition, a bit at a time. */
static uint32_t
slow_checksum(const uint8_t *bytes, size_t size)
{
	uint32_t sum = 0xffffffff;

	for (size_t i = 0; i < size; i++) {
		sum ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xedb88320 : 0);
	}
	return ~sum;
}

/* "a" with "hi", mode 0644, times 0, then the end. */
static const uint8_t example[] = {2, 0, 0, 0, 0xa4, 0x81, 0, 0, 2, 0, 0, 0, 0, 0, 0,
	0,                                              /* length, mode, size */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* times */
	'a', 0, 'h', 'i',                               /* */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* the end */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static char *
make_place(void)
{
	char *path = text_copy("/tmp/bulkhead-vectors.XXXXXX");

	assert_non_null(mkdtemp(path));
	return path;
}

static void
remove_place(char *path)
{
	assert_int_equal(tree_remove_path(path), 0);
	free(path);
}

static void
test_checksum(void **state)
{
	uint8_t bytes[3000];

	assert_int_equal(filecopy_checksum(0, "123456789", 9), 0xcbf43926);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i >> 3);
	/* Of every length and from every offset that a fast way may treat by itself. */
	for (size_t size = 0; size < 300; size++) {
		uint32_t half = filecopy_checksum(0, bytes + size % 17, size / 2);

		assert_int_equal(
			filecopy_checksum(half, bytes + size % 17 + size / 2, size - size / 2),
			slow_checksum(bytes + size % 17, size));
	}
	assert_int_equal(
		filecopy_checksum(0, bytes, sizeof(bytes)), slow_checksum(bytes, sizeof(bytes)));
}

static void
test_receiver(void **state)
{
	static struct receive_outcome outcome;
	const struct receive_config config = {.flags = FILECOPY_QUBE_FLAGS};
	const uint32_t sum = slow_checksum(example, sizeof(example));
	const uint8_t expected[] = {0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)sum, (uint8_t)(sum >> 8),
		(uint8_t)(sum >> 16), (uint8_t)(sum >> 24), 0, 0, 0, 0, 1, 0, 0, 0, 'a'};
	char *place = make_place();
	AUTO_FREE char *path = path_join(place, "a");
	AUTO_FD int input = stream_open(example, sizeof(example));
	AUTO_FD int directory = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int answer = stream_open("", 0);
	AUTO_FREE char *text = NULL;
	uint8_t bytes[64];
	struct stat st;
	size_t size;

	assert_int_equal(receive_transfer(input, directory, -1, &config, &outcome), 0);
	assert_int_equal(receive_answer(answer, &outcome), 0);
	assert_int_equal(pread(answer, bytes, sizeof(bytes), 0), sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_int_equal(read_file(path, 10, &text, &size, NULL), 0);
	assert_string_equal(text, "hi");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_mtime, 0);
	remove_place(place);
}

/* The refusal of a directory, in the form that the original should have. */
static void
test_refusal(void **state)
{
	static struct receive_outcome outcome;
	static const uint8_t stream[] = {5, 0, 0, 0, 0xed, 0x41, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '.', '.', '/', 'x', 0};
	static const uint8_t expected[] = {84, 0, 0, 0, 0, 0, 0, 0};
	const struct receive_config config = {.flags = FILECOPY_QUBE_FLAGS};
	char *place = make_place();
	AUTO_FD int input = stream_open(stream, sizeof(stream));
	AUTO_FD int directory = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int answer = stream_open("", 0);
	uint8_t bytes[64];

	assert_int_equal(receive_transfer(input, directory, -1, &config, &outcome), EILSEQ);
	assert_int_equal(receive_answer(answer, &outcome), 0);
	assert_int_equal(pread(answer, bytes, sizeof(bytes), 0), 24);
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_memory_equal(bytes + 8 + 4, "\0\0\0\0\4\0\0\0../x", 12);
	remove_place(place);
}

/* --- the sender ------------------------------------------------------------------------------ */

static size_t
pack32(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
	return 4;
}

/* One entry as it has to be, with the times of the object. */
static size_t
pack(uint8_t *to, const char *base, const char *name, const char *body, uint32_t size)
{
	AUTO_FREE char *path = path_join(base, name);
	size_t length = strlen(name) + 1, at = 0;
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	at += pack32(to + at, (uint32_t)length);
	at += pack32(to + at, st.st_mode);
	at += pack32(to + at, size);
	at += pack32(to + at, 0);
	at += pack32(to + at, (uint32_t)st.st_atim.tv_sec);
	at += pack32(to + at, (uint32_t)st.st_atim.tv_nsec);
	at += pack32(to + at, (uint32_t)st.st_mtim.tv_sec);
	at += pack32(to + at, (uint32_t)st.st_mtim.tv_nsec);
	memcpy(to + at, name, length);
	memcpy(to + at + length, body, size);
	return at + length + size;
}

/* The other side: takes exactly the stream, then answers with these bytes. Status 0 if it was. */
static pid_t
start_peer(int stream, int answer, const uint8_t *expected, size_t size, const uint8_t *record,
	size_t record_size)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		uint8_t *bytes = malloc(size + 1);
		bool same = bytes != NULL && read_exactly(stream, bytes, size) == 0 &&
			    memcmp(bytes, expected, size) == 0;

		if (write_all(answer, record, record_size) < 0)
			same = false;
		free(bytes);
		_exit(same ? 0 : 1);
	}
	close(stream);
	close(answer);
	return child;
}

struct peer {
	char *place;
	uint8_t record[64];
	struct err err;
};

/* Reading moves the times of access, so it is packed anew for each transfer. */
static size_t
pack_tree(const char *place, uint8_t *to)
{
	size_t size = 0;

	size += pack(to + size, place, "tree", "", 0);
	size += pack(to + size, place, "tree/f", "content", 7);
	size += pack(to + size, place, "tree", "", 0);
	memset(to + size, 0, 32);
	return size + 32;
}

/* Sends `tree` to a peer that answers with its record. What send_paths() says. */
static int
send_to_peer(struct peer *p, size_t record_size, bool right_checksum)
{
	AUTO_FREE char *path = path_join(p->place, "tree");
	char *paths[] = {path, NULL};
	const struct send_config config = {0};
	struct sent_list sent = {0};
	struct send_outcome outcome;
	uint8_t expected[512];
	size_t size = pack_tree(p->place, expected);
	int stream[2], answer[2], status, result;
	pid_t peer;

	pack32(p->record + 8, slow_checksum(expected, size) ^ (right_checksum ? 0 : 1));
	err_clear(&p->err);
	assert_int_equal(pipe2(stream, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
	peer = start_peer(stream[0], answer[1], expected, size, p->record, record_size);
	result = send_paths(stream[1], answer[0], paths, &config, &sent, &outcome, &p->err);
	close(stream[1]);
	close(answer[0]);
	sent_finish(&sent);
	assert_int_equal(waitpid(peer, &status, 0), peer);
	assert_int_equal(status, 0);
	return result;
}

static void
test_sender(void **state)
{
	static const struct timespec times[2] = {{1000, 123456789}, {0x80000001, 999999999}};
	struct peer p = {.place = make_place(), .err = ERR_INIT};
	AUTO_FREE char *tree = path_join(p.place, "tree");
	AUTO_FREE char *file = path_join(tree, "f");

	assert_int_equal(mkdir(tree, 0750), 0);
	assert_int_equal(write_file(file, "content", 7, 0640, NULL), 0);
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
	/* An old receiver: no name. One of today. */
	assert_int_equal(send_to_peer(&p, 16, true), 0);
	p.record[16] = 6;
	memcpy(p.record + 20, "tree/f", 6);
	assert_int_equal(send_to_peer(&p, 26, true), 0);
	assert_int_equal(send_to_peer(&p, 26, false), -1);
	/* A code, plain and negated; then the checksum does not matter. */
	p.record[0] = 84;
	assert_int_equal(send_to_peer(&p, 26, false), -1);
	assert_non_null(strstr(err_message(&p.err), "\"tree/f\": forbidden characters"));
	pack32(p.record, 0xffffffac);
	assert_int_equal(send_to_peer(&p, 26, true), -1);
	assert_non_null(strstr(err_message(&p.err), "\"tree/f\": forbidden characters"));
	/* A name that is longer than any. */
	pack32(p.record, 17);
	pack32(p.record + 16, 16384);
	assert_int_equal(send_to_peer(&p, 26, true), -1);
	err_clear(&p.err);
	remove_place(p.place);
}

/* A move reads no file in the tick of the clock in which it was changed. */
static void
test_fresh_file(void **state)
{
	char *place = make_place();
	AUTO_FREE char *path = path_join(place, "f");
	char *paths[] = {path, NULL};
	const struct send_config config = {0};
	struct sent_list sent = {.wanted = true};
	struct send_outcome outcome;
	AUTO_FD int stream = stream_open("", 0);
	int answer[2], status;
	struct stat st, sent_at;
	pid_t silent;

	assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
	silent = fork();
	assert_true(silent >= 0);
	if (silent == 0) {
		/* It holds the answer's end open while the stream is written. */
		usleep(300000);
		_exit(0);
	}
	close(answer[1]);
	/* The stream is written in the end, when its first entry is of a tick that is over. */
	assert_int_equal(write_file(path, "content", 7, 0640, NULL), 0);
	assert_int_equal(send_paths(stream, answer[0], paths, &config, &sent, &outcome, NULL), -1);
	assert_int_equal(fstat(stream, &sent_at), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true((sent_at.st_ctim.tv_sec - st.st_ctim.tv_sec) * 1000 +
			    (sent_at.st_ctim.tv_nsec - st.st_ctim.tv_nsec) / 1000000 >=
		    10);
	assert_int_equal(waitpid(silent, &status, 0), silent);
	close(answer[0]);
	sent_finish(&sent);
	remove_place(place);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_receiver),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_fresh_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
