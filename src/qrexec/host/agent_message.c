/* Messages about the agent. Made in its reader, taken apart in qrexec-daemon. */
#include "qrexec/host/agent_message.h"

#include <errno.h>
#include <string.h>

#define HEAD_BYTES 8

static bool
size_valid(uint32_t kind, uint32_t size)
{
	switch (kind) {
	case AGENT_READY:
		return size == 4;
	case AGENT_TRIGGER:
		return size > AGENT_TRIGGER_HEAD_BYTES + 1 &&
		       size <= AGENT_TRIGGER_HEAD_BYTES + QREXEC_SERVICE_BYTES + 1;
	case AGENT_TERMINATED:
		return size == 8;
	case AGENT_END:
		return size == 0;
	default:
		return false;
	}
}

/* The service as it was on the wire, with or without a NUL of its own, and after it one of ours. */
static int
parse_trigger(const uint8_t *body, uint32_t size, struct qrexec_trigger *ret_trigger)
{
	struct qrexec_trigger t = {.size = size - AGENT_TRIGGER_HEAD_BYTES - 1};

	memcpy(t.source, body, sizeof(t.source));
	memcpy(t.target, body + sizeof(t.source), sizeof(t.target));
	memcpy(t.id, body + sizeof(t.source) + sizeof(t.target), sizeof(t.id));
	if (t.source[sizeof(t.source) - 1] != '\0' || t.target[sizeof(t.target) - 1] != '\0' ||
		body[size - 1] != '\0')
		return -EBADMSG;
	t.service = (char *)(uintptr_t)(body + AGENT_TRIGGER_HEAD_BYTES);
	*ret_trigger = t;
	return 0;
}

int
agent_message_parse(const struct buf *in, struct agent_message *ret_message, size_t *ret_size)
{
	struct agent_message m = {0};
	uint32_t kind, size;
	int result = 0;

	if (buf_peek_u32(in, 0, &kind) < 0 || buf_peek_u32(in, 4, &size) < 0)
		return -EAGAIN;
	if (!size_valid(kind, size))
		return -EBADMSG;
	if (buf_len(in) < HEAD_BYTES + (size_t)size)
		return -EAGAIN;
	m.kind = (enum agent_message_kind)kind;
	if (kind == AGENT_READY) {
		result = buf_peek_u32(in, HEAD_BYTES, &m.version);
	} else if (kind == AGENT_TERMINATED) {
		result = buf_peek_u32(in, HEAD_BYTES, &m.domain);
		if (result == 0)
			result = buf_peek_u32(in, HEAD_BYTES + 4, &m.port);
	} else if (kind == AGENT_TRIGGER) {
		result = parse_trigger(buf_data(in) + HEAD_BYTES, size, &m.trigger);
	}
	if (result < 0)
		return -EBADMSG;
	*ret_message = m;
	*ret_size = HEAD_BYTES + (size_t)size;
	return 0;
}

static int
put_head(struct buf *out, enum agent_message_kind kind, size_t size)
{
	int result = buf_put_u32(out, kind);

	return result < 0 ? result : buf_put_u32(out, (uint32_t)size);
}

int
agent_message_put_ready(struct buf *out, uint32_t version)
{
	int result = put_head(out, AGENT_READY, 4);

	return result < 0 ? result : buf_put_u32(out, version);
}

int
agent_message_put_trigger(struct buf *out, const struct qrexec_trigger *trigger)
{
	int result = put_head(out, AGENT_TRIGGER, AGENT_TRIGGER_HEAD_BYTES + trigger->size + 1);

	if (result == 0)
		result = buf_put(out, trigger->source, sizeof(trigger->source));
	if (result == 0)
		result = buf_put(out, trigger->target, sizeof(trigger->target));
	if (result == 0)
		result = buf_put(out, trigger->id, sizeof(trigger->id));
	if (result == 0)
		result = buf_put(out, trigger->service, trigger->size);
	return result < 0 ? result : buf_put_u8(out, 0);
}

int
agent_message_put_terminated(struct buf *out, uint32_t domain, uint32_t port)
{
	int result = put_head(out, AGENT_TERMINATED, 8);

	if (result == 0)
		result = buf_put_u32(out, domain);
	return result < 0 ? result : buf_put_u32(out, port);
}

int
agent_message_put_end(struct buf *out)
{
	return put_head(out, AGENT_END, 0);
}
