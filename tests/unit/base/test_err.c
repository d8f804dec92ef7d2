/* Errors gather context from the inside out and can be handed on. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/err.h"

static void
context_goes_in_front(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;

	assert_string_equal(err_message(&err), "no error");
	assert_int_equal(err_set_errno(&err, ENOSPC, "image '%s': cannot write", "root"), -1);
	assert_int_equal(err_wrap(&err, "qube '%s'", "work"), -1);
	assert_string_equal(err_message(&err),
		"qube 'work': image 'root': cannot write: No space left on device");
	assert_int_equal(err.code, ENOSPC);
	assert_null(err.kind);
}

static void
the_kind_survives(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_ERR struct err copy = ERR_INIT;

	err_set_kind(&err, "QubesValueError", EINVAL, "bad value");
	err_wrap(&err, "context");
	err_set(&copy, EIO, "old");
	err_move(&copy, &err);
	assert_string_equal(copy.kind, "QubesValueError");
	assert_string_equal(err_message(&copy), "context: bad value");
	assert_string_equal(err_message(&err), "no error");
}

static void
nobody_has_to_listen(void **state)
{
	assert_int_equal(err_set(NULL, EIO, "lost"), -1);
	assert_int_equal(err_set_errno(NULL, EIO, "lost"), -1);
	assert_int_equal(err_wrap(NULL, "lost"), -1);
	assert_string_equal(err_message(NULL), "no error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(context_goes_in_front),
		cmocka_unit_test(the_kind_survives),
		cmocka_unit_test(nobody_has_to_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
