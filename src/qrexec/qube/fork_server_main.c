/*
 * qrexec-fork-server: runs in a user's own session and carries calls there, so that programs find
 * the session's display and agents. It does what the agent tells it on its socket; who can reach
 * that socket is this user or root.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/socket.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"
#include "qrexec/qube/fork_request.h"
#include "qrexec/qube/fork_server.h"

#define USAGE_STATUS 2

static void
print_usage(FILE *out)
{
	fputs("usage: qrexec-fork-server [SOCKET]\n"
	      "  -h, --help       print this\n"
	      "      --version    print the version\n",
		out);
}

static const char *
parse_options(int argc, char **argv)
{
	enum { OPTION_VERSION = 256 };
	static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, OPTION_VERSION},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			print_usage(stdout);
			exit(0);
		}
		if (option == OPTION_VERSION) {
			puts("qrexec-fork-server (Bulkhead) " BULKHEAD_VERSION);
			exit(0);
		}
		print_usage(stderr);
		exit(USAGE_STATUS);
	}
	if (argc - optind > 1) {
		print_usage(stderr);
		exit(USAGE_STATUS);
	}
	return argv[optind];
}

static void
handle_signal(struct loop_signal *source, int signal_number, void *data)
{
	loop_quit(data, 0);
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	const char *given = parse_options(argc, argv);
	const char *user = getenv("USER");
	AUTO_FREE char *path = NULL;
	struct fork_server *server;
	struct loop_signal *terminate, *interrupt;
	struct loop *loop;
	int status;

	log_init("qrexec-fork-server");
	signal(SIGPIPE, SIG_IGN);
	if (given != NULL)
		path = text_copy(given);
	else if (user != NULL)
		path = fork_server_path(NULL, user);
	if (path == NULL)
		fatal("no socket given, and USER is not set");
	loop = loop_create();
	if (loop == NULL)
		fatal("event loop: %s", strerror(errno));
	terminate = loop_signal_create(loop, SIGTERM, handle_signal, loop);
	interrupt = loop_signal_create(loop, SIGINT, handle_signal, loop);
	if (terminate == NULL || interrupt == NULL)
		fatal("signals: %s", strerror(errno));
	server = fork_server_create(loop, path, &err);
	if (server == NULL)
		fatal("%s", err_message(&err));
	notify_ready();
	status = loop_run(loop);

	fork_server_destroy(server);
	loop_signal_destroy(terminate);
	loop_signal_destroy(interrupt);
	loop_destroy(loop);
	return status < 0 ? 1 : status;
}
