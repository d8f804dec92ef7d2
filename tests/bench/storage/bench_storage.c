/*
 * How long storage takes: adding an AppVM's volumes, starting and stopping it, cloning, with
 * other volumes present. Prints one line each: name, median and worst in milliseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "harness.h"

#define ROUNDS 21

static struct harness h;

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1000000;
}

static int
compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference < 0 ? -1 : difference > 0 ? 1 : 0;
}

static void
print(const char *name, double *times)
{
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	printf("%-44s median %7.2f ms, worst %7.2f ms\n", name, times[ROUNDS / 2],
		times[ROUNDS - 1]);
}

static void
must(int result)
{
	if (result != 0)
		fatal("%s", err_message(&h.err));
}

static void
bench_qubes(void)
{
	double add[ROUNDS], start[ROUNDS], stop[ROUNDS], removal[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		AUTO_FREE char *name = text_format("bench%d", i);
		AUTO_FREE char *vid = harness_vid(name, "private");
		double t = now_ms();

		must(store_begin(h.store, NULL));
		harness_add_app(&h, name, "template");
		must(store_commit(h.store, NULL));
		add[i] = now_ms() - t;
		t = now_ms();
		must(harness_start(&h, name));
		start[i] = now_ms() - t;
		harness_write(&h, vid, 1, 1);
		t = now_ms();
		must(harness_stop(&h, name));
		stop[i] = now_ms() - t;
		t = now_ms();
		must(harness_remove(&h, name));
		removal[i] = now_ms() - t;
	}
	print("AppVM: add its three volumes, one transaction", add);
	print("AppVM: start (three images made)", start);
	print("AppVM: stop (private committed)", stop);
	print("AppVM: remove", removal);
}

static void
bench_clones(void)
{
	double times[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		AUTO_FREE char *name = text_format("template%d", i);
		AUTO_FREE char *vid = harness_vid(name, "root");
		double t;

		harness_add_template(&h, name, 1);
		t = now_ms();
		must(harness_clone(&h, "vm-templates/template/root", vid));
		times[i] = now_ms() - t;
	}
	print("template root, 32 MiB in one file: clone", times);
}

int
main(void)
{
	double t;

	if (!harness_has_programs()) {
		printf("SKIP: qemu-io (package qemu-utils) is missing\n");
		return 77;
	}
	log_set_level(LOG_LEVEL_ERROR);
	harness_make_root();
	harness_open(&h);
	harness_add_template(&h, "template", 1);
	must(harness_start(&h, "template"));
	for (unsigned int i = 0; i < 32; i++)
		harness_write(&h, "vm-templates/template/root", i, 1);
	must(harness_stop(&h, "template"));
	for (int i = 0; i < 200; i++) {
		AUTO_FREE char *name = text_format("present%d", i);

		harness_add_app(&h, name, "template");
	}
	bench_qubes();
	bench_clones();
	harness_close(&h);
	t = now_ms();
	harness_open(&h);
	printf("%-44s %7.2f ms\n", "open and recover with 200 qubes", now_ms() - t);
	harness_close(&h);
	harness_remove_root();
	return 0;
}
