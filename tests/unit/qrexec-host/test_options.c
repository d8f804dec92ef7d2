/* The command lines of qrexec-daemon and qrexec-client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "qrexec/host/client_options.h"
#include "qrexec/host/daemon_options.h"

#define UUID "5d0c2a11-0000-4000-8000-0123456789ab"
#define ARGUMENTS_MAX 24

/* getopt may reorder: it gets an array of its own. */
static int
split(const char *const *words, char **ret_argv, const char *program)
{
	int count = 0;

	ret_argv[count++] = (char *)(uintptr_t)program;
	for (; *words != NULL; words++)
		ret_argv[count++] = (char *)(uintptr_t)*words;
	ret_argv[count] = NULL;
	return count;
}

#define DAEMON(options, ...) parse_daemon((const char *const[]){__VA_ARGS__, NULL}, options)
#define CLIENT(options, ...) parse_client((const char *const[]){__VA_ARGS__, NULL}, options)

static int
parse_daemon(const char *const *words, struct daemon_options *options)
{
	AUTO_ERR struct err err = ERR_INIT;
	char *argv[ARGUMENTS_MAX];
	int argc = split(words, argv, "qrexec-daemon");
	int result = daemon_options_parse(argc, argv, options, &err);

	if (result < 0)
		assert_non_null(err.message);
	return result;
}

static int
parse_client(const char *const *words, struct client_options *options)
{
	AUTO_ERR struct err err = ERR_INIT;
	char *argv[ARGUMENTS_MAX];
	int argc = split(words, argv, "qrexec-client");
	int result = client_options_parse(argc, argv, options, &err);

	if (result < 0)
		assert_non_null(err.message);
	return result;
}

static void
test_daemon_short(void **state)
{
	struct daemon_options o;

	(void)state;
	assert_int_equal(DAEMON(&o, "-q", "-D", "-p", "prog", "-u", UUID, "42", "work", "joe"), 0);
	assert_true(o.quiet);
	assert_true(o.foreground);
	assert_string_equal(o.policy_program, "prog");
	assert_string_equal(o.uuid, UUID);
	assert_int_equal(o.domain, 42);
	assert_string_equal(o.name, "work");
	assert_string_equal(o.default_user, "joe");
	assert_null(o.socket_directory);
	assert_int_equal(o.ready_fd, DAEMON_NO_FD);
	assert_int_equal(o.startup_timeout_s, 0);
}

static void
test_daemon_long(void **state)
{
	struct daemon_options o;

	(void)state;
	assert_int_equal(DAEMON(&o, "--socket-dir=/tmp/x", "--policy-program=/bin/p", "--direct",
				 "--uuid=" UUID, "--ready-fd=7", "--", "7", "sys-net"),
		0);
	assert_true(o.foreground);
	assert_string_equal(o.socket_directory, "/tmp/x");
	assert_string_equal(o.policy_program, "/bin/p");
	assert_string_equal(o.default_user, "user");
	assert_int_equal(o.ready_fd, 7);
	assert_int_equal(DAEMON(&o, "7", "sys-net", "-u", UUID), 0);
	assert_false(o.foreground);
}

static void
test_daemon_environment(void **state)
{
	struct daemon_options o;

	(void)state;
	assert_int_equal(DAEMON(&o, "-u", UUID, "7", "a"), 0);
	assert_int_equal(o.startup_timeout_s, 60);
	assert_false(o.startup_nowait);
	setenv("QREXEC_STARTUP_TIMEOUT", "5", 1);
	setenv("QREXEC_STARTUP_NOWAIT", "1", 1);
	assert_int_equal(DAEMON(&o, "-D", "-u", UUID, "7", "a"), 0);
	assert_int_equal(o.startup_timeout_s, 5);
	assert_true(o.startup_nowait);
	setenv("QREXEC_STARTUP_TIMEOUT", "soon", 1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "7", "a"), -1);
	unsetenv("QREXEC_STARTUP_TIMEOUT");
	unsetenv("QREXEC_STARTUP_NOWAIT");
}

