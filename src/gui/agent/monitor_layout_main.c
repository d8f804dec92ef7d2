/*
 * set-monitor-layout: gives the qube's X server the monitors that the host has (service
 * qubes.SetMonitorLayout): one output of the dummy driver for each, the others off.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xcb/randr.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "gui/agent/monitor_layout.h"

#define INPUT_MAX 8192
#define MM_PER_INCH_10 254
#define DPI 96
/* The real picture rate is the host's business; programs ask for a plausible one. */
#define RATE_HZ 60

struct screen {
	xcb_connection_t *x;
	xcb_window_t root;
	xcb_randr_get_screen_resources_reply_t *resources;
};

static char *
read_input(void)
{
	AUTO_BUF struct buf b;
	ssize_t count;

	buf_init(&b, INPUT_MAX);
	while ((count = buf_read_fd(&b, STDIN_FILENO, INPUT_MAX)) > 0)
		;
	return count < 0 ? NULL : buf_steal_string(&b);
}

static struct screen
open_screen(void)
{
	struct screen s = {.x = xcb_connect(NULL, NULL)};

	if (xcb_connection_has_error(s.x) != 0)
		fatal("no X server");
	s.root = xcb_setup_roots_iterator(xcb_get_setup(s.x)).data->root;
	s.resources = xcb_randr_get_screen_resources_reply(
		s.x, xcb_randr_get_screen_resources(s.x, s.root), NULL);
	if (s.resources == NULL)
		fatal("the X server has no RANDR");
	return s;
}

/* The mode of this size, which may be there from an earlier layout. */
static xcb_randr_mode_t
find_or_make_mode(const struct screen *s, const struct monitor *m)
{
	const xcb_randr_mode_info_t *modes = xcb_randr_get_screen_resources_modes(s->resources);
	xcb_randr_mode_info_t mode = {
		.width = m->width,
		.height = m->height,
		.dot_clock = (uint32_t)m->width * m->height * RATE_HZ,
		.hsync_start = m->width,
		.hsync_end = m->width,
		.htotal = m->width,
		.vsync_start = m->height,
		.vsync_end = m->height,
		.vtotal = m->height,
	};
	xcb_randr_create_mode_reply_t *reply;
	xcb_randr_mode_t id;
	char name[32];

	for (int i = 0; i < xcb_randr_get_screen_resources_modes_length(s->resources); i++) {
		if (modes[i].width == m->width && modes[i].height == m->height)
			return modes[i].id;
	}
	mode.name_len = (uint16_t)snprintf(name, sizeof(name), "QB%ux%u", m->width, m->height);
	reply = xcb_randr_create_mode_reply(
		s->x, xcb_randr_create_mode(s->x, s->root, mode, mode.name_len, name), NULL);
	id = reply != NULL ? reply->mode : XCB_NONE;
	free(reply);
	return id;
}

static void
set_output(const struct screen *s, size_t index, const struct monitor *m)
{
	const xcb_randr_output_t *outputs = xcb_randr_get_screen_resources_outputs(s->resources);
	const xcb_randr_crtc_t *crtcs = xcb_randr_get_screen_resources_crtcs(s->resources);
	xcb_randr_mode_t mode;

	if ((int)index >= xcb_randr_get_screen_resources_outputs_length(s->resources) ||
		(int)index >= xcb_randr_get_screen_resources_crtcs_length(s->resources))
		return;
	mode = find_or_make_mode(s, m);
	if (mode == XCB_NONE)
		fatal("the X server takes no mode of %ux%u", m->width, m->height);
	xcb_randr_add_output_mode(s->x, outputs[index], mode);
	free(xcb_randr_set_crtc_config_reply(s->x,
		xcb_randr_set_crtc_config(s->x, crtcs[index], XCB_CURRENT_TIME, XCB_CURRENT_TIME,
			m->x, m->y, mode, XCB_RANDR_ROTATION_ROTATE_0, 1, &outputs[index]),
		NULL));
}

static void
switch_off(const struct screen *s, int from)
{
	const xcb_randr_crtc_t *crtcs = xcb_randr_get_screen_resources_crtcs(s->resources);

	for (int i = from; i < xcb_randr_get_screen_resources_crtcs_length(s->resources); i++)
		free(xcb_randr_set_crtc_config_reply(s->x,
			xcb_randr_set_crtc_config(s->x, crtcs[i], XCB_CURRENT_TIME,
				XCB_CURRENT_TIME, 0, 0, XCB_NONE, XCB_RANDR_ROTATION_ROTATE_0, 0,
				NULL),
			NULL));
}

/* Millimetres of the whole that give programs the resolution that the host's monitor has. */
static uint32_t
size_mm(uint32_t pixels, uint32_t monitor_pixels, uint32_t monitor_mm)
{
	if (monitor_mm == 0)
		return pixels * MM_PER_INCH_10 / (10 * DPI);
	return (uint32_t)((uint64_t)pixels * monitor_mm / monitor_pixels);
}

/* A screen can only have outputs within: all are off while its size changes. */
static void
apply(const struct screen *s, const struct monitor_layout *layout)
{
	const struct monitor *first = &layout->monitors[0];

	xcb_grab_server(s->x);
	switch_off(s, 0);
	xcb_randr_set_screen_size(s->x, s->root, layout->width, layout->height,
		size_mm(layout->width, first->width, first->width_mm),
		size_mm(layout->height, first->height, first->height_mm));
	for (size_t i = 0; i < layout->count; i++)
		set_output(s, i, &layout->monitors[i]);
	xcb_ungrab_server(s->x);
	free(xcb_get_input_focus_reply(s->x, xcb_get_input_focus(s->x), NULL));
}

int
main(int argc, char **argv)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *text = NULL;
	struct monitor_layout layout;
	struct screen s;

	log_init("set-monitor-layout");
	if (argc > 1) {
		bool is_help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;

		fputs("usage: set-monitor-layout <LAYOUT\n", is_help ? stdout : stderr);
		return is_help ? 0 : 2;
	}
	text = read_input();
	if (text == NULL)
		fatal("monitor layout: cannot be read, or longer than %d bytes", INPUT_MAX);
	if (monitor_layout_parse(text, &layout, &err) < 0)
		fatal("%s", err_message(&err));
	s = open_screen();
	apply(&s, &layout);
	free(s.resources);
	xcb_disconnect(s.x);
	return 0;
}
