/* Lines of policy: what is a rule, what is an error, and that errors say where. */
#include "../base/cmocka_all.h"

#include <string.h>

#include "base/text.h"
#include "qrexec/policy/characters.h"
#include "qrexec/policy/line.h"
#include "qrexec/policy/lint.h"

static char storage[4096];

static int
parse_as(const char *text, enum policy_line_form form, struct policy_line *ret, struct err *err)
{
	assert_true(strlen(text) < sizeof(storage));
	memcpy(storage, text, strlen(text) + 1);
	return policy_line_parse(storage, strlen(text), form, ret, err);
}

static void
a_rule_has_its_parts(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct policy_line l;

	assert_int_equal(parse_as("\tqubes.X  +a+b\t@tag:t @dispvm:uuid:ABC ask "
				  "default_target=@dispvm user=joe notify=yes autostart=no ",
				 POLICY_LINE_POLICY, &l, &err),
		0);
	assert_int_equal(l.kind, POLICY_LINE_RULE);
	assert_string_equal(l.service, "qubes.X");
	assert_string_equal(l.argument, "+a+b");
	assert_int_equal(l.source.kind, POLICY_TOKEN_TAG);
	assert_string_equal(l.source.value, "t");
	assert_int_equal(l.target.kind, POLICY_TOKEN_DISPVM_NAME);
	assert_string_equal(l.target.value, "uuid:abc");
	assert_int_equal(l.action, POLICY_ACTION_ASK);
	assert_true(l.has_default_target && !l.has_redirect && l.notify && !l.autostart);
	assert_string_equal(l.user, "joe");
}

static void
service_files_have_an_older_spelling(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct policy_line l;

	assert_int_equal(parse_as("$anyvm $tag:x allow,user=root,target=$adminvm",
				 POLICY_LINE_SERVICE, &l, &err),
		0);
	assert_int_equal(l.source.kind, POLICY_TOKEN_ANYVM);
	assert_int_equal(l.redirect.kind, POLICY_TOKEN_ADMINVM);
	assert_int_equal(parse_as("$include:a/b", POLICY_LINE_SERVICE, &l, &err), 0);
	assert_int_equal(l.kind, POLICY_LINE_INCLUDE);
	assert_string_equal(l.path, "a/b");
	assert_int_equal(parse_as("!compat-4.0", POLICY_LINE_SERVICE, &l, &err), -1);
}

static void
errors_are_errors(void **state)
{
	static const char *const lines[] = {
		"a",
		"a * b c",
		"a * b c allow d",
		"a * b c allow =",
		"a * b c allow user",
		"a * b c allow user=a:b",
		"a * b c allow user=-x",
		"a * b c allow user=a user=a",
		"a * b c allow notify=",
		"a * b c allow default_target=d",
		"a * b c deny autostart=no",
		"a * b c deny user=x",
		"a * b c allow target=*",
		"a * b c allow target=@default",
		"a * b c allow target=@dispvm:@tag:t",
		"a * b @default allow",
		"a * @default b allow",
		"a * @dispvm b allow",
		"a * @type: b allow",
		"a * @tag:@x b allow",
		"a * b @dispvm: allow",
		"a * b @dispvm:@type:x allow",
		"a * b @dispvm:@tag: allow",
		"a * b $anyvm allow",
		"a * b/c d allow",
		"a x b c allow",
		"* + b c allow",
		"a+ * b c allow",
		"a/ * b c allow",
		"a +/ b c allow",
		"a * b c allow\f",
		"a * b\xc2\xa0 c allow",
		"a * b c allow user=\xc3\xbc",
		"a * b c allow\r",
		"!include",
		"!include a b",
		"!include-service a * ",
		"!include-service * + p",
		"!compat-4.0 x",
		"!",
		"!nothing",
		"# \xff",
		"# \xe2\x80\xae",
		"# a\rb",
		"\xef\xbb\xbf# a",
		"a * b c allow user=1 notify=no autostart=no target=a target=b target=c target=d",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		AUTO_ERR struct err err = ERR_INIT;
		struct policy_line l;

		if (parse_as(lines[i], POLICY_LINE_POLICY, &l, &err) == 0)
			fail_msg("line '%s' is accepted", lines[i]);
		assert_true(strlen(err_message(&err)) > 0);
	}
}

static void
a_nul_is_an_error(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct policy_line l;

	memcpy(storage, "# a\0b", 6);
	assert_int_equal(policy_line_parse(storage, 5, POLICY_LINE_POLICY, &l, &err), -1);
	assert_non_null(strstr(err_message(&err), "column 4"));
}

static void
comments_may_be_in_any_language(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct policy_line l;

	assert_int_equal(parse_as(" # Gr\xc3\xbc\xc3\x9f"
				  "e \xe4\xb8\xad",
				 POLICY_LINE_POLICY, &l, &err),
		0);
	assert_int_equal(l.kind, POLICY_LINE_EMPTY);
}

static void
utf8_is_strict(void **state)
{
	static const char *const bad[] = {"#\xc0\x80", "#\xed\xa0\x80", "#\xf5\x80\x80\x80",
		"#\xe2\x82", "#\x80", "#\xf0\x80\x80\x80"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_ERR struct err err = ERR_INIT;

		assert_int_equal(policy_characters_check(bad[i], strlen(bad[i]), &err), -1);
	}
}

static void
lines_end_with_lf_or_crlf(void **state)
{
	char text[] = "a\r\n\nb";
	size_t position = 0, length;
	char *line;

	assert_true(policy_line_next(text, strlen(text), &position, &line, &length));
	assert_int_equal(length, 1);
	assert_true(policy_line_next(text, strlen(text), &position, &line, &length));
	assert_int_equal(length, 0);
	assert_true(policy_line_next(text, strlen(text), &position, &line, &length));
	assert_int_equal(length, 1);
	assert_false(policy_line_next(text, strlen(text), &position, &line, &length));
}

static void
count_warning(unsigned line_number, enum lint_severity severity, const char *text, const char *line,
	size_t length, void *data)
{
	unsigned *lines = data;

	if (severity == LINT_WARNING)
		lines[line_number]++;
}

static void
lint_warns(void **state)
{
	static const char text[] = "a * b c allow\n"
				   "a * b c deny\n"
				   "* * * * allow\n"
				   "a * @dispvm:x c allow\n"
				   "a * b * allow\n"
				   "a * b * allow target=d\n"
				   "a * b abcdefghijklmnopqrstuvwxyzabcdef deny\n"
				   "!compat-4.0\n";
	static const unsigned expected[] = {0, 0, 1, 1, 1, 1, 1, 1, 0};
	unsigned warnings[sizeof(expected) / sizeof(expected[0])] = {0};

	assert_int_equal(
		lint_text(text, strlen(text), POLICY_LINE_POLICY, count_warning, warnings), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(warnings[i], expected[i]);
	assert_int_equal(lint_text("a\nb\n", 4, POLICY_LINE_POLICY, count_warning, warnings), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_its_parts),
		cmocka_unit_test(service_files_have_an_older_spelling),
		cmocka_unit_test(errors_are_errors),
		cmocka_unit_test(a_nul_is_an_error),
		cmocka_unit_test(comments_may_be_in_any_language),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(lines_end_with_lf_or_crlf),
		cmocka_unit_test(lint_warns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
