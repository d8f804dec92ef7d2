/*
 * Calls from dom0 over the unix transport, with qrexec-daemon and qrexec-agent as processes of
 * this host: time of whole calls with the start of the client, calls a second, throughput,
 * memory, and a soak that looks for a call that hangs.
 *
 *     bench-qrexec-calls DAEMON CLIENT AGENT [table | soak N]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

#define CALLS 200
#define CALLERS 8
#define PARALLEL_CALLS 2000
#define BULK_BYTES (UINT64_C(1) << 30)
#define HANG_MS 60000
#define UUID "5d0c2a11-0000-4000-8000-0123456789ab"
#define SERVICE "QUBESRPC test.Nothing+ dom0"

extern char **environ;

static const char *daemon_program, *client_program, *agent_program;
static char root[] = "/tmp/bulkhead-bench-XXXXXX";
static pid_t daemon_pid, agent_pid;

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static pid_t
start(const char *const *argv, int stdin_fd, int stdout_fd)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int error;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, stdin_fd, 0);
	posix_spawn_file_actions_adddup2(&actions, stdout_fd, 1);
	error = posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error != 0)
		fatal("cannot start '%s': %s", argv[0], strerror(error));
	return pid;
}

/* The exit status, or -1 when it does not come. */
static int
finish(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status;
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	if (poll(&poll_fd, 1, HANG_MS) != 1) {
		close(fd);
		return -1;
	}
	close(fd);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
run_to_end(const char *const *argv, int stdin_fd, int stdout_fd)
{
	int status = finish(start(argv, stdin_fd, stdout_fd));

	if (status != 0)
		fatal("'%s' ended with %d", argv[0], status);
}

static void
await_path(const char *path)
{
	double deadline = now_s() + 30;
	const struct timespec pause = {.tv_nsec = 2000000};

	while (access(path, F_OK) != 0) {
		if (now_s() > deadline)
			fatal("'%s' does not appear", path);
		nanosleep(&pause, NULL);
	}
}

/* Sessions read it below the private root. */
static void
install_pam_configuration(void)
{
	AUTO_FREE char *directory = path_join(root, "etc/pam.d");
	AUTO_FREE char *path = path_join(directory, "qrexec");
	AUTO_FREE char *text = NULL;
	AUTO_ERR struct err err = ERR_INIT;
	size_t size;

	if (make_directories(directory, 0755, &err) < 0 ||
		read_file(QREXEC_PAM_FILE, 65536, &text, &size, &err) < 0 ||
		write_file(path, text, size, 0644, &err) < 0)
		fatal("%s", err_message(&err));
}

static void
prepare_root(void)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *sockets = NULL;
	AUTO_FREE char *vchan = NULL;
	AUTO_FREE char *services = NULL;
	AUTO_FREE char *link = NULL;

	if (mkdtemp(root) == NULL || chmod(root, 0755) < 0)
		fatal("no directory: %s", strerror(errno));
	sockets = text_format("%s/run/qubes", root);
	vchan = text_format("%s/vchan", root);
	services = text_format("%s/rpc", root);
	link = text_format("%s/rpc/test.Nothing", root);
	if (make_directories(sockets, 0755, &err) < 0 || make_directories(vchan, 0755, &err) < 0 ||
		make_directories(services, 0755, &err) < 0)
		fatal("%s", err_message(&err));
	if (symlink("/bin/true", link) < 0)
		fatal("no service: %s", strerror(errno));
	install_pam_configuration();
	setenv("BULKHEAD_ROOT", root, 1);
	setenv("VCHAN_SOCKET_DIR", vchan, 1);
	setenv("VCHAN_TRANSPORT", "unix", 1);
	setenv("QREXEC_SERVICE_PATH", services, 1);
	setenv("BULKHEAD_LOG", "warning", 1);
}

static void
start_qube(bool login)
{
	const char *const daemon_argv[] = {
		daemon_program, "-D", "-u", UUID, "42", "bench", "user", NULL};
	const char *const agent_argv[] = {agent_program, NULL};
	AUTO_FREE char *name = text_format("%s/run/qubes/qrexec.bench", root);
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	setenv("VCHAN_DOMAIN", "42", 1);
	if (login)
		unsetenv("QREXEC_NO_ROOT");
	else
		setenv("QREXEC_NO_ROOT", "1", 1);
	agent_pid = start(agent_argv, null_fd, null_fd);
	setenv("VCHAN_DOMAIN", "0", 1);
	daemon_pid = start(daemon_argv, null_fd, null_fd);
	await_path(name);
}

