/*
 * The connection to the daemon on the host: offered again whenever it is gone, a handshake, then
 * messages both ways. A daemon that comes anew is told of every window. See agent.h, docs/gui.md.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/text.h"
#include "gui/agent/agent.h"
#include "gui/agent/status.h"
#include "vchan/vchan_extra.h"

#define RING_BYTES 65536
#define IN_MAX ((size_t)1024 * 1024)
#define OUT_MAX ((size_t)8 * 1024 * 1024)
/* Above this, pictures wait. */
#define OUT_BUSY ((size_t)256 * 1024)
#define RETRY_MS 1000
/* A daemon that has not told what it can by then is one that can not do more. */
#define CAPS_TIMEOUT_MS 500
#define DYING_MAX 4096

enum state {
	STATE_WAITING, /* for a daemon */
	STATE_VERSION, /* ours is sent, its answer is to come */
	STATE_XCONF,
	STATE_CAPS, /* it may say what else it can */
	STATE_CONNECTED,
};

struct daemon {
	struct agent *a;
	enum state state;
	libvchan_t *vchan;
	struct loop_fd *waiting;
	struct loop_timer *timer; /* of the next offer, or of STATE_CAPS */
	struct stream *stream;
	struct loop_deferred *ending;
	uint32_t version, features;
	uint32_t skip; /* bytes of a message that is not for us */
	/* Windows that are gone here, and of which the daemon has not said that it knows. */
	uint32_t dying[DYING_MAX];
	size_t dying_count;
};

static void offer(struct daemon *d);

bool
daemon_is_connected(const struct daemon *d)
{
	return d->state == STATE_CONNECTED;
}

uint32_t
daemon_features(const struct daemon *d)
{
	return d->features;
}

bool
daemon_has_room(const struct daemon *d)
{
	return d->stream != NULL && stream_pending(d->stream) < OUT_BUSY;
}

bool
daemon_is_dying(const struct daemon *d, uint32_t window)
{
	for (size_t i = 0; i < d->dying_count; i++) {
		if (d->dying[i] == window)
			return true;
	}
	return false;
}

/* --- the end of a connection --- */

static void
end_connection(struct daemon *d)
{
	if (d->state == STATE_WAITING)
		return;
	d->state = STATE_WAITING;
	stream_destroy(d->stream);
	d->stream = NULL;
	d->features = 0;
	d->skip = 0;
	d->dying_count = 0;
	windows_forget_announced(d->a);
	input_release_all(d->a);
	status_write("started");
	offer(d);
}

static void
handle_ending(struct loop_deferred *source, void *data)
{
	end_connection(data);
}

static void
give_up(struct daemon *d, const char *reason)
{
	log_warning("daemon: %s", reason);
	loop_deferred_schedule(d->ending);
}

/* --- to the daemon --- */

static void
send_buffer(struct daemon *d, struct buf *b)
{
	if (d->stream != NULL && stream_send(d->stream, buf_data(b), buf_len(b)) < 0)
		give_up(d, "it does not read");
}

void
daemon_send(struct daemon *d, const struct gui_message *m, const void *following)
{
	AUTO_BUF struct buf b;

	if (d->state < STATE_CAPS)
		return;
	buf_init(&b, GUI_HEADER_BYTES + GUI_BODY_MAX + GUI_CLIPBOARD_MAX + 1);
	if (gui_put_message(&b, m) < 0 || buf_put(&b, following, m->following) < 0)
		return;
	send_buffer(d, &b);
	if (m->type != GUI_DESTROY)
		return;
	if (d->dying_count == DYING_MAX)
		give_up(d, "it does not acknowledge that windows are gone");
	else
		d->dying[d->dying_count++] = m->window;
}

static void
send_version(struct daemon *d)
{
	AUTO_BUF struct buf b;

	buf_init(&b, sizeof(uint32_t));
	(void)buf_put_u32(&b, GUI_VERSION_OURS);
	send_buffer(d, &b);
}

static void
send_caps(struct daemon *d)
{
	struct gui_message m = {
		.type = GUI_X_CAPS,
		.caps =
			{
				.extension_version = GUI_EXTENSION_VERSION,
				.features = d->features,
				.max_buffers_per_window = GUI_POOL_MAX_BUFFERS_PER_WINDOW,
				.max_buffers = GUI_POOL_MAX_BUFFERS,
				.pool_low = (uint32_t)d->a->pool.size_bytes,
				.pool_high = (uint32_t)(d->a->pool.size_bytes >> 32),
			},
	};

	daemon_send(d, &m, NULL);
}

