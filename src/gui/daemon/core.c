/*
 * The core: connections, the order in which a message is looked at, what is sent. See core.h. The
 * parser takes whole messages out of what has come and returns; a qube that stops in the middle of
 * one stops nobody.
 */
#include "gui/daemon/core.h"

#include <errno.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "gui/daemon/core_private.h"

static struct list *
bucket_of(struct core *c, uint32_t id)
{
	uint32_t hash = (id ^ c->hash_seed) * 2654435761U;

	return &c->buckets[(hash >> 16) % CORE_BUCKETS];
}

struct gui_window *
core_find(struct core *c, uint32_t id)
{
	struct gui_window *w;

	list_for_each (w, bucket_of(c, id), link) {
		if (w->id == id)
			return w;
	}
	return NULL;
}

struct core *
core_create(const struct gui_config *config, struct display *display,
	const struct core_handler *handler, void *data)
{
	struct core *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->config = config;
	c->display = display;
	c->handler = handler;
	c->data = data;
	c->now_ms = loop_now_ms;
	random_bytes(&c->hash_seed, sizeof(c->hash_seed));
	for (size_t i = 0; i < CORE_BUCKETS; i++)
		list_init(&c->buckets[i]);
	list_init(&c->dirty);
	list_init(&c->acks);
	buf_init(&c->out, CORE_OUT_MAX);
	buf_init(&c->clipboard.data, GUI_CLIPBOARD_MAX);
	return c;
}

void
core_destroy(struct core *c)
{
	if (c == NULL)
		return;
	core_reset(c);
	buf_finish(&c->out);
	buf_finish(&c->clipboard.data);
	free(c);
}

void
core_set_clock(struct core *c, uint64_t (*now_ms)(void))
{
	c->now_ms = now_ms;
}

uint64_t
core_now_ms(const struct core *c)
{
	return c->now_ms();
}

void
core_begin(struct core *c, uint64_t pool_bytes)
{
	core_reset(c);
	c->pool_bytes = pool_bytes;
	c->state = CORE_VERSION;
}

static void
forget_acks(struct core *c)
{
	struct core_ack *ack, *following;

	list_for_each_safe (ack, following, &c->acks, link) {
		list_remove(&ack->link);
		free(ack);
	}
}

void
core_reset(struct core *c)
{
	struct gui_window *w, *following;

	c->state = CORE_IDLE;
	for (size_t i = 0; i < CORE_BUCKETS; i++) {
		list_for_each_safe (w, following, &c->buckets[i], link)
			window_destroy(w);
	}
	forget_acks(c);
	core_clipboard_forget(c);
	core_forget_icons(c);
	buf_clear(&c->out);
	c->features = 0;
	c->caps_received = c->have_header = c->stuck = c->motion_last = false;
	c->skip = c->version = c->swallowed_key = 0;
	c->input_time_ms = 0;
	c->complaints = 0;
}

struct buf *
core_out(struct core *c)
{
	return &c->out;
}

bool
core_is_stuck(const struct core *c)
{
	return c->stuck;
}

bool
core_is_connected(const struct core *c)
{
	return c->state == CORE_RUNNING;
}

unsigned int
core_window_count(const struct core *c)
{
	return c->window_count;
}

bool
core_has_minor(const struct core *c, enum gui_minor minor)
{
	return GUI_VERSION_MINOR(c->version) >= (uint32_t)minor;
}

void
core_send(struct core *c, const struct gui_message *m)
{
	if (c->state != CORE_RUNNING || c->stuck)
		return;
	c->motion_last = false;
	if (gui_put_message(&c->out, m) < 0) {
		c->stuck = true;
		return;
	}
	c->handler->handle_output(c->data);
}

void
core_send_bare(struct core *c, uint32_t type, uint32_t window)
{
	struct gui_message m = {.type = type, .window = window};

	core_send(c, &m);
}

int
core_violation(struct core *c, struct err *err, uint32_t window, const char *what)
{
	c->state = CORE_BROKEN;
	return err_set(err, EPROTO, "message %s (%u) of window 0x%x: %s",
		gui_type_name(c->header.type), c->header.type, window, what);
}

