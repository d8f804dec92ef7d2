/* A confined process can use what is open, and nothing else. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
	VERDICT_X32_ALLOWED,
};

#define X32_CALL 0x40000000

static enum verdict
try_inside(void)
{
	const int extra[] = {SYS_socket, SYS_prctl};
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
	/* getpid() is allowed; its twin of the x32 kind is another call. */
	if (syscall(X32_CALL | SYS_getpid) >= 0 || errno != EPERM)
		return VERDICT_X32_ALLOWED;
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

/* getpid() of the 32-bit kind: number 20, which is writev() in 64 bits and allowed. */
static void
try_the_32_bit_kind(void)
{
	long result;

	if (sandbox_enter(NULL, 0, NULL) < 0)
		_exit(1);
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(20L)
			 : "memory", "r8", "r9", "r10", "r11");
	_exit(result > 0 ? 2 : 3);
}

static void
a_call_of_the_32_bit_kind_ends_the_process(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		try_the_32_bit_kind();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	/* SIGSEGV: a kernel without such calls */
	assert_true(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
}

static void
a_call_that_is_none_fails_closed(void **state)
{
	AUTO_ERR struct err err = ERR_INIT;
	const int extra[] = {-1};
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
		cmocka_unit_test(a_call_of_the_32_bit_kind_ends_the_process),
		cmocka_unit_test(a_call_that_is_none_fails_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
