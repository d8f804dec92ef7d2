/*
 * Throughput and round trips of channels: of transport unix against the bare socketpair beneath,
 * and of transport link through two vchan-linkd on a socketpair in the place of the virtio port.
 *
 *     bench-vchan VCHAN-LINKD
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "vchan/vchan_extra.h"

#define TOTAL_BYTES (1UL << 30)
#define BLOCK_BYTES 65536
#define PING_COUNT 20000
#define REPEATS 3
#define PORT 513
#define QUBE 5

static uint8_t block[BLOCK_BYTES];

static double
now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_rate(const char *what, double seconds[REPEATS])
{
	qsort(seconds, REPEATS, sizeof(double), compare_doubles);
	printf("%-44s median %6.2f GiB/s, best %6.2f\n", what, 1 / seconds[REPEATS / 2],
		1 / seconds[0]);
	fflush(stdout);
}

static void
pour_socket(int fd)
{
	for (size_t left = TOTAL_BYTES; left > 0;) {
		ssize_t count = write(fd, block, sizeof(block));

		if (count < 0)
			_exit(1);
		left -= (size_t)count < left ? (size_t)count : left;
	}
}

static void
drain_socket(int fd)
{
	while (read(fd, block, sizeof(block)) > 0)
		continue;
}

/* Writer, socketpair, reader: what the kernel gives. */
static double
run_socketpair(void)
{
	int pair[2];
	double began = now_seconds();
	pid_t pid;

	if (socket_pair(pair) < 0)
		fatal("socketpair: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		pour_socket(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	drain_socket(pair[0]);
	close(pair[0]);
	waitpid(pid, NULL, 0);
	return now_seconds() - began;
}

/* Starts a program with one descriptor of ours (or -1), under a root (or NULL for our own). */
static pid_t
start_program(const char *const *argv, const char *root, int source, int target)
{
	const struct child_fd fds[] = {{2, 2}, {source, target}};
	struct child_config config = CHILD_CONFIG_INIT;
	AUTO_ERR struct err err = ERR_INIT;
	pid_t pid;

	if (root != NULL)
		setenv("BULKHEAD_ROOT", root, 1);
	config.argv = argv;
	config.fds = fds;
	config.fd_count = source >= 0 ? 2 : 1;
	config.die_with_parent = true;
	pid = child_start(&config, &err);
	if (pid < 0)
		fatal("%s", err_message(&err));
	return pid;
}

/* The yardstick of old: head writes to a socketpair, cat reads it. */
static double
run_cat(void)
{
	const char *const writer_argv[] = {"head", "-c", "1G", "/dev/zero", NULL};
	const char *const reader_argv[] = {"sh", "-c", "cat >/dev/null", NULL};
	int pair[2];
	double began = now_seconds();
	pid_t writer, reader;

	if (socket_pair(pair) < 0)
		fatal("socketpair: %s", strerror(errno));
	writer = start_program(writer_argv, NULL, pair[1], 1);
	reader = start_program(reader_argv, NULL, pair[0], 0);
	close(pair[0]);
	close(pair[1]);
	waitpid(writer, NULL, 0);
	waitpid(reader, NULL, 0);
	return now_seconds() - began;
}

/*
 * The other end of a channel is this program again, for the prefix of all paths is read once in
 * the life of a process: "bench-vchan pour|echo DOMAIN".
 */
static int
run_as_peer(const char *what, int domain)
{
	libvchan_t *c = libvchan_client_init(domain, PORT);

	if (c == NULL)
		return 1;
	if (text_equal(what, "echo")) {
		while (libvchan_recv(c, block, 1) == 1)
			libvchan_send(c, block, 1);
	} else {
		for (size_t left = TOTAL_BYTES; left > 0; left -= sizeof(block)) {
			if (libvchan_send(c, block, sizeof(block)) < 0)
				return 1;
		}
	}
	libvchan_close(c);
	return 0;
}

static pid_t
start_peer(const char *what, const char *root, int domain)
{
	AUTO_FREE char *number = text_format("%d", domain);
	const char *const argv[] = {"/proc/self/exe", what, number, NULL};

	return start_program(argv, root, -1, -1);
}

static double
run_vchan(const char *root, int own, int peer)
{
	libvchan_t *server = libvchan_server_init(peer, PORT, BLOCK_BYTES, BLOCK_BYTES);
	pid_t pid = start_peer("pour", root, own);
	double began;

	if (server == NULL || libvchan_read(server, block, 1) != 1)
		fatal("no channel");
	began = now_seconds();
	while (libvchan_read(server, block, sizeof(block)) > 0)
		continue;
	began = now_seconds() - began;
	libvchan_close(server);
	waitpid(pid, NULL, 0);
	return began;
}

/* The same by the idiom of existing callers: poll, wait, read what is ready. */
static double
run_polled_vchan(const char *root, int own, int peer)
{
	libvchan_t *server = libvchan_server_init(peer, PORT, BLOCK_BYTES, BLOCK_BYTES);
	pid_t pid = start_peer("pour", root, own);
	double began = now_seconds();
	bool open = true;

	while (open) {
		struct pollfd p = {.fd = libvchan_fd_for_select(server), .events = POLLIN};

		poll(&p, 1, -1);
		libvchan_wait(server);
		open = libvchan_is_open(server) != VCHAN_DISCONNECTED;
		while (libvchan_data_ready(server) > 0)
			libvchan_read(server, block, sizeof(block));
	}
	began = now_seconds() - began;
	libvchan_close(server);
	waitpid(pid, NULL, 0);
	return began;
}

static void
print_pings(const char *what, const char *root, int own, int peer)
{
	libvchan_t *server = libvchan_server_init(peer, PORT, 1, 1);
	pid_t pid = start_peer("echo", root, own);
	AUTO_FREE double *times = xcalloc(PING_COUNT, sizeof(double));

	for (size_t i = 0; i < PING_COUNT; i++) {
		double began = now_seconds();

		if (libvchan_send(server, block, 1) != 1 || libvchan_recv(server, block, 1) != 1)
			fatal("no channel");
		times[i] = (now_seconds() - began) * 1e6;
	}
	libvchan_close(server);
	waitpid(pid, NULL, 0);
	qsort(times, PING_COUNT, sizeof(double), compare_doubles);
	printf("%-44s median %6.0f us, p99 %6.0f us\n", what, times[PING_COUNT / 2],
		times[PING_COUNT * 99 / 100]);
	fflush(stdout);
}

static void
bench_unix(const char *directory)
{
	double seconds[REPEATS];

	setenv("VCHAN_SOCKET_DIR", directory, 1);
	for (int i = 0; i < REPEATS; i++)
		seconds[i] = run_cat();
	print_rate("head to cat over a socketpair", seconds);
	for (int i = 0; i < REPEATS; i++)
		seconds[i] = run_socketpair();
	print_rate("64 KiB writes and reads over a socketpair", seconds);
	for (int i = 0; i < REPEATS; i++)
		seconds[i] = run_vchan(NULL, 0, 0);
	print_rate("transport unix", seconds);
	for (int i = 0; i < REPEATS; i++)
		seconds[i] = run_polled_vchan(NULL, 0, 0);
	print_rate("transport unix, poll and wait", seconds);
	print_pings("transport unix, round trip", NULL, 0, 0);
	unsetenv("VCHAN_SOCKET_DIR");
}

static void
bench_link(const char *program, const char *directory)
{
	AUTO_FREE char *host_root = text_format("%s/host", directory);
	AUTO_FREE char *qube_root = text_format("%s/qube", directory);
	const char *const host_argv[] = {program, "--host", "5", "--port-fd", "3", NULL};
	const char *const qube_argv[] = {program, "--qube", "--port-fd", "3", NULL};
	double seconds[REPEATS];
	pid_t host, qube;
	int pair[2];

	if (socket_pair(pair) < 0)
		fatal("socketpair: %s", strerror(errno));
	setenv("BULKHEAD_LOG", "warning", 1);
	/* Before either local socket exists there is nothing to choose the transport by. */
	setenv("VCHAN_TRANSPORT", "link", 1);
	qube = start_program(qube_argv, qube_root, pair[1], 3);
	host = start_program(host_argv, host_root, pair[0], 3);
	close(pair[0]);
	close(pair[1]);
	for (int i = 0; i < REPEATS; i++)
		seconds[i] = run_vchan(qube_root, 0, QUBE);
	print_rate("transport link, two vchan-linkd", seconds);
	print_pings("transport link, round trip", qube_root, 0, QUBE);
	kill(host, SIGTERM);
	kill(qube, SIGTERM);
	waitpid(host, NULL, 0);
	waitpid(qube, NULL, 0);
}

int
main(int argc, char **argv)
{
	char directory[] = "/tmp/bench-vchan.XXXXXX";

	log_init("bench-vchan");
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3)
		return run_as_peer(argv[1], (int)strtol(argv[2], NULL, 10));
	if (argc != 2 || mkdtemp(directory) == NULL)
		fatal("usage: bench-vchan VCHAN-LINKD");
	bench_unix(directory);
	bench_link(argv[1], directory);
	remove_tree(directory, NULL);
	return 0;
}
