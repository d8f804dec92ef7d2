/*
 * Bytes of the GUI protocol; see protocol.h. One table says for each type where it may go, how
 * long its body is, and that is all either end needs to know to decode or skip it.
 */
#include "gui/protocol/protocol.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define DUMP_HEADER_BYTES 16
#define DUMP_POOL_BYTES sizeof(struct gui_dump)
#define COMMIT_HEADER_BYTES 16
#define RECTANGLE_BYTES sizeof(struct gui_rectangle)

enum kind {
	KIND_WORDS, /* 32-bit fields */
	KIND_BYTES,
	KIND_CLIPBOARD,
	KIND_DUMP,
	KIND_COMMIT,
};

struct type_row {
	const char *name;
	uint32_t type;
	enum kind kind;
	uint32_t size; /* of the body, where it is fixed */
	bool to_daemon, to_agent;
};

#define SIZE(member) sizeof(((struct gui_message *)NULL)->member)

static const struct type_row rows[] = {
	{"KEYPRESS", GUI_KEYPRESS, KIND_WORDS, SIZE(key), false, true},
	{"BUTTON", GUI_BUTTON, KIND_WORDS, SIZE(button), false, true},
	{"MOTION", GUI_MOTION, KIND_WORDS, SIZE(motion), false, true},
	{"CROSSING", GUI_CROSSING, KIND_WORDS, SIZE(crossing), false, true},
	{"FOCUS", GUI_FOCUS, KIND_WORDS, SIZE(focus), false, true},
	{"CREATE", GUI_CREATE, KIND_WORDS, SIZE(create), true, false},
	{"DESTROY", GUI_DESTROY, KIND_WORDS, 0, true, true},
	{"MAP", GUI_MAP, KIND_WORDS, SIZE(map), true, true},
	{"UNMAP", GUI_UNMAP, KIND_WORDS, 0, true, false},
	{"CONFIGURE", GUI_CONFIGURE, KIND_WORDS, SIZE(configure), true, true},
	{"SHMIMAGE", GUI_SHMIMAGE, KIND_WORDS, SIZE(damage), true, false},
	{"CLOSE", GUI_CLOSE, KIND_WORDS, 0, false, true},
	{"CLIPBOARD_REQ", GUI_CLIPBOARD_REQ, KIND_WORDS, 0, false, true},
	{"CLIPBOARD_DATA", GUI_CLIPBOARD_DATA, KIND_CLIPBOARD, 0, true, true},
	{"WMNAME", GUI_WMNAME, KIND_BYTES, SIZE(title), true, false},
	{"KEYMAP_NOTIFY", GUI_KEYMAP_NOTIFY, KIND_BYTES, SIZE(keymap), false, true},
	{"DOCK", GUI_DOCK, KIND_WORDS, 0, true, false},
	{"WINDOW_HINTS", GUI_WINDOW_HINTS, KIND_WORDS, SIZE(hints), true, false},
	{"WINDOW_FLAGS", GUI_WINDOW_FLAGS, KIND_WORDS, SIZE(flags), true, true},
	{"WMCLASS", GUI_WMCLASS, KIND_BYTES, SIZE(class), true, false},
	{"WINDOW_DUMP", GUI_WINDOW_DUMP, KIND_DUMP, 0, true, false},
	{"CURSOR", GUI_CURSOR, KIND_WORDS, SIZE(cursor), true, false},
	{"WINDOW_DUMP_ACK", GUI_WINDOW_DUMP_ACK, KIND_WORDS, 0, false, true},
	{"X_CAPS", GUI_X_CAPS, KIND_WORDS, SIZE(caps), true, true},
	{"X_COMMIT", GUI_X_COMMIT, KIND_COMMIT, 0, true, false},
	{"X_RELEASE", GUI_X_RELEASE, KIND_WORDS, SIZE(release), false, true},
	{"X_FRAME", GUI_X_FRAME, KIND_WORDS, SIZE(frame), false, true},
	{"X_DROP", GUI_X_DROP, KIND_WORDS, SIZE(drop), true, false},
	{"X_SCROLL", GUI_X_SCROLL, KIND_WORDS, SIZE(scroll), false, true},
};

static const struct type_row *
find_row(uint32_t type)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].type == type)
			return &rows[i];
	}
	return NULL;
}

const char *
gui_type_name(uint32_t type)
{
	const struct type_row *row = find_row(type);

	return row == NULL ? "unknown" : row->name;
}

bool
gui_type_allowed(uint32_t type, enum gui_direction direction)
{
	const struct type_row *row = find_row(type);

	return row != NULL && (direction == GUI_TO_DAEMON ? row->to_daemon : row->to_agent);
}