/* --- from the daemon --- */

static void
become_connected(struct daemon *d)
{
	loop_timer_stop(d->timer);
	d->state = STATE_CONNECTED;
	log_info("connected, version %u.%u%s", GUI_VERSION_MAJOR(d->version),
		GUI_VERSION_MINOR(d->version),
		(d->features & GUI_FEATURE_COMMIT) != 0 ? ", with window memory" : "");
	status_write("connected");
	windows_announce_all(d->a);
}

static void
handle_caps(struct daemon *d, const struct gui_caps *caps)
{
	const uint32_t ours =
		GUI_FEATURE_POOL | GUI_FEATURE_COMMIT | GUI_FEATURE_FRAME | GUI_FEATURE_INPUT;

	if (d->state != STATE_CAPS)
		return;
	if (caps->extension_version != 0 && d->a->memory != 0 &&
		gui_caps_pool_bytes(caps) == d->a->pool.size_bytes) {
		d->features = caps->features & ours;
		send_caps(d);
	} else {
		log_warning("daemon: its window memory is not ours: windows stay empty");
	}
	become_connected(d);
}

static void
handle_destroyed(struct daemon *d, uint32_t window)
{
	for (size_t i = 0; i < d->dying_count; i++) {
		if (d->dying[i] != window)
			continue;
		d->dying[i] = d->dying[--d->dying_count];
		content_handle_destroyed(d->a, window);
		windows_handle_destroyed(d->a, window);
		return;
	}
}

static void
handle_message(struct daemon *d, const struct gui_message *m)
{
	struct agent *a = d->a;
	struct agent_window *w;

	switch (m->type) {
	case GUI_X_CAPS:
		handle_caps(d, &m->caps);
		return;
	case GUI_KEYPRESS:
		input_handle_key(a, &m->key);
		return;
	case GUI_KEYMAP_NOTIFY:
		input_handle_keymap(a, &m->keymap);
		return;
	case GUI_CLIPBOARD_REQ:
		clipboard_fetch(a->clipboard, m->window);
		return;
	case GUI_X_RELEASE:
		content_handle_release(a, &m->release);
		return;
	case GUI_DESTROY:
		handle_destroyed(d, m->window);
		return;
	default:
		break;
	}
	w = window_find_announced(a, m->window);
	if (w != NULL)
		window_handle_message(a, w, m);
}

/* A clipboard's content is taken when all of it is there. 0, -EAGAIN. */
static int
take_clipboard(struct daemon *d, struct buf *in, size_t size)
{
	char *data;

	if (buf_len(in) < size)
		return -EAGAIN;
	data = xcalloc(1, size + 1);
	(void)buf_get(in, data, size);
	clipboard_put(d->a->clipboard, data, size);
	return 0;
}

/* Whether the message is one that we know, of the length that it must have. */
static bool
is_understood(const struct daemon *d, const struct gui_header *h)
{
	return gui_type_allowed(h->type, GUI_TO_AGENT) && gui_length_valid(h, d->version);
}

/* 0 when a message was taken, -EAGAIN when there is none as a whole. */
static int
take_message(struct daemon *d, struct buf *in)
{
	struct gui_header h;
	struct gui_message m;

	if (buf_len(in) < GUI_HEADER_BYTES)
		return -EAGAIN;
	(void)buf_peek_u32(in, 0, &h.type);
	(void)buf_peek_u32(in, 4, &h.window);
	(void)buf_peek_u32(in, 8, &h.untrusted_length);
	if (!is_understood(d, &h)) {
		(void)buf_consume(in, GUI_HEADER_BYTES);
		d->skip = h.untrusted_length;
		return 0;
	}
	if (h.type == GUI_CLIPBOARD_DATA) {
		if (buf_len(in) < GUI_HEADER_BYTES + (size_t)h.untrusted_length)
			return -EAGAIN;
		(void)buf_consume(in, GUI_HEADER_BYTES);
		return take_clipboard(d, in, h.untrusted_length);
	}
	if (buf_len(in) < GUI_HEADER_BYTES + gui_decoded_size(&h))
		return -EAGAIN;
	(void)buf_consume(in, GUI_HEADER_BYTES);
	if (gui_get_body(in, &h, &m) < 0)
		return -EAGAIN;
	handle_message(d, &m);
	return 0;
}

static int
take_version(struct daemon *d, struct buf *in)
{
	uint32_t version;

	if (buf_get_u32(in, &version) < 0)
		return -EAGAIN;
	if (GUI_VERSION_MAJOR(version) != 1 || version < GUI_VERSION_OLDEST ||
		version > GUI_VERSION_OURS) {
		give_up(d, "it speaks a version that we do not");
		return -EAGAIN;
	}
	d->version = version;
	d->state = STATE_XCONF;
	return 0;
}

