/*
 * A million messages of each kind through the daemon's core, as fast as it takes them (a real
 * qube's are held to 10,000 a second): time, and memory that is left afterwards.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_fixture.h"

#define MILLION 1000000U
#define WINDOW 0x11

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
make_damage(uint32_t i, struct gui_message *m)
{
	*m = (struct gui_message){.type = GUI_SHMIMAGE,
		.window = WINDOW,
		.damage = {(int32_t)(i % 290), (int32_t)(i % 190), 1 + i % 10, 1 + i % 10}};
}

static void
make_title(uint32_t i, struct gui_message *m)
{
	*m = (struct gui_message){.type = GUI_WMNAME, .window = WINDOW};
	snprintf(m->title.untrusted_text, sizeof(m->title.untrusted_text), "title %u", i);
}

static void
make_window(uint32_t i, struct gui_message *m)
{
	uint32_t id = 0x10000 + i / 3;

	*m = (struct gui_message){.type = GUI_DESTROY, .window = id};
	if (i % 3 == 0) {
		m->type = GUI_CREATE;
		m->create = (struct gui_create){10, 10, 50, 50, 0, id % 2};
	} else if (i % 3 == 1) {
		m->type = GUI_MAP;
		m->map = (struct gui_map){0, id % 2};
	}
}

static void
make_geometry(uint32_t i, struct gui_message *m)
{
	*m = (struct gui_message){.type = GUI_CONFIGURE,
		.window = WINDOW,
		.configure = {100, 100, 200 + i % 100, 100 + i % 90, 0}};
}

static void
run(const char *name, void (*make)(uint32_t i, struct gui_message *m))
{
	struct gui_message m;
	struct fixture f;
	size_t before;
	double began;

	fixture_init(&f);
	fixture_connect(&f, 8);
	if (fixture_create(&f, WINDOW, 100, 100, 300, 200, false) < 0 ||
		fixture_map(&f, WINDOW) < 0)
		abort();
	before = mallinfo2().uordblks;
	began = now();
	for (uint32_t i = 0; i < MILLION; i++) {
		make(i, &m);
		if (fixture_send(&f, &m) < 0)
			abort();
		fixture_forget_output(&f);
		/* As often as a screen is drawn. */
		if (i % 100 == 0)
			core_draw(f.core);
	}
	printf("%-8s %u messages in %.2f s, %zd bytes more memory\n", name, MILLION, now() - began,
		(ssize_t)(mallinfo2().uordblks - before));
	fixture_finish(&f);
}

int
main(void)
{
	run("damage", make_damage);
	run("titles", make_title);
	run("windows", make_window);
	run("geometry", make_geometry);
	return 0;
}