static bool
may_tell_user(struct core *c, uint64_t *last_ms)
{
	uint64_t now = core_now_ms(c);

	if (*last_ms != 0 && now - *last_ms < CORE_NOTICE_INTERVAL_MS)
		return false;
	*last_ms = now;
	return true;
}

void
core_notice(struct core *c, uint64_t *last_ms, const char *text)
{
	if (may_tell_user(c, last_ms))
		c->handler->handle_notice(c->data, text);
}

void
core_question(struct core *c, uint64_t *last_ms, const char *text)
{
	if (may_tell_user(c, last_ms))
		c->handler->handle_question(c->data, text);
}

bool
core_may_complain(struct core *c)
{
	return c->complaints++ < CORE_COMPLAINTS_MAX;
}

int
core_ask(struct core *c, struct err *err, uint32_t window, const char *what)
{
	if (c->config->disconnect_on_violation)
		return core_violation(c, err, window, what);
	if (core_may_complain(c))
		log_warning("message %s of window 0x%x ignored: %s", gui_type_name(c->header.type),
			window, what);
	core_question(c, &c->ask_notice_ms,
		"This qube sends invalid requests to the display; they are ignored.");
	return 0;
}

/* What we send after the version: the screen, and what window memory there is. */
static int
send_greeting(struct core *c)
{
	struct area root, work;
	struct gui_xconf conf;
	struct gui_message caps = {
		.type = GUI_X_CAPS,
		.caps = {.extension_version = GUI_EXTENSION_VERSION,
			.features = GUI_FEATURE_POOL | GUI_FEATURE_COMMIT | GUI_FEATURE_FRAME,
			.max_buffers_per_window = GUI_POOL_MAX_BUFFERS_PER_WINDOW,
			.max_buffers = GUI_POOL_MAX_BUFFERS,
			.pool_low = (uint32_t)c->pool_bytes,
			.pool_high = (uint32_t)(c->pool_bytes >> 32)},
	};

	display_get_areas(c->display, &root, &work);
	conf = gui_xconf_of((uint32_t)root.width, (uint32_t)root.height, 24);
	if (core_has_minor(c, GUI_MINOR_TWO_WAY) && buf_put_u32(&c->out, c->version) < 0)
		return -1;
	if (gui_put_xconf(&c->out, &conf) < 0)
		return -1;
	if (c->pool_bytes != 0 && core_has_minor(c, GUI_MINOR_TWO_WAY))
		core_send(c, &caps);
	c->handler->handle_output(c->data);
	return 0;
}

/* 1 handled, 0 more bytes are needed, -1 refused. */
static int
receive_version(struct core *c, struct buf *in, struct err *err)
{
	uint32_t untrusted_version;

	if (buf_get_u32(in, &untrusted_version) < 0)
		return 0;
	c->version = gui_negotiate(untrusted_version);
	if (c->version == 0) {
		c->state = CORE_BROKEN;
		return err_set(err, EPROTO, "agent speaks version %u.%u, which is not ours",
			GUI_VERSION_MAJOR(untrusted_version), GUI_VERSION_MINOR(untrusted_version));
	}
	c->agent_version = untrusted_version;
	c->state = CORE_RUNNING;
	return send_greeting(c) < 0 ? err_set(err, ENOMEM, "no memory") : 1;
}