/* The size of the host's screen is of no use: monitors come by a call. */
static int
take_xconf(struct daemon *d, struct buf *in)
{
	struct gui_xconf conf;

	if (gui_get_xconf(in, &conf) < 0)
		return -EAGAIN;
	d->state = STATE_CAPS;
	loop_timer_start(d->timer, CAPS_TIMEOUT_MS);
	return 0;
}

static int
take_skipped(struct daemon *d, struct buf *in)
{
	size_t size = buf_len(in) < d->skip ? buf_len(in) : d->skip;

	if (size == 0)
		return -EAGAIN;
	(void)buf_consume(in, size);
	d->skip -= (uint32_t)size;
	return 0;
}

static int
take_next(struct daemon *d, struct buf *in)
{
	switch (d->state) {
	case STATE_WAITING:
		return -EAGAIN;
	case STATE_VERSION:
		return take_version(d, in);
	case STATE_XCONF:
		return take_xconf(d, in);
	case STATE_CAPS:
	case STATE_CONNECTED:
		break;
	}
	return d->skip > 0 ? take_skipped(d, in) : take_message(d, in);
}

static void
handle_data(struct stream *s, struct buf *in, void *data)
{
	struct daemon *d = data;

	while (take_next(d, in) == 0)
		;
}

static void
handle_end(struct stream *s, int error, void *data)
{
	struct daemon *d = data;

	log_info("the daemon has gone%s%s", error < 0 ? ": " : "",
		error < 0 ? strerror(-error) : "");
	end_connection(d);
}

static const struct stream_handler handler = {
	.handle_data = handle_data,
	.handle_end = handle_end,
};

/* --- the beginning --- */

static void
begin(struct daemon *d)
{
	int fd = vchan_detach(d->vchan);

	d->vchan = NULL;
	d->stream = stream_create(d->a->loop, fd, IN_MAX, OUT_MAX, &handler, d);
	if (d->stream == NULL) {
		agent_fail(d->a, "daemon: no memory");
		return;
	}
	d->state = STATE_VERSION;
	send_version(d);
}

static void
handle_vchan(struct loop_fd *source, uint32_t events, void *data)
{
	struct daemon *d = data;
	int state = vchan_advance(d->vchan);

	if (state == VCHAN_WAITING)
		return;
	loop_fd_destroy(d->waiting);
	d->waiting = NULL;
	if (state == VCHAN_CONNECTED) {
		begin(d);
		return;
	}
	log_warning("daemon: %s", strerror(-state));
	libvchan_close(d->vchan);
	d->vchan = NULL;
	loop_timer_start(d->timer, RETRY_MS);
}

static void
offer(struct daemon *d)
{
	struct vchan_config config = VCHAN_CONFIG_INIT;

	config.server = true;
	config.port = GUI_VCHAN_PORT;
	config.read_min = config.write_min = RING_BYTES;
	d->vchan = vchan_create(&config);
	if (d->vchan == NULL) {
		log_warning("daemon: cannot offer a channel: %s", strerror(errno));
		loop_timer_start(d->timer, RETRY_MS);
		return;
	}
	d->waiting = loop_fd_create(
		d->a->loop, libvchan_fd_for_select(d->vchan), EPOLLIN, handle_vchan, d);
	if (d->waiting == NULL)
		agent_fail(d->a, "daemon: no memory");
}

static void
handle_timer(struct loop_timer *timer, void *data)
{
	struct daemon *d = data;

	if (d->state == STATE_WAITING)
		offer(d);
	else if (d->state == STATE_CAPS)
		become_connected(d);
}

struct daemon *
daemon_create(struct agent *a)
{
	struct daemon *d = xcalloc(1, sizeof(*d));

	d->a = a;
	d->timer = loop_timer_create(a->loop, handle_timer, d);
	d->ending = loop_deferred_create(a->loop, handle_ending, d);
	if (d->timer == NULL || d->ending == NULL) {
		agent_fail(a, "daemon: no memory");
		return d;
	}
	offer(d);
	return d;
}

void
daemon_destroy(struct daemon *d)
{
	if (d == NULL)
		return;
	loop_fd_destroy(d->waiting);
	libvchan_close(d->vchan);
	stream_destroy(d->stream);
	loop_timer_destroy(d->timer);
	loop_deferred_destroy(d->ending);
	free(d);
}
