/*
 * Questions a second and their time through the policy daemon's socket, one at a time and from
 * four at once. Where the policy says ask, the answer yes is taken for granted: what a prompt
 * takes is the user's time.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../protocol/qrexec-policy/daemon_fixture.h"
#include "../../protocol/qrexec-policy/fake_qubesd.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/socket.h"
#include "base/text.h"
#include "bench_system.h"

#define QUESTIONS 40000
#define ASKERS 4

static uint64_t *times_ns; /* shared with the children */

static void
ask(const char *path, const struct bench_request *request)
{
	AUTO_FD int fd = socket_connect(path, NULL);
	char text[4096];
	int length = snprintf(text, sizeof(text),
		"source=%s\nrequested_source=\nintended_target=%s\nservice_and_arg=%s\n"
		"assume_yes_for_ask=yes\n\n",
		request->source, request->target, request->service);

	if (fd < 0 || write_all(fd, text, (size_t)length) < 0)
		fatal("the policy daemon does not listen");
	if (read(fd, text, sizeof(text)) <= 0)
		fatal("the policy daemon does not answer");
	while (read(fd, text, sizeof(text)) > 0)
		continue;
}

static void
ask_many(const char *path, unsigned qubes, size_t first, size_t count)
{
	for (size_t i = first; i < first + count; i++) {
		struct bench_request request;
		uint64_t start;

		bench_make_request(i, qubes, &request);
		start = bench_now_ns();
		ask(path, &request);
		times_ns[i] = bench_now_ns() - start;
	}
}

static void
ask_from(unsigned askers, const char *path, unsigned qubes, const char *what)
{
	AUTO_FREE char *line = text_format("%s, %u asking", what, askers);
	uint64_t start = bench_now_ns();
	size_t share = QUESTIONS / askers;

	for (unsigned i = 0; i < askers; i++) {
		if (fork() == 0) {
			ask_many(path, qubes, (size_t)i * share, share);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < askers; i++)
		wait(NULL);
	bench_print(line, times_ns, QUESTIONS, bench_now_ns() - start);
}

/* What a process has used of the processor so far, in microseconds; 0 when it can not be told. */
static double
cpu_us(pid_t pid)
{
	AUTO_FREE char *path = text_format("/proc/%d/stat", (int)pid);
	AUTO_FREE char *text = NULL;
	unsigned long ticks = 0;
	char *field;

	if (read_file(path, 4096, &text, NULL, NULL) < 0)
		return 0;
	/* The name may hold blanks; after it come the fields from the third on. */
	field = strrchr(text, ')');
	for (int i = 2; field != NULL && i < 15; i++) {
		field = strchr(field + 1, ' ');
		if (field != NULL && i >= 13)
			ticks += strtoul(field, NULL, 10);
	}
	return (double)ticks * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static void
run(unsigned rules, unsigned qubes)
{
	AUTO_FREE char *json = bench_facts(qubes);
	AUTO_FREE char *text = bench_rules(rules, qubes);
	AUTO_FREE char *facts_path = root_path("/bench.json");
	AUTO_FREE char *path = root_path("/run/qubes/policy.sock");
	AUTO_FREE char *what = text_format("default + %u rules, %u qubes", rules, qubes);
	struct bench_request request;
	struct fake_qubesd qubesd;
	pid_t daemon;

	if (write_file(facts_path, json, strlen(json), 0644, NULL) < 0)
		fatal("facts: cannot write");
	daemon_write_policy("30-bench.policy", text);
	fake_qubesd_start(&qubesd, facts_path, true);
	daemon = daemon_start();
	bench_make_request(1, qubes, &request);
	ask(path, &request);
	ask_from(1, path, qubes, what);
	ask_from(ASKERS, path, qubes, what);
	printf("    the daemon's own processor time: %.1f us a question\n",
		cpu_us(daemon) / (2.0 * QUESTIONS));
	daemon_stop(daemon);
	fake_qubesd_stop(&qubesd);
}

/* The policy that ships, beside the rules made up here. */
static void
install_default_policy(void)
{
	static const char *const names[] = {"90-default.policy", "90-admin-default.policy",
		"90-admin-policy-default.policy", "include/admin-global-ro",
		"include/admin-global-rwx", "include/admin-local-ro", "include/admin-local-rwx",
		"include/admin-policy-ro", "include/admin-policy-rwx"};
	AUTO_FREE char *include = root_path("/etc/qubes/policy.d/include");

	if (make_directories(include, 0755, NULL) < 0)
		fatal("'%s': cannot create", include);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		AUTO_FREE char *source = path_join(POLICY_SOURCE, names[i]);
		AUTO_FREE char *text = NULL;

		if (read_file(source, 1 << 20, &text, NULL, NULL) < 0)
			fatal("'%s': cannot read", source);
		daemon_write_policy(names[i], text);
	}
}

int
main(void)
{
	static const unsigned rules[] = {100, 1000}, qubes[] = {60, 300};

	times_ns = mmap(NULL, QUESTIONS * sizeof(*times_ns), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (times_ns == MAP_FAILED)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	setenv("BULKHEAD_LOG", "error", 1);
	daemon_root_create();
	install_default_policy();
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 2; j++)
			run(rules[i], qubes[j]);
	}
	daemon_root_destroy();
	return 0;
}
