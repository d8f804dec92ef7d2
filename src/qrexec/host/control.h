/*
 * The control channel of a qube's agent (spec qrexec.md 2.5), once it is joined: negotiates, takes
 * frames apart and checks their shape. The agent is hostile: what breaks the protocol ends the
 * channel, and what comes through here is still the agent's word.
 */
#ifndef BULKHEAD_QREXEC_HOST_CONTROL_H
#define BULKHEAD_QREXEC_HOST_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"
#include "qrexec/common/protocol.h"

struct control_handler {
	/* Versions are agreed: calls can be made. */
	void (*handle_ready)(uint32_t version, void *data);
	/* The agent asks for a call; the trigger is borrowed and its texts are as received. */
	void (*handle_trigger)(const struct qrexec_trigger *untrusted_trigger, void *data);
	void (*handle_terminated)(uint32_t untrusted_domain, uint32_t untrusted_port, void *data);
	/* After control_send() could not take all: there is room again. */
	void (*handle_room)(void *data);
	/* The channel is over, in good order or by a violation (which is logged); the last call. */
	void (*handle_lost)(bool in_order, void *data);
};

struct control;

/* The connection is taken, or closed on failure. NULL with errno set. */
struct control *control_create(
	struct loop *loop, int fd, const struct control_handler *handler, void *data);
void control_destroy(struct control *control);

/* Stops and resumes taking frames; handlers may be called from within control_resume(). */
void control_pause(struct control *control);
void control_resume(struct control *control);

/* Sends bytes of frames to the agent, as many as there is room for; returns how many. */
size_t control_send(struct control *control, const void *bytes, size_t size);

#endif
