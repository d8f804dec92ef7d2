/*
 * qrexec-session: one login session of one user, started by qrexec-agent.
 *
 *     qrexec-session USER FD          as root: logs in, waits for the session's end, logs out
 *       `- /bin/sh -l                 as the user: reads the profile, then becomes
 *            qrexec-session --serve   which starts programs on request
 *
 * So the profile is read once a session instead of once a call, and what it sets (variables, file
 * mode mask, limits) holds for every program, as after any login.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "qrexec/qube/session_environment.h"
#include "qrexec/qube/session_login.h"
#include "qrexec/qube/session_serve.h"

#define SERVE_OPTION "--serve"
#define REQUEST_FD 3
#define ENVIRONMENT_FD 4

/* Each step irreversible, each checked: a session that is half another user must not be. */
static void
become_user(const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
		setuid(user->pw_uid) < 0)
		fatal("user '%s': cannot become it: %s", user->pw_name, strerror(errno));
	if (user->pw_uid != 0 && setuid(0) == 0)
		fatal("user '%s': root again", user->pw_name);
	setsid();
	if (chdir(user->pw_dir) < 0 && chdir("/") < 0)
		log_warning("user '%s': no directory to be in", user->pw_name);
}

/* The shell gets no word from outside: its script is fixed, its arguments are ours. */
static void __attribute__((noreturn))
enter(const struct passwd *user, int request_fd, int environment_fd, char **environment)
{
	char self[PATH_MAX] = {0};
	const char *const argv[] = {"sh", "-lc", "exec \"$0\" \"$@\"", self, SERVE_OPTION, NULL};

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		fatal("session: cannot find its own program: %s", strerror(errno));
	become_user(user);
	if (dup2(environment_fd, ENVIRONMENT_FD + 1) < 0 || dup2(request_fd, REQUEST_FD) < 0 ||
		dup2(ENVIRONMENT_FD + 1, ENVIRONMENT_FD) < 0)
		fatal("session: %s", strerror(errno));
	close_range(ENVIRONMENT_FD + 1, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	execve("/bin/sh", (char *const *)argv, environment);
	fatal("'/bin/sh': cannot execute: %s", strerror(errno));
}

static int
hold(const struct passwd *user, int request_fd)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct login *login = login_open(user->pw_name, &err);
	AUTO_FREE char **environment = NULL;
	int ends[2];
	int status;
	pid_t pid;

	if (login == NULL)
		fatal("%s", err_message(&err));
	environment = session_environment_create(user, login_environment(login));
	if (pipe(ends) < 0 || session_environment_write(ends[1], environment) < 0)
		fatal("session: %s", strerror(errno));
	close(ends[1]);
	pid = fork();
	if (pid < 0)
		log_error("session: cannot fork: %s", strerror(errno));
	if (pid == 0)
		enter(user, request_fd, ends[0], environment);
	close(ends[0]);
	close(request_fd);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	login_close(login);
	return pid > 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	const struct passwd *user;
	uint64_t fd;

	log_init("qrexec-session");
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && text_equal(argv[1], SERVE_OPTION))
		return session_serve(REQUEST_FD, ENVIRONMENT_FD);
	if (argc != 3 || text_parse_u64(argv[2], 65535, &fd) < 0 || fd < REQUEST_FD)
		fatal("is started by qrexec-agent, with a user and a descriptor");
	errno = 0;
	user = getpwnam(argv[1]);
	if (user == NULL)
		fatal("user '%s': %s", argv[1], errno != 0 ? strerror(errno) : "unknown");
	return hold(user, (int)fd);
}
