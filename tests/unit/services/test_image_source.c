/* What qubes.GetImageRGBA is asked for, and which of several icons it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/text.h"
#include "services/image_source.h"

static int
parse(const char *text, struct image_source *source)
{
	static char line[IMAGE_LINE_MAX + 1];
	AUTO_ERR struct err err = ERR_INIT;

	snprintf(line, sizeof(line), "%s", text);
	return image_source_parse(line, source, &err);
}

static void
test_lines(void **state)
{
	static const char *const bad[] = {"", "x", "../x", "xdgicon:", "xdgicon:../x", "xdgicon:.x",
		"xdgicon:-x", "xdgicon:a/b", "xdgicon:a b", "exe:-", "text:/etc/passwd", "@x", "-x",
		"png:", "png:-x", ":-", "xdgicon:a*"};
	struct image_source source;

	(void)state;
	assert_int_equal(parse("/a/b.png", &source), 0);
	assert_int_equal(source.kind, IMAGE_FILE);
	assert_string_equal(source.name, "/a/b.png");
	assert_null(source.format);
	assert_int_equal(parse("xdgicon:org.x_y-z+1", &source), 0);
	assert_int_equal(source.kind, IMAGE_ICON);
	assert_string_equal(source.name, "org.x_y-z+1");
	assert_int_equal(parse("-", &source), 0);
	assert_int_equal(source.kind, IMAGE_FOLLOWS);
	assert_null(source.format);
	assert_int_equal(parse("jpg:-", &source), 0);
	assert_int_equal(source.kind, IMAGE_FOLLOWS);
	assert_string_equal(source.format, "jpeg");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &source), -1);
}

static void
test_formats(void **state)
{
	(void)state;
	assert_string_equal(image_format_detect("\x89PNG\r\n\x1a\n", 8), "png");
	assert_null(image_format_detect("\x89PNG\r\n\x1a", 7));
	assert_string_equal(image_format_detect("RIFF....WEBP", 12), "webp");
	assert_null(image_format_detect("RIFF....WEB", 11));
	assert_string_equal(image_format_detect("<?xml?><svg>", 12), "svg");
	assert_null(image_format_detect("", 0));
	assert_null(image_format_detect("#!/bin/sh", 9));
}

static void
test_distances(void **state)
{
	static const char *const best_first[] = {"/usr/share/icons/hicolor/64x64/apps/x.png",
		"/usr/share/icons/hicolor/96x96/apps/x.png",
		"/usr/share/icons/hicolor/512x512/apps/x.png", "/usr/share/pixmaps/x.png",
		"/usr/share/icons/hicolor/16x16/apps/x.png",
		"/usr/share/icons/hicolor/64x64/mimetypes/x.png"};

	(void)state;
	for (size_t i = 1; i < sizeof(best_first) / sizeof(best_first[0]); i++)
		assert_true(image_icon_distance(best_first[i - 1]) <=
			    image_icon_distance(best_first[i]));
	assert_int_equal(image_icon_distance("/usr/share/icons/a/scalable/apps/x.svg"), 0);
}

static void
put(const char *directory, const char *below)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *path = path_join(directory, below);
	char *slash = strrchr(path, '/');

	*slash = '\0';
	assert_int_equal(make_directories(path, 0700, &err), 0);
	*slash = '/';
	assert_int_equal(write_file(path, "x", 1, 0600, &err), 0);
}

static void
test_search(void **state)
{
	char directory[] = "/tmp/bulkhead-icons.XXXXXX";
	AUTO_ERR struct err err = ERR_INIT;
	char *found;

	(void)state;
	assert_non_null(mkdtemp(directory));
	setenv("XDG_DATA_HOME", directory, 1);
	setenv("XDG_DATA_DIRS", directory, 1);
	put(directory, "icons/hicolor/16x16/apps/one.png");
	put(directory, "icons/hicolor/48x48/apps/one.png");
	put(directory, "icons/hicolor/48x48/apps/one.more.png");
	put(directory, "icons/hicolor/64x64/apps/one.txt");
	put(directory, "pixmaps/one.xpm");
	put(directory, "pixmaps/two.xpm");
	put(directory, "pixmaps/mini.four_32x32.xpm");
	put(directory, "pixmaps/mini.four_48x48.xpm");
	found = image_find_icon("one");
	assert_non_null(found);
	assert_true(text_ends_with(found, "icons/hicolor/48x48/apps/one.png"));
	free(found);
	found = image_find_icon("two");
	assert_non_null(found);
	assert_true(text_ends_with(found, "pixmaps/two.xpm"));
	free(found);
	found = image_find_icon("mini.four");
	assert_non_null(found);
	assert_true(text_ends_with(found, "pixmaps/mini.four_48x48.xpm"));
	free(found);
	assert_null(image_find_icon("three"));
	assert_int_equal(remove_tree(directory, &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
