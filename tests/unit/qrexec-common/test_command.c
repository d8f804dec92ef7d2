/* Command strings of dom0 and the environment that a service gets from them. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "qrexec/common/service.h"

static void
expect_error(const char *text)
{
	struct command c;
	struct err err = ERR_INIT;

	assert_int_equal(command_parse(text, true, &c, &err), -1);
	assert_true(err_message(&err)[0] != '\0');
	err_clear(&err);
}

static struct command
parse(const char *text, bool with_user)
{
	struct command c;
	struct err err = ERR_INIT;

	if (command_parse(text, with_user, &c, &err) < 0)
		fail_msg("'%s': %s", text, err_message(&err));
	return c;
}

static void
shell_commands(void **state)
{
	struct command c = parse("joe:echo a:b", true);

	assert_string_equal(c.user, "joe");
	assert_string_equal(c.shell, "echo a:b");
	assert_null(c.descriptor);
	assert_false(c.nogui);
	command_finish(&c);
	c = parse("joe:nogui:ls", true);
	assert_true(c.nogui);
	assert_string_equal(c.shell, "ls");
	command_finish(&c);
	c = parse("nogui:a b", false);
	assert_null(c.user);
	assert_true(c.nogui);
	assert_string_equal(c.shell, "a b");
	command_finish(&c);
	c = parse("joe:", true);
	assert_string_equal(c.shell, "");
	command_finish(&c);
}

static void
service_calls(void **state)
{
	struct command c = parse("joe:QUBESRPC svc+a+b work", true);

	assert_string_equal(c.line, "svc+a+b work");
	assert_string_equal(c.descriptor, "svc+a+b");
	assert_string_equal(c.name, "svc");
	assert_string_equal(c.argument, "a+b");
	assert_string_equal(c.source, "work");
	assert_null(c.target_type);
	assert_true(c.words_valid);
	command_finish(&c);
	c = parse("nogui:QUBESRPC svc work keyword adminvm", false);
	assert_null(c.argument);
	assert_string_equal(c.target_type, "keyword");
	assert_string_equal(c.target, "adminvm");
	assert_true(c.words_valid);
	assert_string_equal(c.line, "svc work keyword adminvm");
	command_finish(&c);
	c = parse("u:QUBESRPC svc+ work name dom0", true);
	assert_string_equal(c.argument, "");
	assert_string_equal(c.target, "dom0");
	command_finish(&c);
}

static void
other_numbers_of_words_are_for_sockets_only(void **state)
{
	static const char *const lines[] = {"svc work x", "svc work name", "svc work name ",
		"svc work name a b", "svc work other dom0", "svc work ", "svc work  name dom0"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char *text = text_format("u:QUBESRPC %s", lines[i]);
		struct command c = parse(text, true);

		assert_false(c.words_valid);
		assert_string_equal(c.line, lines[i]);
		command_finish(&c);
		free(text);
	}
}

static void
bad_commands(void **state)
{
	char long_name[300];

	expect_error("no colon");
	expect_error("");
	expect_error("u:QUBESRPC");
	expect_error("u:QUBESRPCsvc work");
	expect_error("u:QUBESRPC ");
	expect_error("u:QUBESRPC svc");
	expect_error("u:QUBESRPC svc ");
	expect_error("u:QUBESRPC  work");
	expect_error("u:QUBESRPC svc  work");
	expect_error("u:QUBESRPC +arg work");
	expect_error("u:QUBESRPC ../x work");
	expect_error("u:QUBESRPC svc+a/b work");
	snprintf(long_name, sizeof(long_name), "u:QUBESRPC %0256d w", 0);
	expect_error(long_name);
	snprintf(long_name, sizeof(long_name), "u:QUBESRPC %0255d w", 0);
	struct command c = parse(long_name, true);
	command_finish(&c);
}

static const char *
find_variable(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; *environment != NULL; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

static void
services_get_their_variables_and_nobody_elses(void **state)
{
	char *base[] = {"PATH=/bin", "QREXEC_REMOTE_DOMAIN=forged", "QREXECX=1",
		"QREXEC_AGENT_PID=7", "QREXEC_SERVICE_PATH=/s", "QREXEC_SERVICE_ARGUMENT=old",
		"QREXEC_REQUESTED_TARGET=old", "XQREXEC=kept", NULL};
	struct command c = parse("u:QUBESRPC svc work", true);
	char **e = service_environment(&c, base);

	assert_string_equal(find_variable(e, "PATH"), "/bin");
	assert_string_equal(find_variable(e, "XQREXEC"), "kept");
	assert_string_equal(find_variable(e, "QREXEC_AGENT_PID"), "7");
	assert_string_equal(find_variable(e, "QREXEC_SERVICE_PATH"), "/s");
	assert_string_equal(find_variable(e, "QREXEC_REMOTE_DOMAIN"), "work");
	assert_string_equal(find_variable(e, "QREXEC_SERVICE_FULL_NAME"), "svc");
	assert_string_equal(find_variable(e, "QREXEC_REQUESTED_TARGET_TYPE"), "");
	assert_null(find_variable(e, "QREXEC_SERVICE_ARGUMENT"));
	assert_null(find_variable(e, "QREXEC_REQUESTED_TARGET"));
	assert_null(find_variable(e, "QREXECX"));
	free(e);
	command_finish(&c);

	c = parse("QUBESRPC svc+ work name dom0", false);
	e = service_environment(&c, base);
	assert_string_equal(find_variable(e, "QREXEC_SERVICE_FULL_NAME"), "svc+");
	assert_string_equal(find_variable(e, "QREXEC_SERVICE_ARGUMENT"), "");
	assert_string_equal(find_variable(e, "QREXEC_REQUESTED_TARGET_TYPE"), "name");
	assert_string_equal(find_variable(e, "QREXEC_REQUESTED_TARGET"), "dom0");
	assert_null(find_variable(e, "QREXEC_REQUESTED_TARGET_KEYWORD"));
	free(e);
	command_finish(&c);

	c = parse("QUBESRPC svc+a work keyword adminvm", false);
	e = service_environment(&c, base);
	assert_string_equal(find_variable(e, "QREXEC_REQUESTED_TARGET_KEYWORD"), "adminvm");
	assert_null(find_variable(e, "QREXEC_REQUESTED_TARGET"));
	free(e);
	command_finish(&c);
}

static void
added_variables_replace_others(void **state)
{
	char *base[] = {"A=1", "AB=2", "QREXEC_X=3", NULL};
	const char *extra[] = {"A=new", "C=4", NULL};
	char **e = program_environment(base, extra);

	assert_string_equal(find_variable(e, "A"), "new");
	assert_string_equal(find_variable(e, "AB"), "2");
	assert_string_equal(find_variable(e, "C"), "4");
	assert_null(find_variable(e, "QREXEC_X"));
	assert_null(e[3]);
	free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shell_commands),
		cmocka_unit_test(service_calls),
		cmocka_unit_test(other_numbers_of_words_are_for_sockets_only),
		cmocka_unit_test(bad_commands),
		cmocka_unit_test(services_get_their_variables_and_nobody_elses),
		cmocka_unit_test(added_variables_replace_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
