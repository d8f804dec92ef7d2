/*
 * What a data channel's peer says, taken apart: a state machine without I/O, fed any number of
 * bytes at a time. It never holds payload: spans of it are handed out where they lie, and the
 * user says how much could be passed on.
 */
#ifndef BULKHEAD_QREXEC_DATA_RECEIVER_H
#define BULKHEAD_QREXEC_DATA_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qrexec/common/data_channel.h"
#include "qrexec/common/protocol.h"

struct data_receiver {
	enum data_role role;
	uint32_t chunk_max;
	uint8_t header[QREXEC_HEADER_BYTES];
	size_t header_have; /* all of it: inside a body, of which `left` bytes are to come */
	uint32_t type;
	uint32_t left;
	uint8_t code[4]; /* of an exit code's body, `code_have` bytes */
	size_t code_have;
	bool direction_logged;
};

enum data_event {
	DATA_EVENT_NONE,       /* everything was consumed */
	DATA_EVENT_OUTPUT,     /* payload for the sink */
	DATA_EVENT_OUTPUT_END, /* its end */
	DATA_EVENT_ERRORS,     /* payload for stderr; only to a caller */
	DATA_EVENT_EXIT,       /* exit code; only to a caller */
	DATA_EVENT_BAD,        /* the peer broke the protocol; logged */
};

struct data_item {
	size_t used; /* bytes consumed; payload begins after them */
	size_t size; /* of the payload there */
	int code;
};

void data_receiver_init(struct data_receiver *r, enum data_role role, uint32_t chunk_max);

/* Looks at `size` bytes, advances over headers and what is ignored, and stops at an event. */
enum data_event data_receiver_next(
	struct data_receiver *r, const uint8_t *bytes, size_t size, struct data_item *ret_item);

/* `size` bytes of the payload last handed out were passed on (or dropped). */
void data_receiver_take(struct data_receiver *r, size_t size);

/* How much of the sink's payload is to come, when its header was taken and it is next. */
size_t data_receiver_payload_left(const struct data_receiver *r);

/* Whether the peer stopped in the middle of a frame. */
bool data_receiver_in_frame(const struct data_receiver *r);

#endif
