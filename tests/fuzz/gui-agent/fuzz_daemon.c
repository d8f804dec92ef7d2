/*
 * What a daemon sends to gui-agent, from its version on: any bytes, in pieces. The X server's side
 * is left out; what reaches it is looked at for what must never get there. The parser is private
 * to its file, which is therefore taken in as a whole.
 */
#include <assert.h>
#include <stdint.h>

#include "gui/agent/daemon.c" /* NOLINT(bugprone-suspicious-include) */

static struct agent_window known = {.id = 7, .is_announced = true, .width = 10, .height = 10};

struct agent_window *
window_find_announced(const struct agent *a, uint32_t id)
{
	return id == known.id ? &known : NULL;
}

void
agent_fail(struct agent *a, const char *reason)
{
}

void
agent_send_client_message(struct agent *a, xcb_window_t to, xcb_window_t about, uint32_t mask,
	xcb_atom_t type, const uint32_t data[5])
{
}

void
clipboard_fetch(struct clipboard *c, uint32_t id)
{
}

void
clipboard_put(struct clipboard *c, char *data, size_t size)
{
	assert(size <= GUI_CLIPBOARD_MAX + 1 && data[size] == '\0');
	free(data);
}

void
content_handle_destroyed(struct agent *a, uint32_t id)
{
}

void
content_handle_frame(struct agent *a, struct agent_window *w, const struct gui_frame *frame)
{
}

void
content_handle_release(struct agent *a, const struct gui_release *release)
{
}

void
input_handle_button(struct agent *a, const struct agent_window *w, const struct gui_button *button)
{
}

void
input_handle_crossing(
	struct agent *a, const struct agent_window *w, const struct gui_crossing *crossing)
{
}

void
input_handle_focus(struct agent *a, const struct agent_window *w, const struct gui_focus *focus)
{
}

void
input_handle_key(struct agent *a, const struct gui_key *key)
{
}

void
input_handle_keymap(struct agent *a, const struct gui_keymap *keymap)
{
}

void
input_handle_motion(struct agent *a, const struct agent_window *w, const struct gui_motion *motion)
{
}

void
input_handle_scroll(struct agent *a, const struct agent_window *w, const struct gui_scroll *scroll)
{
}

void
input_release_all(struct agent *a)
{
}

void
properties_set_flags(struct agent *a, xcb_window_t id, const struct gui_flags *flags)
{
	assert((flags->set & flags->unset) == 0);
}

void
status_write(const char *word)
{
}

void
window_send_configure(struct agent *a, const struct agent_window *w)
{
}

void
windows_announce_all(struct agent *a)
{
	assert(daemon_is_connected(a->daemon));
}

void
windows_forget_announced(struct agent *a)
{
}

void
windows_handle_destroyed(struct agent *a, uint32_t id)
{
	assert(!daemon_is_dying(a->daemon, id));
}

/* Configured windows go to a connection that is none. */
static xcb_connection_t *
no_x_server(void)
{
	static xcb_connection_t *x;

	if (x == NULL)
		x = xcb_connect("unix:/nowhere:0", NULL);
	return x;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *loop;
	struct agent a = {.memory = 1};
	struct daemon d = {.a = &a, .state = STATE_VERSION};
	size_t piece = size > 0 ? 1 + data[0] : 1;
	AUTO_BUF struct buf in;

	if (loop == NULL)
		loop = loop_create();
	log_set_level(LOG_LEVEL_ERROR);
	a.loop = loop;
	a.x = no_x_server();
	a.daemon = &d;
	pool_init(&a.pool, (uint64_t)1 << 20);
	d.timer = loop_timer_create(loop, handle_timer, &d);
	d.ending = loop_deferred_create(loop, handle_ending, &d);
	d.dying[d.dying_count++] = 9;
	buf_init(&in, IN_MAX);
	for (size_t at = size > 0; at < size; at += piece) {
		size_t count = size - at < piece ? size - at : piece;

		if (buf_put(&in, data + at, count) < 0)
			break;
		handle_data(NULL, &in, &d);
	}
	loop_timer_destroy(d.timer);
	loop_deferred_destroy(d.ending);
	return 0;
}
