/* Requests between the agent, fork servers and sessions, and the environment of a login. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "qrexec/qube/fork_request.h"
#include "qrexec/qube/session_environment.h"
#include "qrexec/qube/session_request.h"

static void
fork_requests_at_every_split(void **state)
{
	static const uint8_t bytes[] = "\0\2\0\0\x0b\0\0\0\1\2\0\0\x09\0\0\0echo out";
	uint32_t type, domain, port;
	AUTO_BUF struct buf b;
	char *command;

	buf_init(&b, 1024);
	assert_int_equal(fork_request_put(&b, 0x200, 11, 513, "echo out"), 0);
	assert_int_equal(buf_len(&b), sizeof(bytes));
	assert_memory_equal(buf_data(&b), bytes, sizeof(bytes));
	for (size_t split = 0; split < sizeof(bytes); split++) {
		buf_clear(&b);
		buf_put(&b, bytes, split);
		assert_int_equal(fork_request_get(&b, &type, &domain, &port, &command), -EAGAIN);
		buf_put(&b, bytes + split, sizeof(bytes) - split);
		assert_int_equal(fork_request_get(&b, &type, &domain, &port, &command), 0);
		assert_int_equal(type, 0x200);
		assert_int_equal(domain, 11);
		assert_int_equal(port, 513);
		assert_string_equal(command, "echo out");
		free(command);
	}
}

static void
bad_fork_requests(void **state)
{
	static const struct {
		uint32_t size;
		const char *bytes;
	} bad[] = {{0, ""}, {3, "abc"}, {4, "a\0b"}, {FORK_COMMAND_MAX + 1, ""}};
	uint32_t type, domain, port;
	AUTO_BUF struct buf b;
	char *command;

	buf_init(&b, 1024);
	for (size_t i = 0; i < 4; i++) {
		uint32_t header[4] = {0x200, 0, 513, bad[i].size};

		buf_clear(&b);
		buf_put(&b, header, sizeof(header));
		if (bad[i].size < 100)
			buf_put(&b, bad[i].bytes, bad[i].size);
		assert_int_equal(fork_request_get(&b, &type, &domain, &port, &command), -EBADMSG);
	}
}

static void
fork_server_paths(void **state)
{
	char *path = fork_server_path("/x/%s/%s.%d", "joe");

	assert_string_equal(path, "/x/joe/%s.%d");
	free(path);
	path = fork_server_path("/plain", "joe");
	assert_string_equal(path, "/plain");
	free(path);
	path = fork_server_path(NULL, "joe");
	assert_true(text_ends_with(path, "/run/qubes/qrexec-server.joe.sock"));
	free(path);
	assert_null(fork_server_path(NULL, ""));
	assert_null(fork_server_path(NULL, "../etc"));
}

static bool
same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static void
session_requests_carry_descriptors(void **state)
{
	struct session_request sent = {
		.detached = true,
		.program = "/path/of program",
		.argument = "-arg",
		.environment = {"A=1", "B="},
	};
	struct session_request got;
	AUTO_BUF struct buf message;
	int pair[2];

	buf_init(&message, SESSION_REQUEST_MAX);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	for (int i = 0; i < SESSION_REQUEST_FDS; i++)
		sent.fds[i] = memfd_create("x", MFD_CLOEXEC);
	assert_int_equal(session_request_receive(pair[1], &message, &got), -EAGAIN);
	assert_int_equal(session_request_send(pair[0], &sent), 0);
	assert_int_equal(session_request_receive(pair[1], &message, &got), 1);
	assert_true(got.detached);
	assert_false(got.shell);
	assert_string_equal(got.program, "/path/of program");
	assert_string_equal(got.argument, "-arg");
	assert_string_equal(got.environment[0], "A=1");
	assert_string_equal(got.environment[1], "B=");
	assert_null(got.environment[2]);
	for (int i = 0; i < SESSION_REQUEST_FDS; i++) {
		assert_true(same_file(got.fds[i], sent.fds[i]));
		assert_true((fcntl(got.fds[i], F_GETFD) & FD_CLOEXEC) != 0);
		close(got.fds[i]);
	}

	/* Without descriptors, with too few, with nonsense: refused, and nothing leaks. */
	assert_int_equal(write(pair[0], "x", 1), 1);
	assert_int_equal(session_request_receive(pair[1], &message, &got), -EBADMSG);
	sent.program = "";
	sent.argument = NULL;
	sent.shell = true;
	assert_int_equal(session_request_send(pair[0], &sent), 0);
	assert_int_equal(session_request_receive(pair[1], &message, &got), 1);
	assert_true(got.shell);
	assert_null(got.argument);
	for (int i = 0; i < SESSION_REQUEST_FDS; i++) {
		close(got.fds[i]);
		close(sent.fds[i]);
	}
	close(pair[0]);
	assert_int_equal(session_request_receive(pair[1], &message, &got), 0);
	close(pair[1]);
}

static const char *
find(char *const *environment, const char *prefix)
{
	for (; *environment != NULL; environment++)
		if (text_starts_with(*environment, prefix))
			return *environment;
	return NULL;
}

static void
logins_have_the_usual_variables(void **state)
{
	char name[] = "joe", home[] = "/home/joe", shell[] = "";
	const struct passwd user = {
		.pw_name = name, .pw_dir = home, .pw_shell = shell, .pw_uid = 1000};
	static const char *const given[] = {"HOME=/forged", "XDG_SESSION_ID=3", NULL};
	char **created = session_environment_create(&user, given);
	char **read_back;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(session_environment_write(ends[1], created), 0);
	close(ends[1]);
	read_back = session_environment_read(ends[0]);
	close(ends[0]);
	assert_string_equal(find(read_back, "HOME="), "HOME=/home/joe");
	assert_string_equal(find(read_back, "SHELL="), "SHELL=/bin/sh");
	assert_string_equal(find(read_back, "USER="), "USER=joe");
	assert_string_equal(find(read_back, "LOGNAME="), "LOGNAME=joe");
	assert_string_equal(find(read_back, "XDG_"), "XDG_SESSION_ID=3");
	assert_non_null(find(read_back, "PATH="));
	for (int i = 0; created[i] != NULL || read_back[i] != NULL; i++)
		assert_string_equal(created[i], read_back[i]);
	free(created);
	free(read_back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fork_requests_at_every_split),
		cmocka_unit_test(bad_fork_requests),
		cmocka_unit_test(fork_server_paths),
		cmocka_unit_test(session_requests_carry_descriptors),
		cmocka_unit_test(logins_have_the_usual_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
