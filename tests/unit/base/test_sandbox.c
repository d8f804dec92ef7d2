/* A confined process can use what is open, and nothing else. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox.h"

enum verdict {
	VERDICT_CONFINED,
	VERDICT_NOT_ENTERED,
	VERDICT_OPEN_ALLOWED,
	VERDICT_EXTRA_REFUSED,
	VERDICT_PRIVILEGES,
	VERDICT_CAPABILITIES,
	VERDICT_FORK_ALLOWED,
};

static enum verdict
try_inside(void)
{
	const char *const extra[] = {"socket", "prctl"};
	int fd;

	if (sandbox_enter(extra, 2, NULL) < 0)
		return VERDICT_NOT_ENTERED;
	if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EPERM)
		return VERDICT_OPEN_ALLOWED;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return VERDICT_EXTRA_REFUSED;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return VERDICT_PRIVILEGES;
	if (prctl(PR_CAPBSET_READ, 21, 0, 0, 0) == 1 && geteuid() == 0)
		return VERDICT_CAPABILITIES;
	if (fork() >= 0)
		return VERDICT_FORK_ALLOWED;
	return VERDICT_CONFINED;
}

static void
only_the_listed_calls_remain(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit((int)try_inside());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), VERDICT_CONFINED);
}

static void
an_unknown_call_fails_closed(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *const extra[] = {"no_such_call"};
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_enter(extra, 1, &err) < 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_listed_calls_remain),
		cmocka_unit_test(an_unknown_call_fails_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