static int
dispatch(struct core *c, struct gui_window *w, const struct gui_message *m, struct err *err)
{
	switch (m->type) {
	case GUI_CREATE:
		return window_create(c, m, err);
	case GUI_DESTROY:
		return window_handle_destroy(w);
	case GUI_MAP:
		return window_handle_map(w, &m->map);
	case GUI_UNMAP:
		return window_handle_unmap(w);
	case GUI_CONFIGURE:
		return window_handle_configure(w, &m->configure, err);
	case GUI_SHMIMAGE:
		return window_handle_damage(w, &m->damage);
	case GUI_WMNAME:
		return window_handle_title(w, &m->title);
	case GUI_WMCLASS:
		return window_handle_class(w, &m->class);
	case GUI_WINDOW_HINTS:
		return window_handle_hints(w, &m->hints);
	case GUI_WINDOW_FLAGS:
		return window_handle_flags(w, &m->flags, err);
	case GUI_DOCK:
		return window_handle_dock(w);
	case GUI_CURSOR:
		return window_handle_cursor(w, &m->cursor, err);
	case GUI_WINDOW_DUMP:
		return window_handle_dump(w, m, err);
	case GUI_X_CAPS:
		return core_handle_caps(c, &m->caps, err);
	case GUI_X_COMMIT:
		return window_handle_commit(w, &m->commit, err);
	case GUI_X_DROP:
		return window_handle_drop(w, &m->drop, err);
	}
	return core_violation(c, err, m->window, "not for us");
}

/* Types that need no window. */
static bool
is_of_no_window(uint32_t type)
{
	return type == GUI_CLIPBOARD_DATA || type == GUI_X_CAPS;
}

/* The checks of a header, in the order that tests of agents rely on. */
static int
check_header(struct core *c, struct err *err)
{
	struct gui_header *h = &c->header;
	uint32_t exact;
	bool known;

	if (!is_of_no_window(h->type)) {
		known = core_find(c, h->window) != NULL;
		if (h->type == GUI_CREATE && known)
			return core_violation(c, err, h->window, "the window exists");
		if (h->type != GUI_CREATE && !known)
			return core_violation(c, err, h->window, "no such window");
	}
	if (!gui_type_allowed(h->type, GUI_TO_DAEMON))
		return core_violation(c, err, h->window, "not a message for the daemon");
	if (gui_length_valid(h, c->version))
		return 0;
	/* Old agents sent any length with a message of fixed size. */
	exact = (uint32_t)gui_decoded_size(h);
	if (!c->config->allow_old_agent || core_has_minor(c, GUI_MINOR_STRICT_LENGTH) ||
		h->type == GUI_CLIPBOARD_DATA || h->type == GUI_WINDOW_DUMP ||
		h->type == GUI_X_COMMIT)
		return core_violation(c, err, h->window, "wrong length");
	h->untrusted_length = exact;
	return 0;
}

/* 1 handled, 0 more bytes are needed, -1 violation. */
static int
receive_body(struct core *c, struct buf *in, struct err *err)
{
	struct gui_message m;
	int result;

	if (c->header.type == GUI_CLIPBOARD_DATA) {
		if (!c->clipboard.receiving)
			core_clipboard_begin(c, c->header.untrusted_length);
		return core_clipboard_take(c, in, err);
	}
	result = gui_get_body(in, &c->header, &m);
	if (result == -EAGAIN)
		return 0;
	if (result < 0)
		return core_violation(c, err, c->header.window, "fields contradict the length");
	c->skip = m.following;
	return dispatch(c, core_find(c, m.window), &m, err) < 0 ? -1 : 1;
}

static int
receive_message(struct core *c, struct buf *in, struct err *err)
{
	int result;

	if (c->skip > 0) {
		size_t size = buf_len(in) < c->skip ? buf_len(in) : c->skip;

		buf_consume(in, size);
		c->skip -= (uint32_t)size;
		if (c->skip > 0)
			return 0;
	}
	if (c->state == CORE_VERSION)
		return receive_version(c, in, err);
	if (!c->have_header) {
		if (gui_get_header(in, &c->header) < 0)
			return 0;
		if (check_header(c, err) < 0)
			return -1;
		c->have_header = true;
	}
	result = receive_body(c, in, err);
	if (result == 1)
		c->have_header = false;
	return result;
}

int
core_receive(struct core *c, struct buf *in, unsigned int max_messages, struct err *err)
{
	unsigned int count = 0;

	if (c->state != CORE_VERSION && c->state != CORE_RUNNING)
		return err_set(err, EPROTO, "the connection is over");
	while (count < max_messages) {
		int result = receive_message(c, in, err);

		if (result < 0)
			return -1;
		if (result == 0)
			break;
		count++;
	}
	return (int)count;
}