static void
test_daemon_refuses(void **state)
{
	struct daemon_options o;

	(void)state;
	assert_int_equal(DAEMON(&o, "42", "work"), -1);
	assert_int_equal(DAEMON(&o, "-u", "x", "42", "work"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "42"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "42", "work", "joe", "more"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "0", "work"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "-1", "work"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "4294967338", "work"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "42x", "work"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "42", ""), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "42", "../work"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "42", "a/b"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "42", "uuid:" UUID), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "42", "work", "a:b"), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "42", "work", ""), -1);
	assert_int_equal(DAEMON(&o, "-u", UUID, "--ready-fd=x", "42", "work"), -1);
	assert_int_equal(DAEMON(&o, "--no-such-option", "-u", UUID, "42", "work"), -1);
	assert_int_equal(DAEMON(&o, "42", "work", "-u"), -1);
}

static void
test_client_simple(void **state)
{
	struct client_options o;

	(void)state;
	assert_int_equal(CLIENT(&o, "-d", "work", "user:ls -l"), 0);
	assert_string_equal(o.target, "work");
	assert_string_equal(o.command, "user:ls -l");
	assert_int_equal(o.connect_timeout_ms, 10000);
	assert_false(o.connect_existing);
	client_options_finish(&o);
}

static void
test_client_all(void **state)
{
	struct client_options o;

	(void)state;
	assert_int_equal(CLIENT(&o, "-E", "-t", "-T", "-w", "3", "-k", "-p", "text",
				 "--socket-dir=/x", "--use-stdin-socket", "-d", "work", "u:c"),
		0);
	assert_true(o.ignore_exit_code && o.filter_stdout && o.filter_stderr && o.kill_target);
	assert_true(o.use_stdin_socket);
	assert_int_equal(o.connect_timeout_ms, 3000);
	assert_string_equal(o.prefix, "text");
	assert_string_equal(o.socket_directory, "/x");
	client_options_finish(&o);
	assert_int_equal(CLIENT(&o, "--prefix-data=a", "-w0", "-e", "-d", "work", "u:c"), 0);
	assert_true(o.just_exec);
	assert_int_equal(o.connect_timeout_ms, 0);
	assert_string_equal(o.prefix, "a");
	client_options_finish(&o);
}

static void
test_client_source(void **state)
{
	struct client_options o;

	(void)state;
	assert_int_equal(CLIENT(&o, "-d", "dom0", "-c", "SOCKET11,src,43", "-W", "u:c"), 0);
	assert_true(o.connect_existing);
	assert_string_equal(o.source.request_id, "SOCKET11");
	assert_string_equal(o.source.name, "src");
	assert_int_equal(o.source.domain, 43);
	assert_true(client_target_is_dom0(o.target));
	client_options_finish(&o);
}

static void
test_client_refuses(void **state)
{
	struct client_options o;

	(void)state;
	assert_int_equal(CLIENT(&o, "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "u:c", "more"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-e", "-l", "x", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-W", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-w", "x", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-w", "99999999999", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-c", "a", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-c", "a,b", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-c", ",b,1", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-c", "a,../b,1", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-c", "a,b,c", "u:c"), -1);
	assert_int_equal(
		CLIENT(&o, "-d", "work", "-c", "12345678901234567890123456789012,b,1", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-d", "work", "-c", "a,b,1", "-c", "a,b,1", "u:c"), -1);
	assert_int_equal(CLIENT(&o, "-x", "-d", "work", "u:c"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_daemon_short),
		cmocka_unit_test(test_daemon_long),
		cmocka_unit_test(test_daemon_environment),
		cmocka_unit_test(test_daemon_refuses),
		cmocka_unit_test(test_client_simple),
		cmocka_unit_test(test_client_all),
		cmocka_unit_test(test_client_source),
		cmocka_unit_test(test_client_refuses),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
