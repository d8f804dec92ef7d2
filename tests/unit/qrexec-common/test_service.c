/* Finding services: the order of places, links, what stops the search, addresses of TCP. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"
#include "qrexec/common/service.h"
#include "qrexec/common/service_tcp.h"

static char directory[] = "/tmp/qrexec-service-XXXXXX";

static int
set_up(void **state)
{
	char *path;

	if (mkdtemp(directory) == NULL || chdir(directory) < 0)
		return -1;
	if (mkdir("one", 0755) < 0 || mkdir("two", 0755) < 0)
		return -1;
	path = text_format("%s/one:%s/two", directory, directory);
	setenv("QREXEC_SERVICE_PATH", path, 1);
	free(path);
	return 0;
}

static int
tear_down(void **state)
{
	return chdir("/") < 0 ? -1 : remove_tree(directory, NULL);
}

static void
make(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Looks up; `wanted` is the end of the path found, or NULL for a failure with `code`. */
static void
expect(const char *descriptor, const char *wanted, int code)
{
	char *text = text_format("QUBESRPC %s work", descriptor);
	struct service service = {.fd = -1};
	struct err err = ERR_INIT;
	struct command c;

	assert_int_equal(command_parse(text, false, &c, &err), 0);
	assert_int_equal(service_find(&c, &service, &err), code);
	if (wanted != NULL)
		assert_true(text_ends_with(service.path, wanted));
	service_finish(&service);
	command_finish(&c);
	err_clear(&err);
	free(text);
}

static void
specific_files_come_first_wherever_they_are(void **state)
{
	make("one/svc", 0755);
	make("two/svc", 0755);
	make("two/svc+arg", 0755);
	make("two/svc+", 0755);
	expect("svc+arg", "two/svc+arg", 0);
	expect("svc+other", "one/svc", 0);
	expect("svc", "two/svc+", 0);
	expect("svc+", "two/svc+", 0);
	unlink("two/svc+");
	expect("svc", "one/svc", 0);
	expect("nothing", NULL, QREXEC_EXIT_NOT_FOUND);
}

static void
the_first_entry_wins_even_if_unusable(void **state)
{
	make("one/plain", 0644);
	make("two/plain", 0755);
	expect("plain", NULL, QREXEC_EXIT_PROBLEM);
	assert_int_equal(mkdir("one/dir", 0755), 0);
	make("two/dir", 0755);
	expect("dir", NULL, QREXEC_EXIT_PROBLEM);
}

static void
dangling_links_are_passed_over(void **state)
{
	assert_int_equal(symlink("/nonexistent/x", "one/link"), 0);
	make("two/link", 0755);
	expect("link", "two/link", 0);
	assert_int_equal(symlink("svc/x", "one/odd"), 0);
	make("two/odd", 0755);
	expect("odd", NULL, QREXEC_EXIT_PROBLEM); /* ENOTDIR */
	assert_int_equal(symlink("good", "one/good-link"), 0);
	make("one/good", 0755);
	expect("good-link", "one/good-link", 0);
}

static void
names_too_long_for_a_file_are_not_looked_for(void **state)
{
	char descriptor[400];

	snprintf(descriptor, sizeof(descriptor), "svc+%0300d", 0);
	expect(descriptor, "one/svc", 0);
}

static void
sockets_are_connected_to(void **state)
{
	char *path = text_format("%s/one/sock", directory);
	struct service service;
	struct err err = ERR_INIT;
	struct command c;
	int listener = socket_listen(path, 0600, &err);
	int fd;

	assert_true(listener >= 0);
	assert_int_equal(command_parse("QUBESRPC sock work", false, &c, &err), 0);
	assert_int_equal(service_find(&c, &service, &err), 0);
	assert_int_equal(service.kind, SERVICE_UNIX);
	fd = service_connect(&service, &err);
	assert_true(fd >= 0);
	close(fd);
	close(listener);
	assert_int_equal(service_connect(&service, &err), -1);
	err_clear(&err);
	service_finish(&service);
	command_finish(&c);
	free(path);
}

static void
expect_address(const char *rest, const char *argument, const char *wanted)
{
	struct err err = ERR_INIT;
	char *host, *port, *both;

	if (wanted == NULL) {
		assert_int_equal(service_tcp_address(rest, argument, &host, &port, &err), -1);
		err_clear(&err);
		return;
	}
	if (service_tcp_address(rest, argument, &host, &port, &err) < 0)
		fail_msg("'%s' '%s': %s", rest, argument, err_message(&err));
	both = text_format("%s %s", host, port);
	assert_string_equal(both, wanted);
	free(both);
	free(host);
	free(port);
}

static void
addresses_of_tcp_services(void **state)
{
	expect_address("/127.0.0.1/80", NULL, "127.0.0.1 80");
	expect_address("/127.0.0.1/80", "", "127.0.0.1 80");
	expect_address("/::1/80", "", "::1 80");
	expect_address("/127.0.0.1", "65535", "127.0.0.1 65535");
	expect_address("", "127.0.0.1+80", "127.0.0.1 80");
	expect_address("", "++1+80", "::1 80");
	expect_address("", "fe80++1+80", "fe80::1 80");
	expect_address("/127.0.0.1/80", "x", NULL);
	expect_address("/127.0.0.1/80/", "", NULL);
	expect_address("/127.0.0.1/", "", NULL);
	expect_address("/127.0.0.1/", "80", NULL);
	expect_address("/", "80", NULL);
	expect_address("//80", "", NULL);
	expect_address("/127.0.0.1", "", NULL);
	expect_address("/127.0.0.1", NULL, NULL);
	expect_address("/127.0.0.1", "0", NULL);
	expect_address("/127.0.0.1", "080", NULL);
	expect_address("/127.0.0.1", "65536", NULL);
	expect_address("/127.0.0.1", "+80", NULL);
	expect_address("/localhost/80", "", NULL);
	expect_address("", "", NULL);
	expect_address("", "127.0.0.1", NULL);
	expect_address("", "a_b+80", NULL);
	expect_address("", "+80", NULL);
	expect_address("", "127.0.0.1+", NULL);
}

static void
links_to_tcp_are_not_followed(void **state)
{
	struct service service;
	struct err err = ERR_INIT;
	struct command c;

	assert_int_equal(symlink("/dev/tcp/127.0.0.1", "one/tcp"), 0);
	assert_int_equal(command_parse("QUBESRPC tcp+80 work", false, &c, &err), 0);
	assert_int_equal(service_find(&c, &service, &err), 0);
	assert_int_equal(service.kind, SERVICE_TCP);
	assert_string_equal(service.host, "127.0.0.1");
	assert_string_equal(service.port, "80");
	service_finish(&service);
	command_finish(&c);
	expect("tcp", NULL, QREXEC_EXIT_PROBLEM);
	assert_int_equal(symlink("/dev/tcpx", "one/nottcp"), 0);
	expect("nottcp", NULL, QREXEC_EXIT_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specific_files_come_first_wherever_they_are),
		cmocka_unit_test(the_first_entry_wins_even_if_unusable),
		cmocka_unit_test(dangling_links_are_passed_over),
		cmocka_unit_test(names_too_long_for_a_file_are_not_looked_for),
		cmocka_unit_test(sockets_are_connected_to),
		cmocka_unit_test(addresses_of_tcp_services),
		cmocka_unit_test(links_to_tcp_are_not_followed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
