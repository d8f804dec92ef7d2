/*
 * The last few kinds of new images; see qcow2_pattern.h. Runs in bulkheadd, on bytes that qemu-img
 * wrote and no machine has seen. Of an image only the pages with something in them are kept: three
 * or four of fifty.
 */
#include "admin/storage/qcow2_pattern.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

/* A few volumes of each of the templates in use. The oldest gives way. */
#define PATTERNS_MAX 24
#define PAGE_BYTES 4096
#define PAGES_MAX 16
/* Those of very large volumes have longer tables. */
#define IMAGE_BYTES_MAX (1024 * 1024)

struct page {
	off_t offset;
	uint8_t bytes[PAGE_BYTES];
};

struct pattern {
	char *backing;
	uint64_t size_bytes;
	off_t length;
	size_t page_count;
	struct page pages[PAGES_MAX];
};

static struct pattern *patterns[PATTERNS_MAX];
static size_t next_place;

static const struct pattern *
find(const char *backing, uint64_t size_bytes)
{
	for (size_t i = 0; i < PATTERNS_MAX; i++) {
		const struct pattern *p = patterns[i];

		if (p != NULL && p->size_bytes == size_bytes && text_equal(p->backing, backing))
			return p;
	}
	return NULL;
}

int
qcow2_pattern_write(int fd, const char *backing, uint64_t size_bytes, struct err *err)
{
	const struct pattern *p = find(backing, size_bytes);

	if (p == NULL)
		return 0;
	if (ftruncate(fd, p->length) < 0)
		return err_set_errno(err, errno, "cannot set its length");
	for (size_t i = 0; i < p->page_count; i++) {
		size_t size = PAGE_BYTES;
		ssize_t written;

		/* The last page ends where the file does. */
		if (p->length - p->pages[i].offset < PAGE_BYTES)
			size = (size_t)(p->length - p->pages[i].offset);
		written = pwrite(fd, p->pages[i].bytes, size, p->pages[i].offset);
		if (written != (ssize_t)size)
			return err_set_errno(err, written < 0 ? errno : ENOSPC, "cannot write");
	}
	return 1;
}

/* False when it is not what an empty image looks like. */
static bool
read_pages(int fd, struct pattern *p)
{
	static const uint8_t nothing[PAGE_BYTES];

	for (off_t offset = 0; offset < p->length; offset += PAGE_BYTES) {
		struct page page = {.offset = offset};
		ssize_t count = pread(fd, page.bytes, PAGE_BYTES, offset);

		if (count <= 0 || (count < PAGE_BYTES && offset + count < p->length))
			return false;
		if (memcmp(page.bytes, nothing, PAGE_BYTES) == 0)
			continue;
		if (p->page_count == PAGES_MAX)
			return false;
		p->pages[p->page_count++] = page;
	}
	return p->page_count > 0;
}

static void
destroy(struct pattern *p)
{
	if (p != NULL)
		free(p->backing);
	free(p);
}

void
qcow2_pattern_remember(int fd, const char *backing, uint64_t size_bytes)
{
	struct pattern *p;
	struct stat st;

	if (find(backing, size_bytes) != NULL || fstat(fd, &st) < 0 || st.st_size > IMAGE_BYTES_MAX)
		return;
	p = xcalloc(1, sizeof(*p));
	p->backing = text_copy(backing);
	p->size_bytes = size_bytes;
	p->length = st.st_size;
	if (!read_pages(fd, p)) {
		destroy(p);
		return;
	}
	destroy(patterns[next_place]);
	patterns[next_place] = p;
	next_place = (next_place + 1) % PATTERNS_MAX;
}

void
qcow2_pattern_forget(void)
{
	for (size_t i = 0; i < PATTERNS_MAX; i++) {
		destroy(patterns[i]);
		patterns[i] = NULL;
	}
}
