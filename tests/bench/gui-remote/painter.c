/*
 * The program of the qube: a window with a moving picture, so many pictures a second, each marked
 * with its number (strip.h); or a still one. A key press turns the last cell over.
 *
 *     bench-gui-painter WIDTH HEIGHT PICTURES-A-SECOND [MORE-WINDOWS]
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "base/log.h"
#include "strip.h"

/* As many different ones; then they come again. */
#define PICTURES 8
#define MORE_WIDTH 400
#define MORE_HEIGHT 300

struct painter {
	xcb_connection_t *x;
	xcb_window_t window;
	xcb_gcontext_t gc;
	xcb_shm_seg_t segment;
	uint16_t width, height;
	uint32_t *pictures;
	uint32_t number;
	bool turned;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Smooth waves with a little texture, as of a film: neither flat nor noise. */
static uint32_t
colour_at(double x, double y, double phase)
{
	double a = sin(x / 61 + phase), b = sin(y / 47 - phase * 2), c = sin((x + y) / 83 + phase);
	uint32_t texture = ((uint32_t)x * 2654435761U ^ (uint32_t)y * 40503U) >> 28;
	uint32_t red = (uint32_t)(110 + 100 * a * b), green = (uint32_t)(110 + 100 * b * c),
		 blue = (uint32_t)(110 + 100 * a * c);

	return (red + texture) << 16 | (green + texture) << 8 | (blue + texture);
}

static void
draw_pictures(struct painter *p)
{
	uint32_t *at = p->pictures;

	for (int i = 0; i < PICTURES; i++) {
		for (int y = 0; y < p->height; y++) {
			for (int x = 0; x < p->width; x++)
				*at++ = colour_at(x, y, i * 2 * M_PI / PICTURES);
		}
	}
}

static void
put_cell(struct painter *p, uint32_t cell, uint32_t colour)
{
	xcb_rectangle_t r = {(int16_t)(cell * STRIP_CELL), 0, STRIP_CELL, STRIP_CELL};

	xcb_change_gc(p->x, p->gc, XCB_GC_FOREGROUND, &colour);
	xcb_poly_fill_rectangle(p->x, p->window, p->gc, 1, &r);
}

static void
paint(struct painter *p)
{
	uint32_t offset = p->number % PICTURES * (uint32_t)p->width * p->height * 4;

	/* Its own rows of the picture are spared: the strip is never seen without its cells. */
	xcb_shm_put_image(p->x, p->window, p->gc, p->width, p->height, 0, STRIP_CELL, p->width,
		p->height - STRIP_CELL, 0, STRIP_CELL, 24, XCB_IMAGE_FORMAT_Z_PIXMAP, 0, p->segment,
		offset);
	put_cell(p, 0, STRIP_MAGENTA);
	put_cell(p, 1, STRIP_GREEN);
	put_cell(p, 2, STRIP_MAGENTA);
	for (uint32_t bit = 0; bit < STRIP_BITS; bit++)
		put_cell(p, STRIP_FIRST_BIT + bit, (p->number >> bit & 1) != 0 ? STRIP_WHITE : 0);
	put_cell(p, STRIP_KEY, p->turned ? STRIP_WHITE : 0);
}

static void
open_display(struct painter *p)
{
	const uint32_t events = XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_KEY_PRESS;
	size_t size = (size_t)PICTURES * p->width * p->height * 4;
	int memory = memfd_create("pictures", MFD_CLOEXEC);
	xcb_screen_t *screen;

	p->x = xcb_connect(NULL, NULL);
	if (xcb_connection_has_error(p->x) != 0 || memory < 0 || ftruncate(memory, (off_t)size) < 0)
		fatal("no display");
	screen = xcb_setup_roots_iterator(xcb_get_setup(p->x)).data;
	p->pictures = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (p->pictures == MAP_FAILED)
		fatal("no memory");
	draw_pictures(p);
	p->window = xcb_generate_id(p->x);
	p->gc = xcb_generate_id(p->x);
	p->segment = xcb_generate_id(p->x);
	xcb_create_window(p->x, 24, p->window, screen->root, 0, 0, p->width, p->height, 0,
		XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, XCB_CW_EVENT_MASK, &events);
	xcb_change_property(p->x, XCB_PROP_MODE_REPLACE, p->window, XCB_ATOM_WM_NAME,
		XCB_ATOM_STRING, 8, 7, "painter");
	xcb_change_property(p->x, XCB_PROP_MODE_REPLACE, p->window, XCB_ATOM_WM_CLASS,
		XCB_ATOM_STRING, 8, 16, "painter\0Painter\0");
	xcb_create_gc(p->x, p->gc, p->window, 0, NULL);
	xcb_shm_attach_fd(p->x, p->segment, memory, 1);
	xcb_map_window(p->x, p->window);
	/* Where nobody manages windows nobody gives the focus. */
	xcb_set_input_focus(
		p->x, XCB_INPUT_FOCUS_POINTER_ROOT, XCB_INPUT_FOCUS_POINTER_ROOT, XCB_CURRENT_TIME);
	xcb_flush(p->x);
}

/* Windows of one colour, for what a window costs those who carry it. */
static void
open_more(struct painter *p, unsigned long count)
{
	const uint32_t colour = 0x808080;
	xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(p->x)).data;

	for (unsigned long i = 0; i < count; i++) {
		xcb_window_t window = xcb_generate_id(p->x);

		xcb_create_window(p->x, 24, window, screen->root, 0, 0, MORE_WIDTH, MORE_HEIGHT, 0,
			XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, XCB_CW_BACK_PIXEL,
			&colour);
		xcb_map_window(p->x, window);
	}
	xcb_flush(p->x);
}

static void
take_events(struct painter *p)
{
	xcb_generic_event_t *event;

	while ((event = xcb_poll_for_event(p->x)) != NULL) {
		if ((event->response_type & 0x7f) == XCB_KEY_PRESS) {
			p->turned = !p->turned;
			put_cell(p, STRIP_KEY, p->turned ? STRIP_WHITE : 0);
		} else if ((event->response_type & 0x7f) == XCB_EXPOSE) {
			paint(p);
		}
		free(event);
	}
	xcb_flush(p->x);
}

int
main(int argc, char **argv)
{
	struct painter p = {0};
	double interval, next;

	log_init("bench-gui-painter");
	if (argc < 4)
		fatal("usage: bench-gui-painter WIDTH HEIGHT PICTURES-A-SECOND [MORE-WINDOWS]");
	p.width = (uint16_t)strtoul(argv[1], NULL, 10);
	p.height = (uint16_t)strtoul(argv[2], NULL, 10);
	interval = strtod(argv[3], NULL) > 0 ? 1 / strtod(argv[3], NULL) : 0;
	open_display(&p);
	if (argc > 4)
		open_more(&p, strtoul(argv[4], NULL, 10));
	next = now();
	for (;;) {
		struct pollfd state = {.fd = xcb_get_file_descriptor(p.x), .events = POLLIN};
		double left = interval > 0 ? next - now() : 3600;

		if (left > 0)
			(void)poll(&state, 1, (int)(left * 1000) + 1);
		take_events(&p);
		if (xcb_connection_has_error(p.x) != 0)
			return 0;
		if (interval == 0 || now() < next)
			continue;
		p.number++;
		paint(&p);
		/* What the server has not done yet is not added to. */
		free(xcb_get_input_focus_reply(p.x, xcb_get_input_focus(p.x), NULL));
		next = next + interval > now() ? next + interval : now() + interval;
	}
}