int
gui_get_header(struct buf *b, struct gui_header *ret_header)
{
	struct gui_header h;

	if (buf_len(b) < GUI_HEADER_BYTES)
		return -EAGAIN;
	buf_get_u32(b, &h.type);
	buf_get_u32(b, &h.window);
	buf_get_u32(b, &h.untrusted_length);
	*ret_header = h;
	return 0;
}

/* One more than may be sent: an agent says by it that there was too much. */
static uint32_t
clipboard_limit(uint32_t version)
{
	if (GUI_VERSION_MINOR(version) >= GUI_MINOR_LARGE_CLIPBOARD)
		return GUI_CLIPBOARD_MAX + 1;
	return GUI_CLIPBOARD_MAX_OLD;
}

static bool
dump_length_valid(uint32_t length)
{
	uint32_t rest = length - DUMP_HEADER_BYTES;

	return length >= DUMP_HEADER_BYTES && rest % sizeof(uint32_t) == 0 &&
	       rest / sizeof(uint32_t) <= GUI_MAX_PAGES;
}

static bool
commit_length_valid(uint32_t length)
{
	uint32_t rest = length - COMMIT_HEADER_BYTES;

	return length >= COMMIT_HEADER_BYTES && rest % RECTANGLE_BYTES == 0 &&
	       rest / RECTANGLE_BYTES <= GUI_POOL_MAX_RECTANGLES;
}

bool
gui_length_valid(const struct gui_header *h, uint32_t version)
{
	const struct type_row *row = find_row(h->type);

	if (row == NULL)
		return false;
	switch (row->kind) {
	case KIND_CLIPBOARD:
		return h->untrusted_length <= clipboard_limit(version);
	case KIND_DUMP:
		return dump_length_valid(h->untrusted_length);
	case KIND_COMMIT:
		return commit_length_valid(h->untrusted_length);
	case KIND_WORDS:
	case KIND_BYTES:
		break;
	}
	return h->untrusted_length == row->size;
}

static size_t
decoded_size(const struct type_row *row, uint32_t length)
{
	switch (row->kind) {
	case KIND_CLIPBOARD:
		return 0;
	case KIND_DUMP:
		return DUMP_HEADER_BYTES;
	case KIND_COMMIT:
		return length;
	case KIND_WORDS:
	case KIND_BYTES:
		break;
	}
	return row->size;
}

size_t
gui_decoded_size(const struct gui_header *h)
{
	const struct type_row *row = find_row(h->type);

	return row == NULL ? 0 : decoded_size(row, h->untrusted_length);
}

/* The callers know that the bytes are there. */
static void
get_words(struct buf *b, void *words, size_t size)
{
	uint8_t *at = words;

	for (size_t i = 0; i < size; i += sizeof(uint32_t)) {
		uint32_t word = 0;

		buf_get_u32(b, &word);
		memcpy(at + i, &word, sizeof(word));
	}
}

static int
get_dump(struct buf *b, struct gui_message *m, uint32_t length)
{
	uint32_t type;

	if (buf_peek_u32(b, 0, &type) < 0)
		return -EAGAIN;
	if (type != GUI_DUMP_POOL) {
		get_words(b, &m->dump, DUMP_HEADER_BYTES);
		m->following = length - DUMP_HEADER_BYTES;
		return 0;
	}
	if (length != DUMP_POOL_BYTES)
		return -EBADMSG;
	if (buf_len(b) < DUMP_POOL_BYTES)
		return -EAGAIN;
	get_words(b, &m->dump, DUMP_POOL_BYTES);
	return 0;
}

static int
get_commit(struct buf *b, struct gui_message *m, uint32_t length)
{
	uint32_t count, reserved;

	if (buf_peek_u32(b, 8, &count) < 0 || buf_peek_u32(b, 12, &reserved) < 0)
		return -EAGAIN;
	if (count != (length - COMMIT_HEADER_BYTES) / RECTANGLE_BYTES || reserved != 0)
		return -EBADMSG;
	get_words(b, &m->commit, length);
	return 0;
}

int
gui_get_body(struct buf *b, const struct gui_header *h, struct gui_message *ret_message)
{
	const struct type_row *row = find_row(h->type);
	struct gui_message m = {.type = h->type, .window = h->window};
	int result = 0;

	if (row == NULL)
		return -EBADMSG;
	if (buf_len(b) < decoded_size(row, h->untrusted_length))
		return -EAGAIN;
	switch (row->kind) {
	case KIND_WORDS:
		get_words(b, &m.commit, row->size);
		break;
	case KIND_BYTES:
		result = buf_get(b, &m.commit, row->size);
		break;
	case KIND_CLIPBOARD:
		m.following = h->untrusted_length;
		break;
	case KIND_DUMP:
		result = get_dump(b, &m, h->untrusted_length);
		break;
	case KIND_COMMIT:
		result = get_commit(b, &m, h->untrusted_length);
		break;
	}
	if (result == 0)
		*ret_message = m;
	return result;
}

