#include "qube-init/ext4.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

/* The superblock and, as offsets into it, the fields we look at. */
#define SUPERBLOCK_OFFSET 1024
#define SUPERBLOCK_SIZE 1024
#define FIELD_BLOCKS_LOW 4
#define FIELD_BLOCK_SIZE_LOG 24
#define FIELD_MAGIC 56
#define FIELD_STATE 58
#define FIELD_INCOMPATIBLE 96
#define FIELD_BLOCKS_HIGH 336

#define MAGIC 0xef53
#define STATE_CLEAN 1
#define STATE_ERRORS 2
#define INCOMPATIBLE_RECOVER 4
#define INCOMPATIBLE_64BIT 0x80

#define READ_SIZE ((size_t)64 * 1024)

static uint16_t
field16(const uint8_t *superblock, size_t offset)
{
	return (uint16_t)(superblock[offset] | superblock[offset + 1] << 8);
}

static uint32_t
field32(const uint8_t *superblock, size_t offset)
{
	return field16(superblock, offset) | (uint32_t)field16(superblock, offset + 2) << 16;
}

static bool
all_zero(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* 1 if the start of the disk is zero, 0 if not, or a negative errno. */
static int
starts_empty(int fd)
{
	AUTO_FREE uint8_t *data = xcalloc(1, READ_SIZE);

	for (off_t offset = 0; offset < EXT4_EMPTY_BYTES; offset += (off_t)READ_SIZE) {
		ssize_t got = pread(fd, data, READ_SIZE, offset);

		if (got < 0)
			return -errno;
		if (!all_zero(data, (size_t)got))
			return 0;
		if (got == 0)
			break;
	}
	return 1;
}

static void
read_filesystem(const uint8_t *superblock, struct disk_facts *facts)
{
	uint32_t incompatible = field32(superblock, FIELD_INCOMPATIBLE);
	uint16_t state = field16(superblock, FIELD_STATE);
	uint32_t size_log = field32(superblock, FIELD_BLOCK_SIZE_LOG);
	uint64_t blocks = field32(superblock, FIELD_BLOCKS_LOW);

	if ((incompatible & INCOMPATIBLE_64BIT) != 0)
		blocks |= (uint64_t)field32(superblock, FIELD_BLOCKS_HIGH) << 32;
	if ((state & STATE_CLEAN) != 0 && (state & STATE_ERRORS) == 0 &&
		(incompatible & INCOMPATIBLE_RECOVER) == 0)
		facts->content = DISK_CONTENT_CLEAN;
	else
		facts->content = DISK_CONTENT_DIRTY;
	/* Blocks of 1 to 64 KiB; anything else is damage, which the check will name. */
	if (size_log > 6 || blocks > UINT64_MAX >> 17) {
		facts->content = DISK_CONTENT_DIRTY;
		return;
	}
	facts->filesystem_bytes = blocks << (10 + size_log);
}

int
disk_examine(const char *path, struct disk_facts *ret_facts, struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t superblock[SUPERBLOCK_SIZE] = {0};
	struct disk_facts facts = {.content = DISK_CONTENT_OTHER};
	off_t end;

	if (fd < 0 || (end = lseek(fd, 0, SEEK_END)) < 0 ||
		pread(fd, superblock, sizeof superblock, SUPERBLOCK_OFFSET) < 0)
		return err_set_errno(err, errno, "disk '%s': cannot read", path);
	facts.disk_bytes = (uint64_t)end;
	if (field16(superblock, FIELD_MAGIC) == MAGIC) {
		read_filesystem(superblock, &facts);
	} else {
		int empty = starts_empty(fd);

		if (empty < 0)
			return err_set_errno(err, -empty, "disk '%s': cannot read", path);
		if (empty > 0)
			facts.content = DISK_CONTENT_EMPTY;
	}
	*ret_facts = facts;
	return 0;
}

bool
disk_can_grow(const struct disk_facts *facts)
{
	return facts->filesystem_bytes != 0 && facts->disk_bytes > facts->filesystem_bytes &&
	       facts->disk_bytes - facts->filesystem_bytes > EXT4_GROW_SLACK_BYTES;
}
