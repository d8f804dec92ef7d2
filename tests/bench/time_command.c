/*
 * Times whole runs of a command, its start included: one after the other, then from several
 * callers at once. Prints one line of figures. A run that takes longer than a minute counts as
 * hung and ends the measurement.
 *
 *     bench-time-command [-n RUNS] [-c CALLERS] [-s STATUS] COMMAND [ARGUMENT...]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

#define RUN_LIMIT_MS 60000
#define RUNS_MAX 1000000
#define CALLERS_MAX 64

extern char **environ;

struct plan {
	char **argv;
	size_t runs, callers;
	int expected_status;
};

static double
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
await_end(pid_t pid, const struct plan *plan)
{
	AUTO_FD int pidfd = pidfd_open(pid, 0);
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};
	int status;

	if (pidfd < 0 || poll(&wait, 1, RUN_LIMIT_MS) <= 0)
		fatal("a run of '%s' hangs", plan->argv[0]);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
		WEXITSTATUS(status) != plan->expected_status)
		fatal("a run of '%s' ended with wait status %d", plan->argv[0], status);
}

static void
run_once(const struct plan *plan)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int error;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	error = posix_spawnp(&pid, plan->argv[0], &actions, NULL, plan->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error != 0)
		fatal("cannot run '%s': %s", plan->argv[0], strerror(error));
	await_end(pid, plan);
}

static int
compare_times(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return (difference > 0) - (difference < 0);
}

static void
measure_times(const struct plan *plan)
{
	AUTO_FREE double *times = xcalloc(plan->runs, sizeof(*times));

	for (size_t i = 0; i < plan->runs; i++) {
		double start = now_ms();

		run_once(plan);
		times[i] = now_ms() - start;
	}
	qsort(times, plan->runs, sizeof(*times), compare_times);
	printf("%8.2f ms median %8.2f ms p99", times[plan->runs / 2], times[plan->runs * 99 / 100]);
}

/* Each caller is a process that makes its share of the runs. */
static void
measure_rate(const struct plan *plan)
{
	pid_t callers[CALLERS_MAX];
	size_t share = plan->runs / plan->callers;
	double start = now_ms(), seconds;

	fflush(stdout);
	for (size_t i = 0; i < plan->callers; i++) {
		callers[i] = fork();
		if (callers[i] < 0)
			fatal("cannot fork: %s", strerror(errno));
		if (callers[i] > 0)
			continue;
		for (size_t run = 0; run < share; run++)
			run_once(plan);
		_exit(0);
	}
	for (size_t i = 0; i < plan->callers; i++) {
		int status;

		if (waitpid(callers[i], &status, 0) < 0 || status != 0)
			fatal("a caller failed");
	}
	seconds = (now_ms() - start) / 1e3;
	printf(" %8.0f a second from %zu callers", (double)(share * plan->callers) / seconds,
		plan->callers);
}

static size_t
parse_count(const char *text, uint64_t max)
{
	uint64_t value;

	if (text_parse_u64(text, max, &value) < 0 || value == 0)
		fatal("'%s' is not a count up to %llu", text, (unsigned long long)max);
	return (size_t)value;
}

int
main(int argc, char **argv)
{
	struct plan plan = {.runs = 200};
	int option;

	log_init("bench-time-command");
	while ((option = getopt(argc, argv, "+n:c:s:")) >= 0) {
		if (option == 'n')
			plan.runs = parse_count(optarg, RUNS_MAX);
		else if (option == 'c')
			plan.callers = parse_count(optarg, CALLERS_MAX);
		else if (option == 's')
			plan.expected_status = (int)parse_count(optarg, 255);
		else
			return 2;
	}
	if (optind == argc)
		fatal("no command given");
	plan.argv = argv + optind;
	run_once(&plan); /* not counted: warms everything up */
	measure_times(&plan);
	if (plan.callers > 0)
		measure_rate(&plan);
	putchar('\n');
	return 0;
}
