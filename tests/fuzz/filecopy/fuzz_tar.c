/*
 * Headers and records of tar archives: blocks of the input, with the checksum made right, because
 * otherwise few would be looked at.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "filecopy/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
make_right(uint8_t block[TAR_BLOCK_BYTES])
{
	unsigned int sum = 0;

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
		sum += block[i];
	snprintf((char *)block + 148, 8, "%06o", sum);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tar_member m;
	static char body[TAR_EXTENSION_MAX + 1];

	memset(&m, 0, sizeof(m));
	while (size >= TAR_BLOCK_BYTES) {
		AUTO_ERR struct err err = ERR_INIT;
		uint8_t block[TAR_BLOCK_BYTES];

		memcpy(block, data, sizeof(block));
		data += sizeof(block);
		size -= sizeof(block);
		make_right(block);
		if (tar_take_header(&m, block, &err) < 0)
			return 0;
		assert(strlen(m.name) <= FILECOPY_NAME_MAX);
		assert(strlen(m.target) <= FILECOPY_TARGET_MAX);
		if (m.kind < TAR_LONG_NAME || m.kind == TAR_END) {
			assert(m.mtime.tv_nsec >= 0 && m.mtime.tv_nsec < 1000000000);
			memset(&m, 0, sizeof(m));
			continue;
		}
		assert(m.size <= TAR_EXTENSION_MAX);
		if (m.size > size)
			return 0;
		memcpy(body, data, m.size);
		body[m.size] = '\0';
		data += m.size;
		size -= m.size;
		if (tar_take_extension(&m, m.kind, body, m.size, &err) < 0)
			return 0;
	}
	return 0;
}
