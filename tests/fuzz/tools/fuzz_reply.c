/*
 * Answers of the daemon, which in a qube come from another machine. The first byte says where the
 * bytes are cut in two, as a connection may cut them; whatever the cut, the events must be equal.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "tools/lib/admin_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes all complete events; returns a number that differs when the events do. */
static uint64_t
take_events(struct buf *in, uint64_t digest)
{
	struct admin_event event;

	while (admin_event_parse(in, &event) == 0) {
		assert(event.pair_count <= ADMIN_EVENT_PAIRS_MAX);
		digest = digest * 31 + strlen(event.subject);
		digest = digest * 31 + strlen(event.name);
		for (size_t i = 0; i < event.pair_count; i++) {
			assert(admin_event_value(&event, event.pairs[i].key) != NULL);
			digest = digest * 31 + strlen(event.pairs[i].value);
		}
		admin_event_finish(&event);
	}
	return digest;
}

static void
parse_reply(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct buf in;
	const char *content;
	size_t content_size;

	buf_init(&in, 65536);
	if (buf_put(&in, data, size) == 0) {
		if (admin_reply_parse(&in, &content, &content_size, &err) == 0)
			assert(content_size + 2 == size);
		else
			assert(err.code != 0);
	}
	err_clear(&err);
	buf_finish(&in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut;
	uint64_t digest;
	size_t first;

	if (size < 1 || size > 65536)
		return 0;
	first = data[0] % size;
	data++;
	size--;
	first = first < size ? first : size;
	parse_reply(data, size);

	buf_init(&whole, 65536);
	buf_init(&cut, 65536);
	buf_put(&whole, data, size);
	buf_put(&cut, data, first);
	digest = take_events(&cut, 0);
	buf_put(&cut, data + first, size - first);
	digest = take_events(&cut, digest);
	assert(take_events(&whole, 0) == digest);
	assert(buf_len(&whole) == buf_len(&cut));
	buf_finish(&whole);
	buf_finish(&cut);
	return 0;
}
