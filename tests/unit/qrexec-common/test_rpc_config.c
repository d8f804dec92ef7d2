/* The configuration of services: the grammar, and every way to get it wrong. */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/common/rpc_config.h"

static struct rpc_config
good_sized(const char *text, size_t size)
{
	struct rpc_config c;
	struct err err = ERR_INIT;

	if (rpc_config_parse(text, size, "file", &c, &err) < 0)
		fail_msg("%s", err_message(&err));
	return c;
}

static struct rpc_config
good(const char *text)
{
	return good_sized(text, strlen(text));
}

static void
bad_sized(const char *text, size_t size)
{
	struct rpc_config c;
	struct err err = ERR_INIT;

	if (rpc_config_parse(text, size, "file", &c, &err) == 0)
		fail_msg("accepted: '%s'", text);
	assert_non_null(strstr(err_message(&err), "'file'"));
	err_clear(&err);
}

static void
bad(const char *text)
{
	bad_sized(text, strlen(text));
}

static void
defaults(void **state)
{
	struct rpc_config c = good("");

	assert_false(c.wait_for_session || rpc_config_has_socket_options(&c));
	assert_null(c.force_user);
	c = good("\n# comment\n\r\n#x\r\n");
	assert_false(c.wait_for_session);
}

static void
all_keys(void **state)
{
	struct rpc_config c = good("wait-for-session = true\n"
				   "skip-service-descriptor=true # why\n"
				   "exit-on-service-eof\t =\t true\r\n"
				   "exit-on-client-eof=true");

	assert_true(c.wait_for_session);
	assert_true(c.skip_service_descriptor);
	assert_true(c.exit_on_service_eof);
	assert_true(c.exit_on_client_eof);
	c = good("force-user='joe # x'#c\nwait-for-session=1\n");
	assert_string_equal(c.force_user, "joe # x");
	assert_true(c.wait_for_session);
	rpc_config_finish(&c);
	c = good("wait-for-session=0\nskip-service-descriptor=false\nforce-user=''");
	assert_false(c.wait_for_session);
	assert_string_equal(c.force_user, "");
	rpc_config_finish(&c);
}

static void
unknown_keys_are_ignored_when_well_formed(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	rpc_config_finish(&(struct rpc_config){0});
	struct rpc_config c = good("Some.other_key-9 = 'x'\nother=17\nother=18\nyes=true\n");

	assert_false(c.wait_for_session);
	bad("other=1x\n");
	bad("other=\"x\"\n");
	bad("other=\n");
}

static void
errors_in_lines(void **state)
{
	bad(" wait-for-session=true\n");
	bad("\twait-for-session=true\n");
	bad("   \n");
	bad("[section]\n");
	bad("-x=true\n");
	bad("9x=true\n");
	bad("wait-for-session\n");
	bad("wait-for-session true\n");
	bad("wait for=true\n");
	bad("=true\n");
	bad("wait-for-session=true x\n");
	bad("wait-for-session=true\rx\n");
	bad("wait-for-session=true\r");
	bad("\xef\xbb\xbfwait-for-session=true\n");
	bad_sized("#\0\n", 3);
	bad_sized("wait-for-session=true\0", 22);
}

static void
errors_in_values(void **state)
{
	bad("wait-for-session=\n");
	bad("wait-for-session=2\n");
	bad("wait-for-session=01\n");
	bad("wait-for-session=-1\n");
	bad("wait-for-session=True\n");
	bad("wait-for-session=truetrue\n");
	bad("wait-for-session='true'\n");
	bad("skip-service-descriptor=1\n");
	bad("exit-on-service-eof=0\n");
	bad("exit-on-client-eof='x'\n");
	bad("force-user=joe\n");
	bad("force-user=true\n");
	bad("force-user=\"joe\"\n");
	bad("force-user='''joe'''\n");
	bad("force-user='joe\n");
	bad("force-user='joe'x\n");
	bad("other=99999999999999999999\n");
}

static void
errors_between_lines(void **state)
{
	bad("wait-for-session=true\nwait-for-session=true\n");
	bad("force-user='a'\nforce-user='b'\n");
	bad("force-user='a'\nskip-service-descriptor=true\n");
	bad("exit-on-client-eof=true\nforce-user='a'\n");
	struct rpc_config c = good("force-user='a'\nskip-service-descriptor=false\n");

	rpc_config_finish(&c);
}

static void
files_are_found_like_services(void **state)
{
	char directory[] = "/tmp/qrexec-config-XXXXXX";
	struct err err = ERR_INIT;
	struct rpc_config config;
	struct command command;
	char *path;

	assert_non_null(mkdtemp(directory));
	setenv("QUBES_RPC_CONFIG_PATH", directory, 1);
	assert_int_equal(command_parse("QUBESRPC svc+a work", false, &command, &err), 0);
	assert_int_equal(rpc_config_load(&command, &config, &err), 0);
	assert_false(config.wait_for_session);

	path = path_join(directory, "svc");
	assert_int_equal(write_file(path, "wait-for-session=1\n", 19, 0644, &err), 0);
	assert_int_equal(rpc_config_load(&command, &config, &err), 0);
	assert_true(config.wait_for_session);
	free(path);

	path = path_join(directory, "svc+a");
	assert_int_equal(write_file(path, "oops\n", 5, 0644, &err), 0);
	assert_int_equal(rpc_config_load(&command, &config, &err), -1);
	err_clear(&err);
	unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(rpc_config_load(&command, &config, &err), -1);
	err_clear(&err);
	free(path);
	command_finish(&command);
	assert_int_equal(remove_tree(directory, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(all_keys),
		cmocka_unit_test(unknown_keys_are_ignored_when_well_formed),
		cmocka_unit_test(errors_in_lines),
		cmocka_unit_test(errors_in_values),
		cmocka_unit_test(errors_between_lines),
		cmocka_unit_test(files_are_found_like_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
