/*
 * The receiver on any stream, into a destination that has a directory `d` with a file `x`, and a
 * file `f`. Whatever the stream is, there is a result; after an error all is as it was; `f` and
 * `d/x` always are; and nothing is ever made beside the destination.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filecopy/receive.h"
#include "filecopy/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char base[64];
static int base_fd = -1;

static void
remove_base(void)
{
	tree_remove_path(base);
}

static void
make_base(void)
{
	const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(base, sizeof(base), "%s/bulkhead-fuzz.XXXXXX", memory);
	assert(mkdtemp(base) != NULL);
	base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(base_fd >= 0);
	tree_raise_limits();
	atexit(remove_base);
}

static void
make_file(int directory, const char *name)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert(fd >= 0 && write(fd, name, 1) == 1);
	close(fd);
}

static int
make_destination(void)
{
	int destination;

	assert(mkdirat(base_fd, "destination", 0700) == 0);
	destination = tree_open_directory(base_fd, "destination");
	assert(destination >= 0 && mkdirat(destination, "d", 0700) == 0);
	make_file(destination, "f");
	make_file(destination, "d/x");
	return destination;
}

static struct tree_sum
sum_of(int parent, const char *name)
{
	struct tree_sum sum;

	assert(tree_summarize(parent, name, &sum) == 0);
	return sum;
}

static bool
is_as_before(int destination, const char *name, const struct tree_sum *before)
{
	struct tree_sum now = sum_of(destination, name);

	return tree_same_sum(&now, before);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct receive_outcome outcome;
	struct receive_config config = {.max_bytes = 1 << 20, .max_entries = 1000};
	struct tree_sum all, file, inner;
	int stream, destination;
	uint32_t code;

	if (size < 1)
		return 0;
	if (base_fd < 0)
		make_base();
	/* Any flags but the one that takes links without a look. */
	config.flags = data[0] & 15;
	stream = memfd_create("stream", MFD_CLOEXEC);
	assert(stream >= 0 && write(stream, data + 1, size - 1) == (ssize_t)(size - 1) &&
		lseek(stream, 0, SEEK_SET) == 0);
	destination = make_destination();
	all = sum_of(base_fd, "destination");
	file = sum_of(destination, "f");
	inner = sum_of(destination, "d/x");

	code = receive_transfer(stream, destination, -1, &config, &outcome);
	assert(code == outcome.result.code && outcome.name_length <= FILECOPY_NAME_MAX);
	assert(code == 0 || is_as_before(base_fd, "destination", &all));
	assert(is_as_before(destination, "f", &file));
	assert(fchmodat(destination, "d", 0700, 0) == 0 &&
		is_as_before(destination, "d/x", &inner));
	close(destination);
	close(stream);
	assert(tree_remove(base_fd, "destination") == 0);
	assert(tree_summarize_path(base, &all) == 0 && all.count == 1);
	return 0;
}
