/*
 * Encoding and decoding of qrexec frames. Runs in every qrexec program; the bytes come from
 * whoever is at the other end. A length is judged by the header alone, before its body is waited
 * for; nothing here allocates more than the length that passed.
 */
#include "qrexec/common/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int
qrexec_header_peek(const struct buf *in, struct qrexec_header *ret_header)
{
	struct qrexec_header header;

	if (buf_peek_u32(in, 0, &header.type) < 0 || buf_peek_u32(in, 4, &header.length) < 0)
		return -EAGAIN;
	*ret_header = header;
	return 0;
}

/* Consumes the header when the whole frame is there. */
static int
frame_begin(struct buf *in, const struct qrexec_header *header)
{
	if (buf_len(in) - QREXEC_HEADER_BYTES < header->length)
		return -EAGAIN;
	return buf_consume(in, QREXEC_HEADER_BYTES);
}

/* All or nothing: memory for the whole frame is there before its first byte counts. */
int
qrexec_put_header(struct buf *out, uint32_t type, uint32_t length)
{
	size_t size = (size_t)QREXEC_HEADER_BYTES + length;

	if (buf_room(out) < size)
		return -ENOBUFS;
	if (buf_reserve(out, size) == NULL)
		return -ENOMEM;
	buf_trim(out, size);
	buf_put_u32(out, type);
	return buf_put_u32(out, length);
}

