/* What is shown of a request, and which requests are none. */
#include "../base/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/prompt/request.h"

#define WITHOUT_DEFAULT                                                                            \
	"\"source\":\"work\",\"service\":\"qubes.Filecopy\",\"argument\":\"+\","                   \
	"\"targets\":[\"red\",\"@dispvm:dvm\",\"dom0\"],"                                          \
	"\"icons\":{\"work\":\"appvm-blue\",\"red\":\"appvm-red\",\"@dispvm:dvm\":"                \
	"\"dispvm-green\",\"dom0\":\"adminvm-black\"}"
#define GOOD "{" WITHOUT_DEFAULT ",\"default_target\":\"red\"}"

static int
parse(const char *text, struct request *ret)
{
	return request_parse(REQUEST_ASK, text, strlen(text), ret, NULL);
}

static void
a_request_of_the_original_is_understood(void **state)
{
	AUTO_REQUEST struct request r = {0};
	AUTO_FREE char *answer = NULL;

	assert_int_equal(parse(GOOD, &r), 0);
	assert_string_equal(r.source.words, "work");
	assert_int_equal(r.source.color, 0x3465a4);
	assert_string_equal(r.service, "qubes.Filecopy");
	assert_string_equal(r.argument, "");
	assert_int_equal(r.target_count, 3);
	assert_string_equal(r.targets[0].words, "Disposable VM (dvm)");
	assert_int_equal(r.targets[0].shape, SHAPE_DISPOSABLE);
	assert_int_equal(r.targets[0].color, 0x73d216);
	assert_string_equal(r.targets[1].words, "dom0, the host");
	assert_int_equal(r.targets[1].shape, SHAPE_HOST);
	assert_string_equal(r.targets[2].name, "red");
	assert_int_equal(r.default_target, 2);
	assert_false(r.bad_default);
	assert_int_equal(r.terms, 0);
	/* An asker that knows of no terms gets none. */
	answer = request_answer(&r, 0, 1);
	assert_string_equal(answer, "allow:@dispvm:dvm");
}

static void
terms_and_colors_are_ours(void **state)
{
	AUTO_REQUEST struct request r = {0};
	AUTO_FREE char *once = NULL, *hour = NULL;

	assert_int_equal(parse("{" WITHOUT_DEFAULT ",\"default_target\":\"\","
			       "\"colors\":{\"red\":\"0x123456\",\"work\":\"red\"},"
			       "\"terms\":[\"once\",\"hour\",\"century\",7]}",
				 &r),
		0);
	assert_int_equal(r.targets[2].color, 0x123456);
	assert_int_equal(r.source.color, 0x3465a4);
	assert_int_equal(r.terms, 3);
	assert_int_equal(r.default_target, r.target_count);
	assert_false(r.bad_default);
	once = request_answer(&r, 2, 0);
	hour = request_answer(&r, 2, 1);
	assert_string_equal(once, "allow:red");
	assert_string_equal(hour, "allow:red hour");
}

static void
a_default_that_is_not_offered_is_told(void **state)
{
	AUTO_REQUEST struct request r = {0};

	assert_int_equal(parse("{" WITHOUT_DEFAULT ",\"default_target\":\"vault\"}", &r), 0);
	assert_true(r.bad_default);
	assert_int_equal(r.default_target, r.target_count);
}

static void
bad_requests_are_refused(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{}", "7", "{" WITHOUT_DEFAULT "}",
		"{\"source\":\"a\",\"service\":\"s\",\"argument\":\"+\",\"targets\":[],"
		"\"default_target\":\"\"}",
		"{\"source\":\"<b>a\",\"service\":\"s\",\"argument\":\"+\",\"targets\":[\"b\"],"
		"\"default_target\":\"\"}",
		"{\"source\":\"a\",\"service\":\"s s\",\"argument\":\"+\",\"targets\":[\"b\"],"
		"\"default_target\":\"\"}",
		"{\"source\":\"a\",\"service\":\"s\",\"argument\":\"\",\"targets\":[\"b\"],"
		"\"default_target\":\"\"}",
		"{\"source\":\"a\",\"service\":\"s\",\"argument\":\"+\\u001b[2J\",\"targets\":["
		"\"b\"],"
		"\"default_target\":\"\"}",
		"{\"source\":\"a\\u0000b\",\"service\":\"s\",\"argument\":\"+\",\"targets\":[\"b\"]"
		","
		"\"default_target\":\"\"}",
		"{\"source\":\"a\",\"service\":\"s\",\"argument\":\"+\",\"targets\":[\"b\",\"b\"],"
		"\"default_target\":\"\"}",
		"{\"source\":\"a\",\"service\":\"s\",\"argument\":\"+\",\"targets\":[\"b\",7],"
		"\"default_target\":\"\"}",
		"{\"source\":\"a\",\"source\":\"c\",\"service\":\"s\",\"argument\":\"+\","
		"\"targets\":"
		"[\"b\"],\"default_target\":\"\"}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_REQUEST struct request r = {0};

		if (parse(bad[i], &r) == 0)
			fail_msg("taken: %s", bad[i]);
	}
}

static void
a_long_argument_shows_both_its_ends(void **state)
{
	AUTO_REQUEST struct request r = {0};
	AUTO_FREE char *middle = xcalloc(1, 1001);
	AUTO_FREE char *text = NULL;

	memset(middle, 'x', 1000);
	text = text_format("{\"source\":\"a\",\"service\":\"s\",\"argument\":\"+begin%send\","
			   "\"targets\":[\"b\"],\"default_target\":\"\"}",
		middle);
	assert_int_equal(parse(text, &r), 0);
	assert_true(text_starts_with(r.argument, "beginxxx"));
	assert_non_null(strstr(r.argument, "xxxend (1008 characters)"));
	assert_true(strlen(r.argument) < 220);
}

static void
notifications_show_no_foreign_characters(void **state)
{
	static const char text[] = "{\"resolution\":\"deny\",\"source\":\"work\",\"service\":\"s\","
				   "\"argument\":\"+\",\"target\":\"<a>\\u00e9\"}";
	AUTO_REQUEST struct request r = {0};

	assert_int_equal(request_parse(REQUEST_NOTIFY, text, strlen(text), &r, NULL), 0);
	assert_string_equal(r.resolution, "Denied");
	assert_string_equal(r.target, "_a___");
	assert_int_equal(request_parse(REQUEST_NOTIFY, GOOD, strlen(GOOD), &r, NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_of_the_original_is_understood),
		cmocka_unit_test(terms_and_colors_are_ours),
		cmocka_unit_test(a_default_that_is_not_offered_is_told),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(a_long_argument_shows_both_its_ends),
		cmocka_unit_test(notifications_show_no_foreign_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
