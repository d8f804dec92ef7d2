/*
 * qrexec-policy-agent: takes the policy daemon's requests for prompts and notifications in the
 * user's session, and gives each to a process of its own, which reads and shows it and ends. This
 * one only looks at the header; it holds no state but who waits.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "qrexec/prompt/agent.h"

#define AGENT_SOCKET "/run/qubes/policy-agent.sock"

static void
handle_end_signal(struct loop_signal *source, int signal_number, void *data)
{
	(void)source;
	(void)signal_number;
	loop_quit(data, 0);
}

static int
usage(FILE *out)
{
	fprintf(out, "usage: qrexec-policy-agent [OPTION...]\n"
		     "  -s, --socket PATH  where requests come in (" AGENT_SOCKET ")\n"
		     "  --tty              ask on this terminal\n"
		     "  --help, --version\n");
	return out == stdout ? 0 : 2;
}

/* -1 to go on, else the status to end with. */
static int
parse_options(struct agent_config *config, char **socket_path, int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"socket-path", required_argument, NULL, 's'},
		{"tty", no_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "hs:", options, NULL)) != -1) {
		switch (option) {
		case 's':
			free(*socket_path);
			*socket_path = text_copy(optarg);
			break;
		case 't':
			config->tty = true;
			break;
		case 'h':
			return usage(stdout);
		case 'V':
			printf("qrexec-policy-agent %s\n", BULKHEAD_VERSION);
			return 0;
		default:
			return usage(stderr);
		}
	}
	return optind == argc ? -1 : usage(stderr);
}

static int
run(const struct agent_config *config)
{
	AUTO_ERR struct err err = ERR_INIT;
	struct loop *loop = loop_create();
	struct loop_signal *terminate, *interrupt;
	struct agent *agent;
	int status;

	if (loop == NULL)
		fatal("loop: %s", strerror(errno));
	terminate = loop_signal_create(loop, SIGTERM, handle_end_signal, loop);
	interrupt = loop_signal_create(loop, SIGINT, handle_end_signal, loop);
	agent = agent_create(loop, config, &err);
	if (terminate == NULL || interrupt == NULL || agent == NULL)
		fatal("%s", err_message(&err));
	status = loop_run(loop);
	agent_destroy(agent);
	loop_signal_destroy(terminate);
	loop_signal_destroy(interrupt);
	loop_destroy(loop);
	return status;
}

int
main(int argc, char **argv)
{
	AUTO_FREE char *socket_path = root_path(AGENT_SOCKET);
	struct agent_config config = {.program_directory = BULKHEAD_LIBEXECDIR};
	int status;

	log_init("qrexec-policy-agent");
	status = parse_options(&config, &socket_path, argc, argv);
	if (status >= 0)
		return status;
	config.socket_path = socket_path;
	/* For tests that run from the build directory. */
	if (getenv("BULKHEAD_PROMPT_DIRECTORY") != NULL)
		config.program_directory = getenv("BULKHEAD_PROMPT_DIRECTORY");
	config.display = getenv("DISPLAY");
	if (config.tty && (!isatty(0) || !isatty(1)))
		fatal("--tty: standard input and output are no terminal");
	if (!config.tty && (config.display == NULL || config.display[0] == '\0'))
		fatal("there is no display: set DISPLAY, or use --tty");
	/* Nothing started from here gains rights by being started. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fatal("cannot give up new privileges: %s", strerror(errno));
	return run(&config);
}
