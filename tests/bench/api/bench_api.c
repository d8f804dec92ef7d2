/*
 * What the daemon's side of the Admin API costs: whole calls over the socket, in one process with
 * the client, so without the start of a client. Prints microseconds; asserts nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cmocka_all.h"
#include "fixture.h"

#define ROUNDS 51
#define QVM_LS_PROPERTIES "label\ntemplate\nnetvm\nmemory\nmaxmem\nvcpus\nip\nprovides_network\n"

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_times(const char *what, size_t qubes, double *times, size_t count)
{
	qsort(times, count, sizeof(*times), compare);
	printf("%-34s %4zu qubes: median %8.0f us, worst %8.0f us\n", what, qubes, times[count / 2],
		times[count - 1]);
}

static void
measure(struct fixture *f, const char *what, size_t qubes, const char *method, const char *payload)
{
	double times[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		double start = now_us();
		char *answer = call_ok(f, method, "dom0", payload);

		times[i] = now_us() - start;
		free(answer);
	}
	print_times(what, qubes, times, ROUNDS);
}

static void
create(struct fixture *f, size_t number)
{
	AUTO_FREE char *payload = text_format("name=q%zu label=red", number);

	free(call_ok(f, "admin.vm.Create.AppVM+t", "dom0", payload));
}

static size_t
resident_kib(void)
{
	AUTO_FILE FILE *status = fopen("/proc/self/status", "re");
	char line[128];
	size_t kib = 0;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		if (text_starts_with(line, "VmRSS:"))
			kib = strtoul(line + 6, NULL, 10);
	}
	return kib;
}

static void
run(void **state)
{
	static const size_t steps[] = {5, 50, 200, 500};
	struct fixture *f = *state;
	double times[20];
	size_t present = 0;

	free(call_ok(f, "admin.vm.Create.TemplateVM", "dom0", "name=t label=black"));
	printf("resident with no qube: %zu KiB\n", resident_kib());
	for (size_t step = 0; step < 4; step++) {
		while (present < steps[step])
			create(f, present++);
		measure(f, "admin.vm.List", present, "admin.vm.List", "");
		measure(f, "Overview as for qvm-ls", present, "bulkhead.vm.Overview",
			QVM_LS_PROPERTIES);
		measure(f, "GetSystemInfo (kept)", present, "internal.GetSystemInfo", "");
		if (steps[step] != 200)
			continue;
		for (size_t i = 0; i < 20; i++) {
			double start = now_us();

			create(f, present++);
			times[i] = now_us() - start;
		}
		print_times("creation of an AppVM", 200, times, 20);
	}
	measure(f, "property.GetAll of one", present, "admin.vm.property.GetAll", "");
	printf("resident with %zu qubes: %zu KiB\n", present, resident_kib());
	for (size_t i = 0; i < 5; i++) {
		double start = now_us();

		fixture_restart(f);
		times[i] = now_us() - start;
	}
	print_times("end and start of the daemon", present, times, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(run, fixture_start, fixture_stop),
	};

	return cmocka_run_group_tests_name("api bench", tests, root_create, root_remove);
}
