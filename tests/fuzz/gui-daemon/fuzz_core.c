/*
 * A qube's stream into the core, mixed with what a person and the display do meanwhile. The
 * remembering display checks every request that a real X server would have had to bear.
 *
 * Input: records of one byte that says what happens, and what it needs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core_fixture.h"
#include "gui/daemon/core_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at, *end;
};

static uint32_t
take(struct input *in, size_t size)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size && in->at < in->end; i++)
		value = value << 8 | *in->at++;
	return value;
}

/* The window the display would name. */
static struct gui_window *
pick(struct fixture *f, struct input *in)
{
	return core_find(f->core, take(in, 1) % 8);
}

/* A message as the agent would put it: the length is mostly right. */
static int
send_message(struct fixture *f, struct input *in)
{
	static const uint32_t types[] = {GUI_CREATE, GUI_DESTROY, GUI_MAP, GUI_UNMAP, GUI_CONFIGURE,
		GUI_SHMIMAGE, GUI_WMNAME, GUI_DOCK, GUI_WINDOW_HINTS, GUI_WINDOW_FLAGS, GUI_WMCLASS,
		GUI_CURSOR, GUI_WINDOW_DUMP, GUI_X_COMMIT, GUI_X_DROP, GUI_CLIPBOARD_DATA,
		GUI_X_CAPS};
	struct gui_message m = {.type = types[take(in, 1) % (sizeof(types) / sizeof(types[0]))]};
	uint8_t *body = (uint8_t *)&m.commit;

	m.window = take(in, 1) % 8;
	for (size_t i = 0; i < 64 && in->at < in->end; i++)
		body[i] = *in->at++;
	if (m.type == GUI_X_COMMIT)
		m.commit.count %= GUI_POOL_MAX_RECTANGLES + 1;
	if (m.type == GUI_WINDOW_DUMP)
		m.dump.type = GUI_DUMP_POOL;
	return fixture_send(f, &m);
}

static void
act_of_display(struct fixture *f, struct input *in)
{
	struct gui_window *w = pick(f, in);
	struct area place = {(int16_t)take(in, 2), (int16_t)take(in, 2), (int)take(in, 1) + 1,
		(int)take(in, 1) + 1};

	if (w == NULL)
		return;
	switch (take(in, 1) % 6) {
	case 0:
		w->view->content = place;
		core_handle_geometry(w, &place);
		break;
	case 1:
		core_handle_exposed(w, &place);
		break;
	case 2:
		core_handle_state(w, take(in, 1) & 15);
		break;
	case 3:
		if (w->docked)
			core_handle_docked(w);
		break;
	case 4:
		core_handle_mapped(w);
		break;
	case 5:
		core_handle_close(w);
		break;
	}
}

static void
act_of_person(struct fixture *f, struct input *in)
{
	struct gui_window *w = pick(f, in);
	struct gui_key key = {GUI_EVENT_KEY_PRESS + take(in, 1) % 2, 1, 1, take(in, 1), 54};
	struct gui_motion motion = {(int32_t)take(in, 1), 2, 0, 0};
	struct gui_button button = {GUI_EVENT_BUTTON_PRESS, 1, 1, 0, 1};

	if (w == NULL)
		return;
	switch (take(in, 1) % 4) {
	case 0:
		core_handle_key(w, &key, take(in, 1) & 1 ? 'c' : 'v', take(in, 4));
		break;
	case 1:
		core_handle_motion(w, &motion);
		break;
	case 2:
		core_handle_button(w, &button, 0);
		break;
	case 3:
		core_handle_focus(w, take(in, 1) & 1, CORE_MODE_NORMAL);
		break;
	}
}

/* What holds at any time, whatever the qube did. */
static void
check(struct fixture *f)
{
	unsigned int windows = 0, popups = 0;
	struct gui_window *w;

	for (uint32_t id = 0; id < 256; id++) {
		w = core_find(f->core, id);
		if (w == NULL)
			continue;
		windows++;
		popups += w->popup && w->mapped;
		if (w->popup != w->view->popup || (w->docked && w->popup) ||
			(w->current != NULL && list_empty(&w->buffers)))
			abort();
	}
	if (windows != f->display.windows || popups != f->core->popup_count || popups > 32)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct fixture f;

	fixture_init(&f);
	log_set_level(LOG_LEVEL_ERROR);
	f.config.disconnect_on_violation = take(&in, 1) & 1;
	f.config.allow_fullscreen = take(&in, 1) & 1;
	f.config.allow_old_agent = take(&in, 1) & 1;
	fixture_connect(&f, take(&in, 1) % 9);
	while (in.at < in.end) {
		switch (take(&in, 1) % 8) {
		case 0:
		case 1:
		case 2:
			if (send_message(&f, &in) < 0)
				fixture_connect(&f, 8);
			break;
		case 3:
			if (fixture_send_bytes(&f, in.at, (size_t)(in.end - in.at) / 2) < 0)
				fixture_connect(&f, 8);
			in.at += (in.end - in.at) / 2;
			break;
		case 4:
			act_of_display(&f, &in);
			break;
		case 5:
			act_of_person(&f, &in);
			break;
		case 6:
			core_draw(f.core);
			break;
		case 7:
			fake_display_finish_drawing(&f.display);
			fixture_time_ms += take(&in, 1) * 100;
			break;
		}
		check(&f);
	}
	fixture_finish(&f);
	return 0;
}
