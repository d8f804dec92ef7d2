/*
 * What the process that reads a qube's control channel tells qrexec-daemon (agent_process.h):
 * messages of three fixed shapes, so that taking one apart is next to nothing. The sender is
 * hostile as soon as the qube has found a fault in it. In the other direction go frames, complete
 * and ready to be sent, which nobody takes apart.
 *
 *     u32 kind, u32 size, then `size` bytes; little-endian
 *     READY       u32 version                                 once, first
 *     TRIGGER     source[64] target[64] id[32] service... NUL
 *     TERMINATED  u32 domain, u32 port
 *     END                                                     the agent left in good order
 */
#ifndef BULKHEAD_QREXEC_HOST_AGENT_MESSAGE_H
#define BULKHEAD_QREXEC_HOST_AGENT_MESSAGE_H

#include "qrexec/common/protocol.h"

enum agent_message_kind {
	AGENT_READY = 1,
	AGENT_TRIGGER,
	AGENT_TERMINATED,
	AGENT_END,
};

#define AGENT_TRIGGER_HEAD_BYTES (2 * QREXEC_NAME_BYTES + QREXEC_REQUEST_ID_BYTES)
#define AGENT_MESSAGE_MAX_BYTES (8 + AGENT_TRIGGER_HEAD_BYTES + QREXEC_SERVICE_BYTES + 1)

struct agent_message {
	enum agent_message_kind kind;
	uint32_t version;
	uint32_t domain, port;
	/* All texts end with NUL, but are otherwise the qube's; service is borrowed from the
	 * buffer. */
	struct qrexec_trigger trigger;
};

/*
 * Takes the message at the front apart; *ret_size of it are to be consumed when it was dealt with.
 * 0, -EAGAIN while it is not whole, -EBADMSG when it is none.
 */
int agent_message_parse(const struct buf *in, struct agent_message *ret_message, size_t *ret_size);

int agent_message_put_ready(struct buf *out, uint32_t version);
int agent_message_put_trigger(struct buf *out, const struct qrexec_trigger *trigger);
int agent_message_put_terminated(struct buf *out, uint32_t domain, uint32_t port);
int agent_message_put_end(struct buf *out);

#endif
