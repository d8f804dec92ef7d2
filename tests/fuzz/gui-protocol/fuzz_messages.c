/*
 * Streams of messages as either end reads them. Invariants: decoding consumes exactly what the
 * header and the type say, and what is decoded encodes to the same bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gui/protocol/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_round_trip(const struct gui_message *m, const uint8_t *body, size_t size)
{
	AUTO_BUF struct buf again;

	buf_init(&again, GUI_HEADER_BYTES + GUI_BODY_MAX);
	if (gui_put_message(&again, m) < 0 || buf_len(&again) != GUI_HEADER_BYTES + size ||
		memcmp(buf_data(&again) + GUI_HEADER_BYTES, body, size) != 0)
		abort();
}

/* False at the end of what can be read. */
static bool
take_message(struct buf *b, enum gui_direction direction, uint32_t version)
{
	uint8_t body[GUI_BODY_MAX];
	struct gui_header h;
	struct gui_message m;
	size_t before, size;

	if (gui_get_header(b, &h) < 0 || !gui_type_allowed(h.type, direction) ||
		!gui_length_valid(&h, version))
		return false;
	before = buf_len(b);
	memcpy(body, buf_data(b), before < sizeof(body) ? before : sizeof(body));
	if (gui_get_body(b, &h, &m) < 0) {
		if (buf_len(b) != before)
			abort();
		return false;
	}
	size = before - buf_len(b);
	if (size + m.following != h.untrusted_length)
		abort();
	check_round_trip(&m, body, size);
	return buf_consume(b, m.following) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf b;

	buf_init(&b, size);
	if (size < 2)
		return 0;
	buf_put(&b, data + 2, size - 2);
	while (take_message(
		&b, data[0] & 1 ? GUI_TO_AGENT : GUI_TO_DAEMON, GUI_VERSION(1, data[1] % 9)))
		;
	return 0;
}
