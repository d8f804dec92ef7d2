/*
 * Reading qcow2 headers (docs/interop/qcow2.txt of QEMU); see qcow2.h. Runs in bulkheadd on bytes
 * that a qube's machine may have written.
 */
#include "admin/storage/qcow2.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QCOW2_MAGIC 0x514649fbU
#define QCOW2_HEADER_2_BYTES 72
#define QCOW2_HEADER_3_BYTES 104

#define QCOW2_ENCRYPTED_LUKS 2

/* Incompatible features. Dirty: refcounts are stale after a crash; QEMU repairs that itself. */
#define QCOW2_FEATURE_DIRTY (1U << 0)
#define QCOW2_FEATURE_CORRUPT (1U << 1)

static uint32_t
get_be32(const uint8_t *bytes, size_t offset)
{
	return (uint32_t)bytes[offset] << 24 | (uint32_t)bytes[offset + 1] << 16 |
	       (uint32_t)bytes[offset + 2] << 8 | bytes[offset + 3];
}

static uint64_t
get_be64(const uint8_t *bytes, size_t offset)
{
	return (uint64_t)get_be32(bytes, offset) << 32 | get_be32(bytes, offset + 4);
}

static int
refuse(struct err *err, const char *why)
{
	return err_set(err, EBADMSG, "not an image of ours: %s", why);
}

static int
parse_backing(const uint8_t *bytes, size_t count, struct qcow2_header *header, struct err *err)
{
	uint64_t offset = get_be64(bytes, 8);
	uint32_t length = get_be32(bytes, 16);

	if (offset == 0)
		return 0;
	if (length == 0 || length > QCOW2_NAME_MAX || offset > count || length > count - offset)
		return refuse(err, "the name of its base is out of bounds");
	if (memchr(bytes + offset, '\0', length) != NULL)
		return refuse(err, "the name of its base has a NUL in it");
	memcpy(header->backing, bytes + offset, length);
	return 0;
}

static int
check_features(const uint8_t *bytes, size_t count, struct err *err)
{
	uint64_t features;

	if (count < QCOW2_HEADER_3_BYTES || get_be32(bytes, 100) < QCOW2_HEADER_3_BYTES)
		return refuse(err, "the header is too short");
	features = get_be64(bytes, 72);
	if ((features & QCOW2_FEATURE_CORRUPT) != 0)
		return refuse(err, "it is marked as corrupt");
	if ((features & ~(uint64_t)QCOW2_FEATURE_DIRTY) != 0)
		return refuse(err, "it needs a feature that is not used here");
	return 0;
}

int
qcow2_parse_header(const uint8_t *untrusted_bytes, size_t count, uint64_t file_bytes,
	struct qcow2_header *ret, struct err *err)
{
	const uint8_t *bytes = untrusted_bytes;
	struct qcow2_header header = {0};
	uint32_t version, cluster_bits;

	if (count < QCOW2_HEADER_2_BYTES || get_be32(bytes, 0) != QCOW2_MAGIC)
		return refuse(err, "it has no qcow2 header");
	version = get_be32(bytes, 4);
	if (version != 2 && version != 3)
		return refuse(err, "its version is unknown");
	cluster_bits = get_be32(bytes, 20);
	if (cluster_bits < 9 || cluster_bits > 21)
		return refuse(err, "its cluster size is out of bounds");
	if (get_be32(bytes, 32) != 0 && get_be32(bytes, 32) != QCOW2_ENCRYPTED_LUKS)
		return refuse(err, "it is encrypted");
	if (get_be64(bytes, 40) > file_bytes || get_be64(bytes, 48) > file_bytes)
		return refuse(err, "its tables are beyond its end");
	if (version == 3 && check_features(bytes, count, err) < 0)
		return -1;
	if (parse_backing(bytes, count, &header, err) < 0)
		return -1;
	header.size_bytes = get_be64(bytes, 24);
	header.is_encrypted = get_be32(bytes, 32) == QCOW2_ENCRYPTED_LUKS;
	*ret = header;
	return 0;
}

int
qcow2_read_header(int fd, struct qcow2_header *ret, struct err *err)
{
	uint8_t bytes[QCOW2_HEADER_BYTES];
	struct stat st;
	ssize_t count;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "cannot look at it");
	if (!S_ISREG(st.st_mode))
		return refuse(err, "it is no regular file");
	count = pread(fd, bytes, sizeof(bytes), 0);
	if (count < 0)
		return err_set_errno(err, errno, "cannot read it");
	return qcow2_parse_header(bytes, (size_t)count, (uint64_t)st.st_size, ret, err);
}