static void
stop_qube(void)
{
	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, NULL, 0);
	kill(agent_pid, SIGTERM);
	waitpid(agent_pid, NULL, 0);
}

static int
compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference < 0 ? -1 : difference > 0;
}

/* Milliseconds of CALLS runs, sorted. */
static void
measure(const char *const *argv, double *ret_times)
{
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 10; i++)
		run_to_end(argv, null_fd, null_fd);
	for (int i = 0; i < CALLS; i++) {
		double begin = now_s();

		run_to_end(argv, null_fd, null_fd);
		ret_times[i] = (now_s() - begin) * 1000;
	}
	qsort(ret_times, CALLS, sizeof(*ret_times), compare);
}

static void
print_times(const char *what, const char *const *argv)
{
	double times[CALLS];

	measure(argv, times);
	printf("%-52s median %6.2f ms   p99 %6.2f ms\n", what, times[CALLS / 2],
		times[CALLS * 99 / 100]);
	fflush(stdout);
}

/* Callers of their own, each one call after the other. */
static void
print_rate(const char *what, const char *const *argv)
{
	double begin = now_s();
	pid_t callers[CALLERS];

	for (int i = 0; i < CALLERS; i++) {
		callers[i] = fork();
		if (callers[i] == 0) {
			int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

			for (int n = 0; n < PARALLEL_CALLS / CALLERS; n++)
				run_to_end(argv, null_fd, null_fd);
			_exit(0);
		}
	}
	for (int i = 0; i < CALLERS; i++) {
		int status;

		waitpid(callers[i], &status, 0);
		if (status != 0)
			fatal("a caller failed");
	}
	printf("%-52s %6.0f calls/s\n", what, PARALLEL_CALLS / (now_s() - begin));
	fflush(stdout);
}

/* Takes all bytes until the end, as a reader that does nothing with them. */
static uint64_t
drain(int fd)
{
	static uint8_t block[1 << 20];
	uint64_t total = 0;
	ssize_t count;

	while ((count = read(fd, block, sizeof(block))) > 0)
		total += (uint64_t)count;
	return total;
}

static void
feed(int fd)
{
	static uint8_t block[1 << 20];

	for (uint64_t sent = 0; sent < BULK_BYTES;) {
		ssize_t count = write(fd, block, sizeof(block));

		if (count <= 0)
			fatal("bulk data: %s", strerror(errno));
		sent += (uint64_t)count;
	}
}

static void
print_throughput(const char *what, double begin)
{
	printf("%-52s %6.2f GiB/s\n", what, 1 / (now_s() - begin));
	fflush(stdout);
}

static void
bulk_to_qube(const char *what, const char *const *argv)
{
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	double begin = now_s();
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		fatal("no pipe");
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	pid = start(argv, ends[0], null_fd);
	close(ends[0]);
	feed(ends[1]);
	close(ends[1]);
	if (finish(pid) != 0)
		fatal("bulk call failed");
	print_throughput(what, begin);
}

static void
bulk_from_qube(const char *what, const char *const *argv)
{
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	double begin = now_s();
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		fatal("no pipe");
	fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
	pid = start(argv, null_fd, ends[1]);
	close(ends[1]);
	if (drain(ends[0]) != BULK_BYTES)
		fatal("bulk data is not complete");
	close(ends[0]);
	if (finish(pid) != 0)
		fatal("bulk call failed");
	print_throughput(what, begin);
}

/* feeder | cat >socket, socket -> reader: one copy through a program and a socket. */
static void
bulk_cat(void)
{
	const char *const argv[] = {"/bin/cat", NULL};
	double begin = now_s();
	int ends[2], pair[2];
	pid_t cat, feeder;

	if (pipe2(ends, O_CLOEXEC) < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		fatal("no socket");
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	cat = start(argv, ends[0], pair[1]);
	close(ends[0]);
	close(pair[1]);
	feeder = fork();
	if (feeder == 0) {
		feed(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (drain(pair[0]) != BULK_BYTES)
		fatal("cat lost bytes");
	close(pair[0]);
	waitpid(feeder, NULL, 0);
	finish(cat);
	print_throughput("1 GiB, cat over a socketpair (the measure)", begin);
}

static void
print_memory(const char *what, pid_t pid)
{
	AUTO_FREE char *path = text_format("/proc/%d/smaps_rollup", (int)pid);
	AUTO_FILE FILE *file = fopen(path, "re");
	char line[256];
	long rss = 0, pss = 0, value;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "Rss: %ld", &value) == 1)
			rss = value;
		if (sscanf(line, "Pss: %ld", &value) == 1)
			pss = value;
	}
	printf("%-52s RSS %5ld KiB   PSS %5ld KiB\n", what, rss, pss);
}

