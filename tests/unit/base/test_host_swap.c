/* Swap areas of a host, in a /proc and a /sys of the test's own. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/host_swap.h"
#include "base/path.h"
#include "base/text.h"
#include "cmocka_all.h"

struct host {
	char directory[PATH_MAX];
	char *swaps, *devices, *area;
	char device[64]; /* "MAJOR:MINOR" of what the area is on */
};

static void
put(const struct host *h, const char *name, const char *text)
{
	AUTO_FREE char *path = path_join(h->directory, name);
	AUTO_FREE char *parent = text_copy(path);

	*strrchr(parent, '/') = '\0';
	assert_int_equal(make_directories(parent, 0700, NULL), 0);
	assert_int_equal(write_file(path, text, strlen(text), 0600, NULL), 0);
}

static int
start(void **state)
{
	struct host *h = xcalloc(1, sizeof(*h));
	struct stat st;

	(void)snprintf(h->directory, sizeof(h->directory), "/tmp/bulkhead-swap.XXXXXX");
	assert_non_null(mkdtemp(h->directory));
	h->swaps = path_join(h->directory, "swaps");
	h->devices = path_join(h->directory, "dev");
	h->area = path_join(h->directory, "swap file");
	put(h, "swap file", "");
	assert_int_equal(stat(h->area, &st), 0);
	(void)snprintf(h->device, sizeof(h->device), "%u:%u", major(st.st_dev), minor(st.st_dev));
	*state = h;
	return 0;
}

static int
stop(void **state)
{
	struct host *h = *state;

	(void)remove_tree(h->directory, NULL);
	free(h->swaps);
	free(h->devices);
	free(h->area);
	free(h);
	return 0;
}

/* One area in use: the file with a blank in its name. */
static void
use_area(const struct host *h)
{
	AUTO_FREE char *text = text_format("Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
					   "%s/swap\\040file file 1024 0 -2\n",
		h->directory);

	put(h, "swaps", text);
}

static void
assert_in_clear(const struct host *h, const char *expected)
{
	AUTO_FREE char *found = host_swap_in_clear_at(h->swaps, h->devices);

	if (expected == NULL)
		assert_null(found);
	else
		assert_string_equal(found, expected);
}

static void
put_device(const struct host *h, const char *name, const char *text)
{
	AUTO_FREE char *path = text_format("dev/%s/%s", h->device, name);

	put(h, path, text);
}

static void
test_none(void **state)
{
	const struct host *h = *state;

	assert_in_clear(h, NULL);
	put(h, "swaps", "Filename\tType\n");
	assert_in_clear(h, NULL);
}

static void
test_in_clear(void **state)
{
	const struct host *h = *state;

	use_area(h);
	assert_in_clear(h, h->area);
	put_device(h, "dm/uuid", "LVM-abc\n");
	assert_in_clear(h, h->area);
	put(h, "swaps", "Filename\n/nowhere/at/all partition 1 0 -2\n");
	assert_in_clear(h, "/nowhere/at/all");
}

static void
test_encrypted(void **state)
{
	const struct host *h = *state;

	use_area(h);
	put_device(h, "dm/uuid", "CRYPT-PLAIN-swap\n");
	assert_in_clear(h, NULL);
}

static void
test_volume_on_encrypted(void **state)
{
	const struct host *h = *state;

	use_area(h);
	put_device(h, "dm/uuid", "LVM-abc\n");
	put_device(h, "slaves/dm-0/dm/uuid", "CRYPT-LUKS2-abc\n");
	assert_in_clear(h, NULL);
	put_device(h, "slaves/sda2/size", "4\n");
	assert_in_clear(h, h->area);
}

static void
test_compressed_memory(void **state)
{
	struct host *h = *state;
	AUTO_FREE char *from = text_format("%s/zram0", h->directory);
	AUTO_FREE char *to = text_format("%s/%s", h->devices, h->device);

	use_area(h);
	put(h, "zram0/backing_dev", "none\n");
	assert_int_equal(make_directories(h->devices, 0700, NULL), 0);
	assert_int_equal(symlink(from, to), 0);
	assert_in_clear(h, NULL);
	put(h, "zram0/backing_dev", "/dev/sda3\n");
	assert_in_clear(h, h->area);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, start, stop),
		cmocka_unit_test_setup_teardown(test_in_clear, start, stop),
		cmocka_unit_test_setup_teardown(test_encrypted, start, stop),
		cmocka_unit_test_setup_teardown(test_volume_on_encrypted, start, stop),
		cmocka_unit_test_setup_teardown(test_compressed_memory, start, stop),
	};

	return cmocka_run_group_tests_name("host_swap", tests, NULL, NULL);
}