const char *
qrexec_type_name(uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} names[] = {
		{QREXEC_DATA_STDIN, "DATA_STDIN"},
		{QREXEC_DATA_STDOUT, "DATA_STDOUT"},
		{QREXEC_DATA_STDERR, "DATA_STDERR"},
		{QREXEC_DATA_EXIT_CODE, "DATA_EXIT_CODE"},
		{QREXEC_EXEC_CMDLINE, "EXEC_CMDLINE"},
		{QREXEC_JUST_EXEC, "JUST_EXEC"},
		{QREXEC_SERVICE_CONNECT, "SERVICE_CONNECT"},
		{QREXEC_SERVICE_REFUSED, "SERVICE_REFUSED"},
		{QREXEC_TRIGGER_SERVICE, "TRIGGER_SERVICE"},
		{QREXEC_CONNECTION_TERMINATED, "CONNECTION_TERMINATED"},
		{QREXEC_TRIGGER_SERVICE3, "TRIGGER_SERVICE3"},
		{QREXEC_TRIGGER_SERVICE4, "TRIGGER_SERVICE4"},
		{QREXEC_HELLO, "HELLO"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "unknown message";
}

int
qrexec_put_hello(struct buf *out, uint32_t version)
{
	int e;

	if ((e = qrexec_put_header(out, QREXEC_HELLO, 4)) < 0)
		return e;
	return buf_put_u32(out, version);
}

int
qrexec_get_hello(struct buf *in, uint32_t *ret_version)
{
	struct qrexec_header header;
	int e;

	if ((e = qrexec_header_peek(in, &header)) < 0)
		return e;
	if (header.type != QREXEC_HELLO || header.length != 4)
		return -EBADMSG;
	if ((e = frame_begin(in, &header)) < 0)
		return e;
	return buf_get_u32(in, ret_version);
}

int
qrexec_negotiate(uint32_t own, uint32_t peer, uint32_t least)
{
	uint32_t version = peer < own ? peer : own;

	return version < least ? -EPROTO : (int)version;
}

bool
qrexec_port_valid(uint32_t port)
{
	return port >= QREXEC_PORT_MIN && port <= QREXEC_PORT_MAX;
}

int
qrexec_get_params(
	struct buf *in, size_t body_max, uint32_t *ret_type, struct qrexec_params *ret_params)
{
	struct qrexec_params params = {0};
	struct qrexec_header header;
	int e;

	if ((e = qrexec_header_peek(in, &header)) < 0)
		return e;
	if (header.length < QREXEC_PARAMS_BYTES)
		return -EBADMSG;
	if (header.length > body_max)
		return -EMSGSIZE;
	params.size = header.length - QREXEC_PARAMS_BYTES;
	if (buf_len(in) - QREXEC_HEADER_BYTES < header.length)
		return -EAGAIN;
	if (params.size > 0 && (params.text = malloc(params.size)) == NULL)
		return -ENOMEM;

	if ((e = frame_begin(in, &header)) < 0 || (e = buf_get_u32(in, &params.domain)) < 0 ||
		(e = buf_get_u32(in, &params.port)) < 0 ||
		(params.size > 0 && (e = buf_get(in, params.text, params.size)) < 0)) {
		free(params.text);
		return e;
	}
	if (params.size > 0) {
		params.terminated =
			memchr(params.text, 0, params.size) == params.text + params.size - 1;
		params.text[params.size - 1] = '\0';
	}
	*ret_type = header.type;
	*ret_params = params;
	return 0;
}

void
qrexec_params_finish(struct qrexec_params *params)
{
	free(params->text);
	params->text = NULL;
	params->size = 0;
}

int
qrexec_put_params(struct buf *out, uint32_t type, uint32_t domain, uint32_t port, const void *text,
	size_t size)
{
	int e;

	if (size > UINT32_MAX - QREXEC_PARAMS_BYTES)
		return -EMSGSIZE;
	if ((e = qrexec_put_header(out, type, QREXEC_PARAMS_BYTES + (uint32_t)size)) < 0)
		return e;
	if ((e = buf_put_u32(out, domain)) < 0 || (e = buf_put_u32(out, port)) < 0)
		return e;
	return size > 0 ? buf_put(out, text, size) : 0;
}

bool
qrexec_trigger_allowed(uint32_t type, uint32_t version)
{
	switch (type) {
	case QREXEC_TRIGGER_SERVICE:
		return version < 3;
	case QREXEC_TRIGGER_SERVICE3:
		return version >= 3;
	case QREXEC_TRIGGER_SERVICE4:
		return version >= 4;
	default:
		return false;
	}
}

uint32_t
qrexec_trigger_type(uint32_t version)
{
	if (version >= 4)
		return QREXEC_TRIGGER_SERVICE4;
	return version == 3 ? QREXEC_TRIGGER_SERVICE3 : QREXEC_TRIGGER_SERVICE;
}

bool
qrexec_trigger_length_valid(uint32_t type, uint32_t length)
{
	switch (type) {
	case QREXEC_TRIGGER_SERVICE:
		return length == QREXEC_TRIGGER2_BYTES;
	case QREXEC_TRIGGER_SERVICE3:
		return length > QREXEC_TRIGGER3_HEAD_BYTES &&
		       length <= QREXEC_TRIGGER3_HEAD_BYTES + QREXEC_SERVICE_BYTES;
	case QREXEC_TRIGGER_SERVICE4:
		return length > QREXEC_TRIGGER4_HEAD_BYTES &&
		       length <= QREXEC_TRIGGER4_HEAD_BYTES + QREXEC_SERVICE_BYTES;
	default:
		return false;
	}
}

/* A fixed field of `wire_size` bytes, at most what `field` holds; ends at its first NUL. */
static int
get_field(struct buf *in, char field[QREXEC_NAME_BYTES], size_t wire_size)
{
	int e;

	if ((e = buf_get(in, field, wire_size)) < 0)
		return e;
	field[wire_size - 1] = '\0';
	memset(field + strlen(field), 0, wire_size - strlen(field));
	return 0;
}

/* The service comes first and is a field of fixed size: what counts ends at its first NUL. */
static int
get_trigger2(struct buf *in, struct qrexec_trigger *trigger)
{
	int e;

	if ((e = buf_get(in, trigger->service, QREXEC_NAME_BYTES)) < 0 ||
		(e = get_field(in, trigger->target, QREXEC_TRIGGER2_TARGET_BYTES)) < 0)
		return e;
	trigger->size = strnlen(trigger->service, QREXEC_NAME_BYTES) + 1;
	return buf_get(in, trigger->id, sizeof(trigger->id));
}

static int
get_trigger34(struct buf *in, const struct qrexec_header *header, struct qrexec_trigger *trigger)
{
	size_t head_size = QREXEC_TRIGGER3_HEAD_BYTES;
	int e;

	if (header->type == QREXEC_TRIGGER_SERVICE4) {
		head_size = QREXEC_TRIGGER4_HEAD_BYTES;
		if ((e = get_field(in, trigger->source, QREXEC_NAME_BYTES)) < 0)
			return e;
	}
	if ((e = get_field(in, trigger->target, QREXEC_NAME_BYTES)) < 0 ||
		(e = buf_get(in, trigger->id, sizeof(trigger->id))) < 0)
		return e;
	trigger->size = header->length - head_size;
	return buf_get(in, trigger->service, trigger->size);
}

int
qrexec_get_trigger(struct buf *in, struct qrexec_trigger *ret_trigger)
{
	struct qrexec_trigger trigger = {0};
	struct qrexec_header header;
	int e;

	if ((e = qrexec_header_peek(in, &header)) < 0)
		return e;
	if (!qrexec_trigger_length_valid(header.type, header.length))
		return -EBADMSG;
	if (buf_len(in) - QREXEC_HEADER_BYTES < header.length)
		return -EAGAIN;
	/* Larger than any service in it, so that a NUL always follows. */
	if ((trigger.service = calloc(1, header.length)) == NULL)
		return -ENOMEM;

	if ((e = frame_begin(in, &header)) == 0) {
		if (header.type == QREXEC_TRIGGER_SERVICE)
			e = get_trigger2(in, &trigger);
		else
			e = get_trigger34(in, &header, &trigger);
	}
	if (e < 0) {
		free(trigger.service);
		return e;
	}
	*ret_trigger = trigger;
	return 0;
}

void
qrexec_trigger_finish(struct qrexec_trigger *trigger)
{
	free(trigger->service);
	trigger->service = NULL;
	trigger->size = 0;
}

/* Puts a text into a field of fixed size, padded with zeros. */
static int
put_field(struct buf *out, const char *text, size_t text_size, size_t wire_size)
{
	uint8_t *field = buf_reserve(out, wire_size);

	if (field == NULL)
		return -ENOBUFS;
	memset(field, 0, wire_size);
	memcpy(field, text, text_size);
	return 0;
}

static int
put_trigger2(struct buf *out, const struct qrexec_trigger *trigger)
{
	int e;

	if (trigger->size > QREXEC_NAME_BYTES ||
		strlen(trigger->target) >= QREXEC_TRIGGER2_TARGET_BYTES)
		return -EMSGSIZE;
	if ((e = qrexec_put_header(out, QREXEC_TRIGGER_SERVICE, QREXEC_TRIGGER2_BYTES)) < 0 ||
		(e = put_field(out, trigger->service, trigger->size, QREXEC_NAME_BYTES)) < 0 ||
		(e = put_field(out, trigger->target, strlen(trigger->target),
			 QREXEC_TRIGGER2_TARGET_BYTES)) < 0)
		return e;
	return buf_put(out, trigger->id, sizeof(trigger->id));
}

int
qrexec_put_trigger(struct buf *out, uint32_t version, const struct qrexec_trigger *trigger)
{
	uint32_t type = qrexec_trigger_type(version);
	size_t head_size = type == QREXEC_TRIGGER_SERVICE4 ? QREXEC_TRIGGER4_HEAD_BYTES
							   : QREXEC_TRIGGER3_HEAD_BYTES;
	int e;

	if (type != QREXEC_TRIGGER_SERVICE4 && trigger->source[0] != '\0')
		return -EPROTO;
	if (trigger->size == 0 || trigger->size > QREXEC_SERVICE_BYTES)
		return -EMSGSIZE;
	if (type == QREXEC_TRIGGER_SERVICE)
		return put_trigger2(out, trigger);

	if ((e = qrexec_put_header(out, type, (uint32_t)(head_size + trigger->size))) < 0)
		return e;
	if (type == QREXEC_TRIGGER_SERVICE4 &&
		(e = put_field(out, trigger->source, strlen(trigger->source), QREXEC_NAME_BYTES)) <
			0)
		return e;
	if ((e = put_field(out, trigger->target, strlen(trigger->target), QREXEC_NAME_BYTES)) < 0 ||
		(e = buf_put(out, trigger->id, sizeof(trigger->id))) < 0)
		return e;
	return buf_put(out, trigger->service, trigger->size);
}

int
qrexec_put_refused(struct buf *out, const uint8_t id[QREXEC_REQUEST_ID_BYTES])
{
	int e;

	if ((e = qrexec_put_header(out, QREXEC_SERVICE_REFUSED, QREXEC_REQUEST_ID_BYTES)) < 0)
		return e;
	return buf_put(out, id, QREXEC_REQUEST_ID_BYTES);
}

int
qrexec_get_refused(struct buf *in, uint8_t ret_id[QREXEC_REQUEST_ID_BYTES])
{
	struct qrexec_header header;
	int e;

	if ((e = qrexec_header_peek(in, &header)) < 0)
		return e;
	if (header.type != QREXEC_SERVICE_REFUSED || header.length != QREXEC_REQUEST_ID_BYTES)
		return -EBADMSG;
	if ((e = frame_begin(in, &header)) < 0)
		return e;
	return buf_get(in, ret_id, QREXEC_REQUEST_ID_BYTES);
}