/* Bytes of the body that stand in the struct. */
static size_t
encoded_size(const struct type_row *row, const struct gui_message *m)
{
	switch (row->kind) {
	case KIND_CLIPBOARD:
		return 0;
	case KIND_DUMP:
		return m->dump.type == GUI_DUMP_POOL ? DUMP_POOL_BYTES : DUMP_HEADER_BYTES;
	case KIND_COMMIT:
		return COMMIT_HEADER_BYTES + m->commit.count * RECTANGLE_BYTES;
	case KIND_WORDS:
	case KIND_BYTES:
		break;
	}
	return row->size;
}

static void
encode_words(uint8_t *out, const void *words, size_t size)
{
	const uint8_t *from = words;

	for (size_t i = 0; i < size; i += sizeof(uint32_t)) {
		uint32_t word;

		memcpy(&word, from + i, sizeof(word));
		word = htole32(word);
		memcpy(out + i, &word, sizeof(word));
	}
}

int
gui_put_message(struct buf *b, const struct gui_message *m)
{
	const struct type_row *row = find_row(m->type);
	size_t size;
	uint32_t header[3];
	uint8_t *out;

	if (row == NULL || (row->kind == KIND_COMMIT && m->commit.count > GUI_POOL_MAX_RECTANGLES))
		return -EINVAL;
	size = encoded_size(row, m);
	if (GUI_HEADER_BYTES + size > buf_room(b))
		return -ENOBUFS;
	out = buf_reserve(b, GUI_HEADER_BYTES + size);
	if (out == NULL)
		return -ENOMEM;
	header[0] = m->type;
	header[1] = m->window;
	header[2] = (uint32_t)size + m->following;
	encode_words(out, header, sizeof(header));
	if (row->kind == KIND_BYTES)
		memcpy(out + GUI_HEADER_BYTES, &m->commit, size);
	else
		encode_words(out + GUI_HEADER_BYTES, &m->commit, size);
	return 0;
}

int
gui_put_xconf(struct buf *b, const struct gui_xconf *conf)
{
	uint8_t *out = buf_reserve(b, sizeof(*conf));

	if (out == NULL)
		return -ENOBUFS;
	encode_words(out, conf, sizeof(*conf));
	return 0;
}

int
gui_get_xconf(struct buf *b, struct gui_xconf *ret_conf)
{
	struct gui_xconf conf;

	if (buf_len(b) < sizeof(conf))
		return -EAGAIN;
	get_words(b, &conf, sizeof(conf));
	*ret_conf = conf;
	return 0;
}

struct gui_xconf
gui_xconf_of(uint32_t width, uint32_t height, uint32_t depth)
{
	struct gui_xconf conf = {
		.width = (width + 7) & ~(uint32_t)7,
		.height = height,
		.depth = depth,
	};

	conf.memory_kib = (uint32_t)((uint64_t)conf.width * conf.height * 4 / 1024 + 1);
	return conf;
}

uint32_t
gui_negotiate(uint32_t untrusted_agent_version)
{
	uint32_t minor = GUI_VERSION_MINOR(untrusted_agent_version);
	uint32_t ours = GUI_VERSION_MINOR(GUI_VERSION_OURS);

	if (GUI_VERSION_MAJOR(untrusted_agent_version) != GUI_VERSION_MAJOR(GUI_VERSION_OURS))
		return 0;
	return GUI_VERSION(1, minor < ours ? minor : ours);
}

const char *
gui_check_pool_dump(const struct gui_dump *d, uint32_t features, uint64_t pool_bytes)
{
	uint64_t offset = gui_dump_offset(d), bytes, end;

	if (d->width == 0 || d->width > GUI_MAX_WIDTH)
		return "width";
	if (d->height == 0 || d->height > GUI_MAX_HEIGHT)
		return "height";
	if (d->buffer_id == 0)
		return "buffer_id";
	if (d->fourcc != GUI_FOURCC_XR24 && d->fourcc != GUI_FOURCC_AR24)
		return "fourcc";
	if (d->stride % 4 != 0 || d->stride > GUI_POOL_MAX_STRIDE || d->stride < d->width * 4)
		return "stride";
	if ((d->flags & ~(uint32_t)GUI_DUMP_EXPLICIT) != 0 ||
		((d->flags & GUI_DUMP_EXPLICIT) != 0 && (features & GUI_FEATURE_COMMIT) == 0))
		return "flags";
	if (d->scale120 != 0 && (features & GUI_FEATURE_SCALE) == 0)
		return "scale120";
	if (d->reserved != 0)
		return "reserved";
	bytes = (uint64_t)d->stride * d->height;
	if (offset < GUI_PAGE_BYTES || offset % GUI_PAGE_BYTES != 0 ||
		__builtin_add_overflow(offset, bytes, &end) || end > pool_bytes)
		return "offset";
	return NULL;
}
