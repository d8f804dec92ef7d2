/*
 * The person in front of the host's display: finds the painter's picture, wherever it is and
 * whatever carried it there; counts the pictures that arrive, or presses a key and waits until the
 * cell has turned.
 *
 *     bench-gui-watcher frames SECONDS PID...     processor time of those and all they started
 *     bench-gui-watcher latency PRESSES
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xcb/xcb.h>
#include <xcb/xtest.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "strip.h"

#define FIND_SECONDS 30
#define PRESS_SECONDS 5
#define PRESSES_MAX 2000
#define KEYCODE_A 38
#define FAR 80 /* of 255: colours that are not the same */

struct watcher {
	xcb_connection_t *x;
	xcb_screen_t *screen;
	int strip_x, strip_y; /* middle of the first cell */
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
pause_for(double seconds)
{
	struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	nanosleep(&t, NULL);
}

static bool
is_like(uint32_t a, uint32_t b)
{
	for (int shift = 0; shift <= 16; shift += 8) {
		if (abs((int)(a >> shift & 0xff) - (int)(b >> shift & 0xff)) > FAR)
			return false;
	}
	return true;
}

/* A part of the screen; the caller frees it. NULL: it is not on the screen. */
static xcb_get_image_reply_t *
look(struct watcher *w, int x, int y, int width, int height)
{
	return xcb_get_image_reply(w->x,
		xcb_get_image(w->x, XCB_IMAGE_FORMAT_Z_PIXMAP, w->screen->root, (int16_t)x,
			(int16_t)y, (uint16_t)width, (uint16_t)height, ~0U),
		NULL);
}

/* Where a cell is, in pixels from the first one. */
static size_t
cell(uint32_t number)
{
	return (size_t)number * STRIP_CELL;
}

static bool
search(struct watcher *w)
{
	int width = w->screen->width_in_pixels, height = w->screen->height_in_pixels;
	xcb_get_image_reply_t *image = look(w, 0, 0, width, height);
	const uint32_t *pixels;
	bool found = false;

	if (image == NULL)
		return false;
	pixels = (const void *)xcb_get_image_data(image);
	for (int y = 0; y < height - STRIP_CELL && !found; y += STRIP_CELL / 2) {
		for (int x = 0; x < width - STRIP_CELLS * STRIP_CELL && !found; x++) {
			const uint32_t *at = pixels + (size_t)y * (size_t)width + x;

			found = is_like(at[0], STRIP_MAGENTA) &&
				is_like(at[cell(1)], STRIP_GREEN) &&
				is_like(at[cell(2)], STRIP_MAGENTA) &&
				is_like(at[STRIP_CELL / 2], STRIP_MAGENTA);
			w->strip_x = x + STRIP_CELL / 4;
			w->strip_y = y;
		}
	}
	free(image);
	return found;
}

static void
find(struct watcher *w)
{
	double end = now() + FIND_SECONDS;

	while (!search(w)) {
		if (now() > end)
			fatal("the picture does not appear");
		pause_for(0.1);
	}
}

/* The number of the picture, and whether the key's cell is white. */
static uint32_t
read_strip(struct watcher *w, bool *ret_turned)
{
	xcb_get_image_reply_t *image =
		look(w, w->strip_x, w->strip_y, (STRIP_CELLS - 1) * STRIP_CELL + 1, 1);
	const uint32_t *pixels;
	uint32_t number = 0;

	if (image == NULL)
		fatal("the picture is gone");
	pixels = (const void *)xcb_get_image_data(image);
	for (uint32_t bit = 0; bit < STRIP_BITS; bit++) {
		if ((pixels[cell(STRIP_FIRST_BIT + bit)] >> 8 & 0xff) >= 0x80)
			number |= 1U << bit;
	}
	*ret_turned = (pixels[cell(STRIP_KEY)] >> 8 & 0xff) >= 0x80;
	free(image);
	return number;
}

/* --- pictures that arrive --- */

/* 0: there is no such process, or it is the first. */
static int
parent_of(int pid)
{
	AUTO_FREE char *path = text_format("/proc/%d/stat", pid);
	AUTO_FREE char *text = NULL;
	const char *at;

	/* After the name: " S 1234", the state and the parent. */
	if (read_file(path, 4096, &text, NULL, NULL) < 0 || (at = strrchr(text, ')')) == NULL ||
		strlen(at) < 5)
		return 0;
	return (int)strtol(at + 4, NULL, 10);
}

static double
own_time(int pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Processor seconds of a process and of those below it. */
static double
tree_time(int root)
{
	DIR *all = opendir("/proc");
	struct dirent *entry;
	double sum = own_time(root);

	while (all != NULL && (entry = readdir(all)) != NULL) {
		int pid = (int)strtol(entry->d_name, NULL, 10);

		if (pid > 1 && parent_of(pid) == root)
			sum += tree_time(pid);
	}
	if (all != NULL)
		closedir(all);
	return sum;
}

static double
all_time(char **pids)
{
	double sum = 0;

	for (; *pids != NULL; pids++)
		sum += tree_time((int)strtol(*pids, NULL, 10));
	return sum;
}

static void
count_frames(struct watcher *w, double seconds, char **pids)
{
	double began, before = all_time(pids), took;
	uint32_t last, number, frames = 0;
	bool turned;

	last = read_strip(w, &turned);
	began = now();
	while (now() < began + seconds) {
		pause_for(0.002);
		number = read_strip(w, &turned);
		frames += number != last;
		last = number;
	}
	took = now() - began;
	printf("%.1f pictures a second arrive, %.0f %% of a processor\n", frames / took,
		(all_time(pids) - before) / took * 100);
}

/* --- from the key to the pixel --- */

static void
fake(struct watcher *w, uint8_t type, uint8_t detail, int x, int y)
{
	xcb_test_fake_input(w->x, type, detail, 0, w->screen->root, (int16_t)x, (int16_t)y, 0);
	xcb_flush(w->x);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Seconds, or a negative number: the key did not do anything. */
static double
press(struct watcher *w)
{
	double began, took = -1;
	bool before, turned;

	(void)read_strip(w, &before);
	began = now();
	fake(w, XCB_KEY_PRESS, KEYCODE_A, 0, 0);
	do {
		pause_for(0.0001);
		(void)read_strip(w, &turned);
		if (turned != before)
			took = now() - began;
	} while (took < 0 && now() < began + PRESS_SECONDS);
	fake(w, XCB_KEY_RELEASE, KEYCODE_A, 0, 0);
	return took;
}

static void
take_focus(struct watcher *w)
{
	fake(w, XCB_MOTION_NOTIFY, 0, w->strip_x + 100, w->strip_y + 200);
	pause_for(0.2);
	fake(w, XCB_BUTTON_PRESS, 1, 0, 0);
	fake(w, XCB_BUTTON_RELEASE, 1, 0, 0);
	/* Until one has arrived, the window has no focus yet. */
	for (int i = 0; press(w) < 0; i++) {
		if (i == 3)
			fatal("keys do not arrive");
	}
}

static void
measure_latency(struct watcher *w, size_t presses)
{
	static double took[PRESSES_MAX];

	take_focus(w);
	for (size_t i = 0; i < presses; i++) {
		pause_for(0.03 + 0.03 * (double)rand() / RAND_MAX);
		took[i] = press(w);
		if (took[i] < 0)
			fatal("a key was lost");
	}
	qsort(took, presses, sizeof(took[0]), compare);
	printf("key to pixel: %.1f ms median, %.1f ms p99 of %zu\n", took[presses / 2] * 1000,
		took[presses * 99 / 100] * 1000, presses);
}

int
main(int argc, char **argv)
{
	struct watcher w = {0};

	log_init("bench-gui-watcher");
	if (argc < 3)
		fatal("usage: bench-gui-watcher frames SECONDS PID... | latency PRESSES");
	w.x = xcb_connect(NULL, NULL);
	if (xcb_connection_has_error(w.x) != 0)
		fatal("no display");
	w.screen = xcb_setup_roots_iterator(xcb_get_setup(w.x)).data;
	find(&w);
	if (strcmp(argv[1], "frames") == 0) {
		count_frames(&w, strtod(argv[2], NULL), argv + 3);
	} else {
		size_t presses = strtoul(argv[2], NULL, 10);

		measure_latency(&w, presses < 1 || presses > PRESSES_MAX ? 100 : presses);
	}
	return 0;
}
