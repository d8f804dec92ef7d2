/*
 * The control channel to a qube's agent (spec qrexec.md 2.5): connects, negotiates, takes frames
 * apart and checks their shape, and begins again when the agent goes away. The agent is hostile:
 * what breaks the protocol ends the channel, not the daemon, and what comes through here is still
 * the agent's word.
 */
#ifndef BULKHEAD_QREXEC_HOST_CONTROL_H
#define BULKHEAD_QREXEC_HOST_CONTROL_H

#include <stdbool.h>

#include "base/loop.h"
#include "qrexec/common/protocol.h"

/* Unsent bytes above which nobody may cause more to be sent, and above which the agent, too, is
 * no longer read. The second is the higher, so that two ends of goodwill never wait for each
 * other. */
#define CONTROL_CONGESTED_BYTES 65536
#define CONTROL_FULL_BYTES 262144

struct control_handler {
	/* Versions are agreed: calls can be made. */
	void (*handle_ready)(void *data);
	/* The agent asks for a call; the trigger is borrowed and its texts are as received. */
	void (*handle_trigger)(const struct qrexec_trigger *untrusted_trigger, void *data);
	void (*handle_terminated)(uint32_t untrusted_domain, uint32_t untrusted_port, void *data);
	/* After control_congested() was true: it no longer is. */
	void (*handle_drained)(void *data);
	/* The agent is gone after handle_ready. A new connection is already being sought. */
	void (*handle_lost)(void *data);
	/* There will never be an agent again. */
	void (*handle_gone)(void *data);
};

struct control;

/* Begins to connect to the agent in `domain`. NULL with errno set. */
struct control *control_create(
	struct loop *loop, int domain, const struct control_handler *handler, void *data);
/* The same on a connection that is there already; it is taken, or closed on failure. */
struct control *control_create_connected(
	struct loop *loop, int fd, const struct control_handler *handler, void *data);
void control_destroy(struct control *control);

/* What was agreed with the agent, or 0 while there is none. */
uint32_t control_version(const struct control *control);

/* Whether requests have to wait until handle_drained. */
bool control_congested(const struct control *control);

/* A frame of exec_params; text as on the wire. Lost without an agent, as the agent's calls are. */
void control_send_params(struct control *control, uint32_t type, uint32_t domain, uint32_t port,
	const void *text, size_t size);
void control_send_refused(struct control *control, const uint8_t id[QREXEC_REQUEST_ID_BYTES]);

#endif
