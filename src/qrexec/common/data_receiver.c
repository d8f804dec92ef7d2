/*
 * The incoming half of a data channel; see data_receiver.h. Runs in agents' handlers and in
 * clients, on bytes of another qube. Which types do something depends on our role: what a caller
 * may not send is ignored and above all never printed.
 */
#include "qrexec/common/data_receiver.h"

#include <string.h>

#include "base/log.h"

void
data_receiver_init(struct data_receiver *r, enum data_role role, uint32_t chunk_max)
{
	*r = (struct data_receiver){.role = role, .chunk_max = chunk_max};
}

bool
data_receiver_in_frame(const struct data_receiver *r)
{
	return r->header_have > 0;
}

static uint32_t
get_u32(const uint8_t *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Collects header bytes; returns how many were used. */
static size_t
take_header(struct data_receiver *r, const uint8_t *bytes, size_t size)
{
	size_t n = smaller(size, sizeof(r->header) - r->header_have);

	memcpy(r->header + r->header_have, bytes, n);
	r->header_have += n;
	if (r->header_have == sizeof(r->header)) {
		r->type = get_u32(r->header);
		r->left = get_u32(r->header + 4);
		r->code_have = 0;
	}
	return n;
}

static bool
header_valid(const struct data_receiver *r)
{
	if (r->type < QREXEC_DATA_STDIN || r->type > QREXEC_DATA_EXIT_CODE) {
		log_error("data channel: unexpected message type %#x", r->type);
		return false;
	}
	if (r->left > r->chunk_max) {
		log_error("data channel: %s of %u bytes is above the limit of %u",
			qrexec_type_name(r->type), r->left, r->chunk_max);
		return false;
	}
	return true;
}

static void
note_direction(struct data_receiver *r)
{
	uint32_t expected = r->role == DATA_ROLE_CALLER ? QREXEC_DATA_STDOUT : QREXEC_DATA_STDIN;

	if (r->type == expected || r->direction_logged)
		return;
	r->direction_logged = true;
	log_warning(
		"data channel: %s from the wrong side taken as data", qrexec_type_name(r->type));
}

static void
end_frame(struct data_receiver *r)
{
	r->header_have = 0;
}

/* Skips body bytes, keeping the first four of an exit code. */
static void
swallow(struct data_receiver *r, const uint8_t *bytes, size_t size)
{
	size_t n = smaller(size, sizeof(r->code) - r->code_have);

	memcpy(r->code + r->code_have, bytes, n);
	r->code_have += n;
	r->left -= (uint32_t)size;
}

static int
exit_code(const struct data_receiver *r)
{
	if (r->code_have < sizeof(r->code))
		return QREXEC_EXIT_LOST;
	return (int)get_u32(r->code);
}

/* One body, or what is there of it, that is not handed out: an exit code or something ignored. */
static enum data_event
take_hidden(struct data_receiver *r, const uint8_t *bytes, size_t size, struct data_item *item)
{
	size_t n = smaller(size, r->left);

	swallow(r, bytes, n);
	item->used += n;
	if (r->left > 0)
		return DATA_EVENT_NONE;
	end_frame(r);
	if (r->type != QREXEC_DATA_EXIT_CODE || r->role != DATA_ROLE_CALLER)
		return DATA_EVENT_NONE;
	item->code = exit_code(r);
	return DATA_EVENT_EXIT;
}

/* A data frame: hands out the payload there is, or its end when the frame is empty. */
static enum data_event
take_payload(struct data_receiver *r, size_t size, bool was_empty, struct data_item *item)
{
	bool errors = r->type == QREXEC_DATA_STDERR;

	if (was_empty) {
		end_frame(r);
		return errors ? DATA_EVENT_NONE : DATA_EVENT_OUTPUT_END;
	}
	item->size = smaller(size, r->left);
	if (item->size == 0)
		return DATA_EVENT_NONE;
	return errors ? DATA_EVENT_ERRORS : DATA_EVENT_OUTPUT;
}

static bool
is_hidden(const struct data_receiver *r)
{
	if (r->type == QREXEC_DATA_EXIT_CODE)
		return true;
	return r->type == QREXEC_DATA_STDERR && r->role == DATA_ROLE_SERVICE;
}

enum data_event
data_receiver_next(
	struct data_receiver *r, const uint8_t *bytes, size_t size, struct data_item *ret_item)
{
	struct data_item item = {0};
	enum data_event event = DATA_EVENT_NONE;

	while (event == DATA_EVENT_NONE) {
		bool fresh = r->header_have < sizeof(r->header);

		if (fresh) {
			item.used += take_header(r, bytes + item.used, size - item.used);
			if (r->header_have < sizeof(r->header))
				break;
			if (!header_valid(r)) {
				event = DATA_EVENT_BAD;
				break;
			}
			if (!is_hidden(r) && r->type != QREXEC_DATA_STDERR)
				note_direction(r);
		}
		if (is_hidden(r))
			event = take_hidden(r, bytes + item.used, size - item.used, &item);
		else
			event = take_payload(r, size - item.used, fresh && r->left == 0, &item);
		if (item.used == size)
			break;
	}
	*ret_item = item;
	return event;
}

void
data_receiver_take(struct data_receiver *r, size_t size)
{
	r->left -= (uint32_t)size;
	if (r->left == 0)
		end_frame(r);
}

size_t
data_receiver_payload_left(const struct data_receiver *r)
{
	bool whole = r->header_have == sizeof(r->header);

	if (!whole || (r->type != QREXEC_DATA_STDIN && r->type != QREXEC_DATA_STDOUT))
		return 0;
	return r->left;
}
