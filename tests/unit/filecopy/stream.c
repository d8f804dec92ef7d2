/* Streams for the tests (stream.h). */
#include "stream.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

static uint32_t
mode_of(const struct entry *e)
{
	uint32_t type = e->kind == 'd' ? S_IFDIR : e->kind == 'l' ? S_IFLNK : S_IFREG;
	uint32_t bits = e->kind == 'd' ? 0755 : e->kind == 'l' ? 0777 : 0644;

	if ((e->mode & S_IFMT) != 0)
		return e->mode == S_IFMT ? 0 : e->mode; /* S_IFMT alone: no type at all */
	return type | (e->mode != 0 ? e->mode : bits);
}

void
stream_put(struct buf *stream, const struct entry *e)
{
	static const uint8_t end[FILECOPY_HEADER_BYTES];
	size_t data_size = e->data != NULL ? strlen(e->data) : 0;
	struct filecopy_header header = {0};
	uint8_t bytes[FILECOPY_HEADER_BYTES];

	if (e->kind == 'E') {
		assert(buf_put(stream, end, sizeof(end)) == 0);
		return;
	}
	if (e->kind == 'r') {
		assert(buf_put(stream, e->name, e->name_size) == 0);
		return;
	}
	header.name_length = (uint32_t)(e->name_size != 0 ? e->name_size : strlen(e->name) + 1);
	header.mode = mode_of(e);
	header.size = e->size != 0 ? e->size : data_size;
	header.mtime = e->mtime;
	header.mtime_nsec = e->mtime_nsec;
	filecopy_header_encode(&header, bytes);
	assert(buf_put(stream, bytes, sizeof(bytes)) == 0);
	if (e->kind == 'h')
		return;
	assert(buf_put(stream, e->name, header.name_length) == 0);
	assert(e->data == NULL || buf_put(stream, e->data, data_size) == 0);
}

int
stream_open(const void *bytes, size_t size)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	assert(fd >= 0 && write_all(fd, bytes, size) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}
