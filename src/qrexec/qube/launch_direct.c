/*
 * Starting a program as the user that we already are, without a login; see handler.h. What is
 * started was chosen by dom0; its words reach the program as an argument or in the environment,
 * never as part of a script.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "qrexec/common/protocol.h"
#include "qrexec/qube/handler.h"

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

int
launch_direct(const struct launch *launch, const char *shell, struct launched *ret_launched)
{
	const struct command *command = launch->command;
	bool has_argument = command->argument != NULL && command->argument[0] != '\0';
	const char *service_argv[] = {launch->path, has_argument ? command->argument : NULL, NULL};
	const char *shell_argv[] = {base_name(shell), "-c", command->shell, NULL};
	struct program program = PROGRAM_INIT;
	AUTO_FREE char **environment = NULL;
	pid_t pid;

	environment = launch->path != NULL ? service_environment(command, NULL)
					   : program_environment(NULL, NULL);
	program.path = launch->path != NULL ? launch->path : shell;
	program.argv = launch->path != NULL ? service_argv : shell_argv;
	program.environment = environment;
	program.stdin_fd = launch->stdio[0];
	program.stdout_fd = launch->stdio[1];
	program.stderr_fd = launch->stdio[2];
	program.new_session = true;
	pid = program_start(&program);
	if (pid < 0) {
		log_error("program '%s': cannot execute: %s", program.path, strerror(-pid));
		return program_failure_code(pid);
	}
	*ret_launched = (struct launched){.child = pid, .status_fd = -1};
	return 0;
}
