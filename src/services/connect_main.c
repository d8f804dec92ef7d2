/*
 * qvm-connect-tcp: a port of this qube that leads to a port of another, by one call of
 * qubes.ConnectTCP for each connection. Listens on the loopback interface only. Runs as the user.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

#define SERVICE "qubes.ConnectTCP"
#define USAGE_STATUS 2
/* Beyond that, who connects waits until another has gone. */
#define CONNECTIONS_MAX 128

struct forward {
	const char *target;
	uint16_t local_port, remote_port;
};

static void __attribute__((noreturn)) end_usage(bool asked)
{
	fputs("usage: qvm-connect-tcp [OPTION]... [LOCALPORT]:[VMNAME]:PORT\n"
	      "Makes a port of another qube a port of this one, in the background.\n"
	      "Without LOCALPORT, the same number; without VMNAME, dom0 chooses the qube.\n"
	      "\n"
	      "  -f, --foreground  stay until it is ended\n"
	      "  -h, --help        print this\n"
	      "      --version     print the version\n",
		asked ? stdout : stderr);
	exit(asked ? 0 : USAGE_STATUS);
}

static bool
parse_port(const char *text, uint16_t *ret_port)
{
	uint64_t value;

	if (text_parse_u64(text, UINT16_MAX, &value) < 0 || value == 0)
		return false;
	*ret_port = (uint16_t)value;
	return true;
}

/* Splits the argument in place. */
static bool
parse_forward(char *argument, struct forward *ret_forward)
{
	struct forward f = {.target = "@default"};
	char *qube = strchr(argument, ':'), *port = qube != NULL ? strchr(qube + 1, ':') : NULL;

	if (port == NULL)
		return false;
	*qube++ = '\0';
	*port++ = '\0';
	if (!parse_port(port, &f.remote_port))
		return false;
	f.local_port = f.remote_port;
	if (argument[0] != '\0' && !parse_port(argument, &f.local_port))
		return false;
	if (qube[0] == '-')
		return false;
	if (qube[0] != '\0')
		f.target = qube;
	*ret_forward = f;
	return true;
}

static int
listen_locally(uint16_t port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		fatal("cannot make a socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, CONNECTIONS_MAX) < 0)
		fatal("port %u: %s%s", port, strerror(errno),
			errno == EACCES ? "; below 1024 use sudo" : "");
	return fd;
}

static void __attribute__((noreturn)) make_call(const struct forward *f, int connection)
{
	AUTO_FREE char *service = text_format(SERVICE "+%u", f->remote_port);

	if (dup2(connection, STDIN_FILENO) < 0 || dup2(connection, STDOUT_FILENO) < 0)
		fatal("cannot pass the connection on: %s", strerror(errno));
	execlp("qrexec-client-vm", "qrexec-client-vm", "-T", "--", f->target, service,
		(char *)NULL);
	fatal("'qrexec-client-vm': cannot execute: %s", strerror(errno));
}

static void
reap(int *running, int options)
{
	while (*running > 0 && waitpid(-1, NULL, options) > 0) {
		(*running)--;
		options = WNOHANG;
	}
}

static void __attribute__((noreturn)) serve(const struct forward *f, int fd)
{
	int running = 0;

	for (;;) {
		AUTO_FD int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		pid_t child;

		reap(&running, running >= CONNECTIONS_MAX ? 0 : WNOHANG);
		if (connection < 0)
			continue;
		child = fork();
		if (child == 0)
			make_call(f, connection);
		if (child > 0)
			running++;
		else
			log_warning("cannot start a process: %s", strerror(errno));
	}
}

/* Who started us goes on when the port is there. */
static void
go_to_background(void)
{
	pid_t child = fork();

	if (child < 0)
		fatal("cannot start a process: %s", strerror(errno));
	if (child > 0)
		_exit(0);
	/* Nothing of who started us stays open: a call would wait for its end. */
	if (setsid() < 0 || freopen("/dev/null", "r", stdin) == NULL ||
		freopen("/dev/null", "w", stdout) == NULL ||
		freopen("/dev/null", "w", stderr) == NULL)
		fatal("cannot go to the background: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"foreground", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	bool foreground = false;
	AUTO_FREE char *argument = NULL;
	struct forward forward;
	int option, fd;

	log_init("qvm-connect-tcp");
	while ((option = getopt_long(argc, argv, "fh", long_options, NULL)) != -1) {
		if (option == 'V') {
			printf("qvm-connect-tcp (Bulkhead) " BULKHEAD_VERSION "\n");
			return 0;
		}
		if (option != 'f')
			end_usage(option == 'h');
		foreground = true;
	}
	if (argc - optind != 1)
		end_usage(false);
	argument = text_copy(argv[optind]);
	if (!parse_forward(argument, &forward))
		end_usage(false);
	signal(SIGPIPE, SIG_IGN);
	fd = listen_locally(forward.local_port);
	if (!foreground)
		go_to_background();
	serve(&forward, fd);
}
