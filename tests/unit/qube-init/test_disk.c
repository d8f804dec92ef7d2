/* What is on a disk: only one that was never used may be formatted. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "qube-init/ext4.h"
#include "qube-init/setup.h"

#define DISK_BYTES (32 * 1024 * 1024)

static char path[64];

static int
make_disk(void **state)
{
	int fd;

	snprintf(path, sizeof path, "/tmp/test-disk.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, DISK_BYTES), 0);
	close(fd);
	return 0;
}

static int
remove_disk(void **state)
{
	return unlink(path);
}

static void
put_bytes(off_t offset, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, data, size, offset), size);
	close(fd);
}

static struct disk_facts
examine(void)
{
	struct disk_facts facts;

	assert_int_equal(disk_examine(path, &facts, NULL), 0);
	return facts;
}

static void
format(const char *size)
{
	const char *const argv[] = {"/sbin/mke2fs", "-q", "-F", "-t", "ext4", path, size, NULL};
	struct err err = ERR_INIT;

	if (setup_run(&err, argv) < 0)
		fail_msg("%s", err_message(&err));
}

static void
test_empty(void **state)
{
	assert_int_equal(examine().content, DISK_CONTENT_EMPTY);
	assert_int_equal(examine().disk_bytes, DISK_BYTES);
	assert_false(disk_can_grow(&(struct disk_facts){.disk_bytes = DISK_BYTES}));
	/* Past the part that counts. */
	put_bytes(EXT4_EMPTY_BYTES, "x", 1);
	assert_int_equal(examine().content, DISK_CONTENT_EMPTY);
	put_bytes(EXT4_EMPTY_BYTES - 1, "x", 1);
	assert_int_equal(examine().content, DISK_CONTENT_OTHER);
}

static void
test_first_byte(void **state)
{
	put_bytes(0, "x", 1);
	assert_int_equal(examine().content, DISK_CONTENT_OTHER);
}

static void
test_formatted(void **state)
{
	struct disk_facts facts;

	if (access("/sbin/mke2fs", X_OK) < 0)
		skip();
	format("16M");
	facts = examine();
	assert_int_equal(facts.content, DISK_CONTENT_CLEAN);
	assert_int_equal(facts.filesystem_bytes, 16 * 1024 * 1024);
	assert_true(disk_can_grow(&facts));
	format("32M");
	facts = examine();
	assert_false(disk_can_grow(&facts));
}

static void
test_dirty(void **state)
{
	const uint8_t not_clean[2] = {0, 0}, errors[2] = {3, 0};

	if (access("/sbin/mke2fs", X_OK) < 0)
		skip();
	format("32M");
	put_bytes(1024 + 58, not_clean, 2);
	assert_int_equal(examine().content, DISK_CONTENT_DIRTY);
	put_bytes(1024 + 58, errors, 2);
	assert_int_equal(examine().content, DISK_CONTENT_DIRTY);
}

static void
test_damaged(void **state)
{
	uint8_t garbage[1024];

	if (access("/sbin/mke2fs", X_OK) < 0)
		skip();
	format("32M");
	memset(garbage, 0xa5, sizeof garbage);
	put_bytes(1024, garbage, sizeof garbage);
	assert_int_equal(examine().content, DISK_CONTENT_OTHER);
	/* The superblock itself wiped: the rest still says that the disk was used. */
	memset(garbage, 0, sizeof garbage);
	put_bytes(1024, garbage, sizeof garbage);
	assert_int_equal(examine().content, DISK_CONTENT_OTHER);
	/* The right magic and a nonsense of everything else. */
	memset(garbage, 0xff, sizeof garbage);
	garbage[56] = 0x53;
	garbage[57] = 0xef;
	put_bytes(1024, garbage, sizeof garbage);
	assert_int_equal(examine().content, DISK_CONTENT_DIRTY);
	assert_int_equal(examine().filesystem_bytes, 0);
}

static void
test_short(void **state)
{
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(examine().content, DISK_CONTENT_EMPTY);
	assert_int_equal(disk_examine("/nonexistent", &(struct disk_facts){0}, NULL), -1);
}

#define DISK_TEST(test) cmocka_unit_test_setup_teardown(test, make_disk, remove_disk)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DISK_TEST(test_empty),
		DISK_TEST(test_first_byte),
		DISK_TEST(test_formatted),
		DISK_TEST(test_dirty),
		DISK_TEST(test_damaged),
		DISK_TEST(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
