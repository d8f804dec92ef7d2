/*
 * What a data channel's peer may say, in pieces and with a local side that takes a little at a
 * time: what comes out must not depend on how it was cut.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "qrexec/common/data_receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
	uint64_t hash;
	size_t output, errors;
	bool bad;
};

static void
note(struct digest *d, uint64_t what)
{
	d->hash = (d->hash ^ what) * 1099511628211u;
}

static void
note_bytes(struct digest *d, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		note(d, bytes[i]);
}

/* One piece; returns false at a violation. */
static bool
feed(struct data_receiver *r, struct digest *d, const uint8_t *bytes, size_t size, size_t take)
{
	while (size > 0) {
		struct data_item item;
		enum data_event event = data_receiver_next(r, bytes, size, &item);
		size_t n = item.size < take ? item.size : take;

		assert(item.used <= size && item.size <= size - item.used);
		assert(item.size <= r->chunk_max);
		bytes += item.used;
		size -= item.used;
		if (event == DATA_EVENT_OUTPUT || event == DATA_EVENT_ERRORS) {
			assert(event == DATA_EVENT_OUTPUT || r->role == DATA_ROLE_CALLER);
			note_bytes(d, bytes, n);
			*(event == DATA_EVENT_OUTPUT ? &d->output : &d->errors) += n;
			data_receiver_take(r, n);
			bytes += n;
			size -= n;
		} else if (event == DATA_EVENT_NONE) {
			assert(size == 0);
		} else {
			note(d, 1000 + (uint64_t)event);
			if (event == DATA_EVENT_EXIT)
				note(d, (uint64_t)item.code);
			if (event == DATA_EVENT_BAD)
				return false;
		}
	}
	return true;
}

static struct digest
run(enum data_role role, uint32_t chunk, const uint8_t *data, size_t size, size_t piece,
	size_t take)
{
	struct digest d = {.hash = 14695981039346656037u};
	struct data_receiver r;

	data_receiver_init(&r, role, chunk);
	for (size_t at = 0; at < size && !d.bad; at += piece)
		d.bad = !feed(&r, &d, data + at, size - at < piece ? size - at : piece, take);
	return d;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest whole, cut;
	enum data_role role;
	uint32_t chunk;

	log_set_level(LOG_LEVEL_ERROR);
	if (size < 3)
		return 0;
	role = (data[0] & 1) != 0 ? DATA_ROLE_SERVICE : DATA_ROLE_CALLER;
	chunk = (data[0] & 2) != 0 ? QREXEC_CHUNK_V2_BYTES : QREXEC_CHUNK_BYTES;
	whole = run(role, chunk, data + 3, size - 3, size, SIZE_MAX);
	cut = run(role, chunk, data + 3, size - 3, data[1] + 1u, data[2] + 1u);
	assert(whole.hash == cut.hash && whole.output == cut.output);
	assert(whole.errors == cut.errors && whole.bad == cut.bad);
	return 0;
}
