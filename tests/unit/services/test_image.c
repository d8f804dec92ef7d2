/* Pictures of qubes: what dom0 takes for one (case 101), the tint, and the file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <png.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "tools/services/image.h"

static int
parse(const char *header, size_t body, struct image *image)
{
	static uint8_t bytes[65536];
	size_t length = strlen(header);

	assert_true(length + body <= sizeof(bytes));
	memcpy(bytes, header, length);
	memset(bytes + length, 0, body);
	return image_parse(bytes, length + body, IMAGE_WIDTH_MAX, IMAGE_HEIGHT_MAX, image);
}

static void
test_headers(void **state)
{
	static const char *const bad[] = {"8193 1\n", "0 0\n", "1 1 1\n", "1x1\n", "1 5121\n",
		"99999999999999999999 1\n", "01 1\n", " 1 1\n", "1  1\n", "1 1", "1 1\r\n",
		"-1 1\n", "+1 1\n", "1\n1\n", "", "\n", "1 1 \n", "4294967297 1\n"};
	struct image image;

	assert_int_equal(parse("1 1\n", 4, &image), 0);
	assert_int_equal(image.width, 1);
	assert_int_equal(parse("16 32\n", 16 * 32 * 4, &image), 0);
	assert_int_equal(image.height, 32);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], 4, &image) == 0)
			fail_msg("accepted: %s", bad[i]);
	/* Short and long. */
	assert_int_equal(parse("2 2\n", 15, &image), -EBADMSG);
	assert_int_equal(parse("2 2\n", 17, &image), -EBADMSG);
	assert_int_equal(parse("8192 5120\n", 4, &image), -EBADMSG);
}

static void
test_tint(void **state)
{
	uint8_t pixels[] = {0, 0, 0, 1, 255, 255, 255, 2, 128, 128, 128, 3};

	image_tint(pixels, 3, 0x804020);
	assert_memory_equal(pixels, "\0\0\0\1\xff\xff\xff\2\x80\x40\x20\3", 12);
}

static void
test_file(void **state)
{
	char directory[] = "/tmp/bulkhead-image.XXXXXX";
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = NULL;
	png_image png = {.version = PNG_IMAGE_VERSION};
	uint8_t pixels[48 * 48 * 4];

	assert_non_null(mkdtemp(directory));
	path = path_join(directory, "label.png");
	assert_int_equal(image_write_label(0xcc0000, path, &err), 0);
	assert_true(png_image_begin_read_from_file(&png, path));
	assert_int_equal(png.width, 48);
	png.format = PNG_FORMAT_RGBA;
	assert_true(png_image_finish_read(&png, NULL, pixels, 0, NULL));
	assert_memory_equal(pixels + (24 * 48 + 24) * 4, "\xcc\0\0\xff", 4);
	assert_memory_equal(pixels, "\0\0\0\0", 4);
	assert_int_equal(remove_tree(directory, &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_tint),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
