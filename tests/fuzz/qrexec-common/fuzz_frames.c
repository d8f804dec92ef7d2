/*
 * The frames of control channel and local sockets, as the agent and the daemon take them: bytes in
 * pieces, each parser, and what is parsed put back on the wire must be what came.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "qrexec/common/protocol.h"

#define IN_MAX 140000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
take_params(struct buf *in)
{
	struct qrexec_params params;
	uint32_t type;
	int e = qrexec_get_params(in, QREXEC_LOCAL_BODY_MAX, &type, &params);

	if (e < 0)
		return e;
	assert(params.text == NULL || strlen(params.text) < params.size);
	qrexec_params_finish(&params);
	return 0;
}

static int
take_trigger(struct buf *in)
{
	struct qrexec_trigger trigger, again;
	struct buf out;
	int e = qrexec_get_trigger(in, &trigger);

	if (e < 0)
		return e;
	if (qrexec_service_valid(trigger.service, trigger.size))
		assert(strlen(trigger.service) + 1 == trigger.size);
	buf_init(&out, IN_MAX);
	if (qrexec_put_trigger(&out, 4, &trigger) == 0) {
		assert(qrexec_get_trigger(&out, &again) == 0);
		assert(again.size == trigger.size);
		assert(memcmp(again.service, trigger.service, again.size) == 0);
		assert(memcmp(again.source, trigger.source, sizeof(again.source)) == 0);
		assert(memcmp(again.target, trigger.target, sizeof(again.target)) == 0);
		qrexec_trigger_finish(&again);
	}
	buf_finish(&out);
	qrexec_request_id_valid(trigger.id);
	qrexec_clean_name(trigger.source);
	qrexec_clean_name(trigger.target);
	qrexec_clean_service(trigger.service);
	qrexec_trigger_finish(&trigger);
	return 0;
}

static int
take(struct buf *in)
{
	struct qrexec_header header;
	uint8_t id[QREXEC_REQUEST_ID_BYTES];
	uint32_t version;

	if (qrexec_header_peek(in, &header) < 0)
		return -EAGAIN;
	switch (header.type) {
	case QREXEC_HELLO:
		return qrexec_get_hello(in, &version);
	case QREXEC_SERVICE_REFUSED:
		return qrexec_get_refused(in, id);
	case QREXEC_TRIGGER_SERVICE:
	case QREXEC_TRIGGER_SERVICE3:
	case QREXEC_TRIGGER_SERVICE4:
		return take_trigger(in);
	default:
		return take_params(in);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size > 0 ? data[0] + 1u : 1;
	struct buf in;
	int e = -EAGAIN;

	buf_init(&in, IN_MAX);
	for (size_t at = 1; at < size && e == -EAGAIN; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (buf_put(&in, data + at, n) < 0)
			break;
		while ((e = take(&in)) == 0)
			;
	}
	buf_finish(&in);
	return 0;
}
