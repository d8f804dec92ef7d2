/*
 * The receiver on any stream. Whatever it is, there is a result; after an error nothing is in the
 * destination; and nothing is ever made beside it.
 */
#include <assert.h>
#include <fcntl.h>
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct receive_outcome outcome;
	struct receive_config config = {.max_bytes = 1 << 20, .max_entries = 1000};
	struct tree_sum sum;
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
	assert(mkdirat(base_fd, "destination", 0700) == 0);
	destination = tree_open_directory(base_fd, "destination");
	assert(destination >= 0);

	code = receive_transfer(stream, destination, -1, &config, &outcome);
	assert(code == outcome.result.code && outcome.name_length <= FILECOPY_NAME_MAX);
	if (code != 0) {
		assert(tree_summarize(base_fd, "destination", &sum) == 0);
		assert(sum.count == 1);
	}
	close(destination);
	close(stream);
	assert(tree_remove(base_fd, "destination") == 0);
	assert(tree_summarize_path(base, &sum) == 0 && sum.count == 1);
	return 0;
}
