/* The part of shell syntax in which kept paths are listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qube-init/bind_dirs.h"

static void
test_accepted(void **state)
{
	struct bind_paths paths = {0};

	assert_int_equal(bind_paths_parse(&paths, "", NULL), 0);
	assert_int_equal(bind_paths_parse(&paths,
				 "# kept\nbinds+=( '/etc/a b' )\n\n"
				 "binds+=( \"/var/lib/x\" /srv # why\n '/d' );binds+=()\n",
				 NULL),
		0);
	assert_int_equal(paths.count, 4);
	assert_string_equal(paths.paths[0], "/etc/a b");
	assert_string_equal(paths.paths[1], "/var/lib/x");
	assert_string_equal(paths.paths[2], "/srv");
	assert_string_equal(paths.paths[3], "/d");
	assert_int_equal(bind_paths_parse(&paths, "binds=( /only )", NULL), 0);
	assert_int_equal(paths.count, 1);
	assert_string_equal(paths.paths[0], "/only");
	bind_paths_finish(&paths);
	assert_int_equal(paths.count, 0);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"echo x",
		"binds+=( '/a'",
		"binds+=( '/a )",
		"binds+=( relative )",
		"binds+=( '' )",
		"binds+=( $HOME )",
		"binds+=( \"/$x\" )",
		"binds+=( \"/`id`\" )",
		"binds+=( /a* )",
		"binds+=( '/a''b' )",
		"binds+=( '/a\nb' )",
		"binds+= ( /a )",
		"binds+=( /a ) && rm /",
		"for x in y; do binds+=( /a ); done",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct bind_paths paths = {0};

		assert_int_equal(bind_paths_parse(&paths, bad[i], NULL), -1);
		bind_paths_finish(&paths);
	}
}

static void
test_too_many(void **state)
{
	struct bind_paths paths = {0};

	for (int i = 0; i < BIND_PATHS_MAX; i++)
		assert_int_equal(bind_paths_parse(&paths, "binds+=( /a )", NULL), 0);
	assert_int_equal(bind_paths_parse(&paths, "binds+=( /a )", NULL), -1);
	bind_paths_finish(&paths);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
