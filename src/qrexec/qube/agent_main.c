/*
 * qrexec-agent: options and start-up; see agent.h for what it is. Runs in a qube, as root, or as
 * an ordinary user (tests), who then only gets programs of its own.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "qrexec/qube/agent.h"
#include "qrexec/qube/sessions.h"
#include "qrexec/qube/workers.h"

#define USAGE_STATUS 2

static void
print_usage(FILE *out)
{
	fputs("usage: qrexec-agent [OPTION]...\n"
	      "  -a, --agent-socket=PATH         where local callers connect\n"
	      "  -s, --fork-server-socket=PATH   fork servers, with %s for the user\n"
	      "  -S, --no-fork-server            start every program from here\n"
	      "  -w, --withdraw                  tell dom0 when a caller leaves before its answer\n"
	      "  -h, --help                      print this\n"
	      "      --version                   print the version\n",
		out);
}

static void
parse_options(int argc, char **argv, struct agent_options *options)
{
	enum { OPTION_VERSION = 256 };
	static const struct option long_options[] = {
		{"agent-socket", required_argument, NULL, 'a'},
		{"fork-server-socket", required_argument, NULL, 's'},
		{"no-fork-server", no_argument, NULL, 'S'},
		{"withdraw", no_argument, NULL, 'w'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, OPTION_VERSION},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "a:s:Swh", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			options->socket_path = optarg;
			break;
		case 's':
			options->fork_server_pattern = optarg;
			break;
		case 'S':
			options->no_fork_server = true;
			break;
		case 'w':
			options->withdraw = true;
			break;
		case 'h':
			print_usage(stdout);
			exit(0);
		case OPTION_VERSION:
			puts("qrexec-agent (Bulkhead) " BULKHEAD_VERSION);
			exit(0);
		default:
			print_usage(stderr);
			exit(USAGE_STATUS);
		}
	}
	if (optind < argc) {
		print_usage(stderr);
		exit(USAGE_STATUS);
	}
}

static void
handle_signal(struct loop_signal *source, int signal_number, void *data)
{
	struct agent *agent = data;

	loop_quit(agent->loop, 0);
}

int
main(int argc, char **argv)
{
	struct agent agent = {0};
	const struct passwd *self;
	const char *prepared_user;
	char own_user[256] = "";
	struct loop_signal *terminate, *interrupt;
	int status;

	log_init("qrexec-agent");
	parse_options(argc, argv, &agent.options);
	agent.options.change_users = geteuid() == 0 && getenv("QREXEC_NO_ROOT") == NULL;
	/* Looked up once: the user data base is asked for others only. */
	self = agent.options.change_users ? NULL : getpwuid(geteuid());
	if (self != NULL)
		snprintf(own_user, sizeof(own_user), "%s", self->pw_name);
	agent.options.own_user = own_user;
	signal(SIGPIPE, SIG_IGN);
	agent.loop = loop_create();
	if (agent.loop == NULL)
		fatal("event loop: %s", strerror(errno));
	terminate = loop_signal_create(agent.loop, SIGTERM, handle_signal, &agent);
	interrupt = loop_signal_create(agent.loop, SIGINT, handle_signal, &agent);
	if (terminate == NULL || interrupt == NULL)
		fatal("signals: %s", strerror(errno));

	agent.sessions = sessions_create(agent.loop);
	agent.workers = workers_create(&agent);
	agent.calls = calls_create(&agent);
	agent.waits = waits_create(&agent);
	agent.callers = callers_create(&agent);
	agent.control = control_create(&agent);
	prepared_user = getenv("QREXEC_SESSION");
	if (prepared_user != NULL && agent.options.change_users)
		sessions_prepare(agent.sessions, prepared_user);
	status = loop_run(agent.loop);

	callers_destroy(agent.callers);
	waits_destroy(agent.waits);
	calls_destroy(agent.calls);
	control_destroy(agent.control);
	workers_destroy(agent.workers);
	sessions_destroy(agent.sessions);
	loop_signal_destroy(terminate);
	loop_signal_destroy(interrupt);
	loop_destroy(agent.loop);
	return status < 0 ? 1 : status;
}