static void
print_calls(const char *kind, const char *user)
{
	AUTO_FREE char *command = text_format("%s:" SERVICE, user);
	AUTO_FREE char *whole = text_format("whole call of a service, %s", kind);
	AUTO_FREE char *rate = text_format("%d callers at once, %s", CALLERS, kind);
	const char *const argv[] = {client_program, "-d", "bench", command, NULL};

	print_times(whole, argv);
	print_rate(rate, argv);
}

static void
print_table(void)
{
	const char *const nothing[] = {"/bin/true", NULL};
	const char *const help[] = {client_program, "--help", NULL};
	AUTO_FREE char *take = text_format("%s:cat >/dev/null", getenv("BENCH_USER"));
	AUTO_FREE char *give = text_format(
		"%s:head -c %llu /dev/zero", getenv("BENCH_USER"), (unsigned long long)BULK_BYTES);
	const char *const to_qube[] = {client_program, "-d", "bench", take, NULL};
	const char *const from_qube[] = {client_program, "-d", "bench", give, NULL};

	print_times("start of a process (/bin/true)", nothing);
	print_times("start of qrexec-client (--help)", help);
	start_qube(/* login= */ false);
	print_calls("agent unprivileged", getenv("BENCH_USER"));
	bulk_cat();
	bulk_to_qube("1 GiB through one call, dom0 to qube", to_qube);
	bulk_from_qube("1 GiB through one call, qube to dom0", from_qube);
	print_memory("qrexec-daemon after all that", daemon_pid);
	stop_qube();
	if (geteuid() != 0) {
		printf("%-52s SKIP: needs root\n", "whole call of a service, with a login session");
		return;
	}
	start_qube(/* login= */ true);
	print_calls("with a login session", getenv("BENCH_USER"));
	stop_qube();
}

/* Ports are reused at once and stdin is at its end already: not one call may hang or fail. */
static void
soak(long count)
{
	AUTO_FREE char *command = text_format("%s:" SERVICE, getenv("BENCH_USER"));
	const char *const argv[] = {client_program, "-d", "bench", command, NULL};
	AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	double begin = now_s(), slowest = 0;
	long failed = 0, hung = 0;
	pid_t callers[2];
	int ends[2];

	start_qube(/* login= */ false);
	if (pipe2(ends, O_CLOEXEC) < 0)
		fatal("no pipe");
	for (int i = 0; i < 2; i++) {
		callers[i] = fork();
		if (callers[i] != 0)
			continue;
		for (long n = i; n < count; n += 2) {
			double one = now_s();
			pid_t pid = start(argv, null_fd, null_fd);
			int status = finish(pid);
			double report[2] = {now_s() - one, status};

			if (status < 0)
				kill(pid, SIGKILL);
			if (write(ends[1], report, sizeof(report)) < 0)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	for (long n = 0; n < count; n++) {
		double report[2];

		if (read(ends[0], report, sizeof(report)) != sizeof(report))
			fatal("a caller died");
		slowest = report[0] > slowest ? report[0] : slowest;
		hung += report[1] < 0;
		failed += report[1] != 0;
	}
	for (int i = 0; i < 2; i++)
		waitpid(callers[i], NULL, 0);
	printf("%ld calls in %.0f s: %ld hung, %ld failed, slowest %.1f ms\n", count,
		now_s() - begin, hung, failed, slowest * 1000);
	print_memory("qrexec-daemon after them", daemon_pid);
	print_memory("qrexec-agent after them", agent_pid);
	stop_qube();
}

int
main(int argc, char **argv)
{
	bool soaking = argc == 6 && text_equal(argv[4], "soak");

	log_init("bench-qrexec-calls");
	if (argc != 4 && !soaking)
		fatal("usage: bench-qrexec-calls DAEMON CLIENT AGENT [soak N]");
	daemon_program = argv[1];
	client_program = argv[2];
	agent_program = argv[3];
	setenv("BENCH_USER", geteuid() == 0 ? "root" : getenv("USER"), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prepare_root();
	if (soaking)
		soak(strtol(argv[5], NULL, 10));
	else
		print_table();
	return remove_tree(root, NULL) < 0;
}
