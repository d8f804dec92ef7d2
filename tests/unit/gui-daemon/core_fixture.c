/* See core_fixture.h. */
#include "core_fixture.h"

#include <assert.h>
#include <string.h>

#include "gui/daemon/core_private.h"
#include "gui/daemon/title.h"

uint64_t fixture_time_ms = 1000000;

static uint64_t
fixture_clock(void)
{
	return fixture_time_ms;
}

static void
handle_output(void *data)
{
	(void)data;
}

static void
handle_damage(void *data)
{
	struct fixture *f = data;

	f->damages++;
}

static void
handle_copy(void *data, enum core_copy_result result, const void *bytes, size_t size, uint32_t time,
	uint32_t agent_version)
{
	struct fixture *f = data;

	(void)agent_version;
	f->copy_time = time;
	f->copied_size = size;
	if (result == CORE_COPY_OVERSIZE) {
		f->oversizes++;
		return;
	}
	f->copies++;
	memset(f->copied, 0, sizeof(f->copied));
	if (size < sizeof(f->copied) && size > 0)
		memcpy(f->copied, bytes, size);
}

static void
handle_paste(void *data, uint32_t window, uint32_t time)
{
	struct fixture *f = data;

	(void)window;
	(void)time;
	f->pastes++;
}

static void
handle_notice(void *data, const char *text)
{
	struct fixture *f = data;

	(void)text;
	f->notices++;
}

static const struct core_handler handler = {
	.handle_output = handle_output,
	.handle_damage = handle_damage,
	.handle_copy = handle_copy,
	.handle_paste = handle_paste,
	.handle_question = handle_notice,
	.handle_notice = handle_notice,
};

void
fixture_init(struct fixture *f)
{
	*f = (struct fixture){0};
	title_init();
	gui_config_init(&f->config);
	memcpy(f->config.name, "work", 5);
	f->config.paste_guard_ms = 0;
	fake_display_init(&f->display);
	f->core = core_create(&f->config, &f->display, &handler, f);
	assert(f->core != NULL);
	f->display.core = f->core;
	core_set_clock(f->core, fixture_clock);
	buf_init(&f->in, 1 << 20);
}

void
fixture_connect(struct fixture *f, unsigned int minor)
{
	uint32_t version = GUI_VERSION(1, minor);
	struct gui_message caps = {
		.type = GUI_X_CAPS,
		.caps = {GUI_EXTENSION_VERSION, 7, 4, 1024, (uint32_t)FIXTURE_POOL_BYTES, 0},
	};

	f->display.pool_bytes = FIXTURE_POOL_BYTES;
	core_begin(f->core, FIXTURE_POOL_BYTES);
	fixture_send_bytes(f, &version, sizeof(version));
	if (minor >= GUI_MINOR_TWO_WAY)
		fixture_send(f, &caps);
	fixture_forget_output(f);
}

void
fixture_finish(struct fixture *f)
{
	core_destroy(f->core);
	gui_config_finish(&f->config);
	buf_finish(&f->in);
	err_clear(&f->err);
	assert(f->display.windows == 0);
}

static int
drain(struct fixture *f)
{
	int count;

	err_clear(&f->err);
	do
		count = core_receive(f->core, &f->in, 256, &f->err);
	while (count == 256);
	if (count < 0)
		buf_clear(&f->in);
	return count < 0 ? -1 : 0;
}

int
fixture_send_bytes(struct fixture *f, const void *bytes, size_t size)
{
	assert(buf_put(&f->in, bytes, size) == 0);
	return drain(f);
}

int
fixture_send(struct fixture *f, const struct gui_message *m)
{
	assert(gui_put_message(&f->in, m) == 0);
	return drain(f);
}

bool
fixture_receive(struct fixture *f, struct gui_message *ret_message)
{
	struct gui_header h;

	if (gui_get_header(core_out(f->core), &h) < 0)
		return false;
	assert(gui_type_allowed(h.type, GUI_TO_AGENT));
	assert(gui_length_valid(&h, GUI_VERSION_OURS));
	assert(gui_get_body(core_out(f->core), &h, ret_message) == 0);
	return true;
}

void
fixture_forget_output(struct fixture *f)
{
	buf_clear(core_out(f->core));
}

int
fixture_create(
	struct fixture *f, uint32_t id, int x, int y, uint32_t width, uint32_t height, bool popup)
{
	struct gui_message m = {
		.type = GUI_CREATE, .window = id, .create = {x, y, width, height, 0, popup}};

	return fixture_send(f, &m);
}

int
fixture_map(struct fixture *f, uint32_t id)
{
	struct gui_window *w = core_find(f->core, id);
	struct gui_message m = {
		.type = GUI_MAP, .window = id, .map = {0, w != NULL && w->view->popup}};

	return fixture_send(f, &m);
}

int
fixture_bare(struct fixture *f, uint32_t type, uint32_t id)
{
	struct gui_message m = {.type = type, .window = id};

	return fixture_send(f, &m);
}

struct display_window *
fixture_view(struct fixture *f, uint32_t id)
{
	struct gui_window *w = core_find(f->core, id);

	return w == NULL ? NULL : w->view;
}
