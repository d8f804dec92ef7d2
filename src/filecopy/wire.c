/*
 * Encoding and decoding of headers and result records (wire.h). Pure functions on bytes of fixed
 * number; used by both ends, in a qube and in dom0.
 */
#include "filecopy/wire.h"

#include <errno.h>
#include <libdeflate.h>
#include <string.h>

static void
put_u32(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t
get_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

void
filecopy_header_encode(
	const struct filecopy_header *header, uint8_t ret_bytes[FILECOPY_HEADER_BYTES])
{
	put_u32(ret_bytes, header->name_length);
	put_u32(ret_bytes + 4, header->mode);
	put_u32(ret_bytes + 8, (uint32_t)header->size);
	put_u32(ret_bytes + 12, (uint32_t)(header->size >> 32));
	put_u32(ret_bytes + 16, header->atime);
	put_u32(ret_bytes + 20, header->atime_nsec);
	put_u32(ret_bytes + 24, header->mtime);
	put_u32(ret_bytes + 28, header->mtime_nsec);
}

void
filecopy_header_decode(
	const uint8_t bytes[FILECOPY_HEADER_BYTES], struct filecopy_header *ret_header)
{
	ret_header->name_length = get_u32(bytes);
	ret_header->mode = get_u32(bytes + 4);
	ret_header->size = get_u32(bytes + 8) | (uint64_t)get_u32(bytes + 12) << 32;
	ret_header->atime = get_u32(bytes + 16);
	ret_header->atime_nsec = get_u32(bytes + 20);
	ret_header->mtime = get_u32(bytes + 24);
	ret_header->mtime_nsec = get_u32(bytes + 28);
}

uint32_t
filecopy_header_check(const struct filecopy_header *untrusted_header)
{
	if (untrusted_header->name_length == 0)
		return 0;
	if (untrusted_header->name_length > FILECOPY_NAME_MAX)
		return ENAMETOOLONG;
	if (untrusted_header->atime_nsec > FILECOPY_NSEC_MAX ||
		untrusted_header->mtime_nsec > FILECOPY_NSEC_MAX)
		return EINVAL;
	if (untrusted_header->size > INT64_MAX)
		return EDQUOT;
	return 0;
}

void
filecopy_result_encode(const struct filecopy_result *result, uint32_t name_length,
	uint8_t ret_bytes[FILECOPY_RESULT_BYTES + FILECOPY_RESULT_TAIL_BYTES])
{
	memset(ret_bytes, 0, FILECOPY_RESULT_BYTES + FILECOPY_RESULT_TAIL_BYTES);
	put_u32(ret_bytes, result->code);
	put_u32(ret_bytes + 8, result->checksum);
	put_u32(ret_bytes + 16, name_length);
}

void
filecopy_result_decode(
	const uint8_t untrusted_bytes[FILECOPY_RESULT_BYTES], struct filecopy_result *ret_result)
{
	uint32_t code = get_u32(untrusted_bytes);

	ret_result->code = code > INT32_MAX ? 0 - code : code;
	ret_result->checksum = get_u32(untrusted_bytes + 8);
}

int
filecopy_result_name_length(
	const uint8_t untrusted_bytes[FILECOPY_RESULT_TAIL_BYTES], uint32_t *ret_length)
{
	uint32_t length = get_u32(untrusted_bytes);

	if (length > FILECOPY_NAME_MAX)
		return -EPROTO;
	*ret_length = length;
	return 0;
}

const char *
filecopy_result_text(uint32_t code)
{
	switch (code) {
	case ENOENT:
		return "its directory was not sent, or the link has no target";
	case EEXIST:
		return "already exists, not moved/copied further";
	case ENOTDIR:
		return "something that is not a directory is in the way";
	case EINVAL:
		return "remote side does not accept this entry";
	case ENOSPC:
		return "the disk of the other side is full";
	case ENAMETOOLONG:
		return "the name is too long";
	case ENOLINK:
		return "unsafe symbolic link";
	case EILSEQ:
		return "forbidden characters in the name; rename it, or allow all names "
		       "(qubes.Filecopy+allow-all-names)";
	case ETIMEDOUT:
		return "nothing was sent for too long";
	case EREMOTEIO:
	case FILECOPY_CUT_OFF:
		return "peer aborted";
	case EDQUOT:
		return "file too large / quota";
	default:
		return code < 4096 ? strerror((int)code) : "unknown error";
	}
}

uint32_t
filecopy_checksum(uint32_t checksum, const void *data, size_t size)
{
	return libdeflate_crc32(checksum, data, size);
}
