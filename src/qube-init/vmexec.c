/*
 * The services qubes.VMExec, qubes.VMExecGUI and qubes.VMRootExec: runs the program that the
 * service's argument names, in the environment of the login session that the agent made.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "qube-init/vmexec.h"

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127

int
main(int argc, char **argv)
{
	AUTO_FREE char **program = NULL;
	size_t count;
	int result;

	log_init("qubes.VMExec");
	/* The agent passes no argument where the service's is empty: one empty word. */
	if (argc > 2)
		fatal("more than one argument");
	result = vmexec_decode(argc == 2 ? argv[1] : "", &program, &count);
	if (result < 0)
		fatal("the argument is not a command in the form of qubes.VMExec: %s",
			strerror(-result));
	execvp(program[0], program);
	result = errno;
	log_error("cannot run '%s': %s", program[0], strerror(result));
	return result == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}
