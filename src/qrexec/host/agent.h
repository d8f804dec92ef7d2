/*
 * The agent of a qube, as qrexec-daemon has it: found over its control channel, again whenever it
 * went away, and read by a process of its own for each connection (agent_process.h), which runs
 * as the qube's user with no rights. qrexec-daemon itself sees no byte that the qube sent, only
 * what that process says of them; and that, too, may be the qube's word.
 */
#ifndef BULKHEAD_QREXEC_HOST_AGENT_H
#define BULKHEAD_QREXEC_HOST_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/loop.h"
#include "qrexec/common/protocol.h"

/* Unsent bytes above which nobody may cause more to be sent, and above which the agent, too, is
 * no longer listened to. The second is the higher, so that two ends of goodwill never wait for
 * each other. */
#define AGENT_CONGESTED_BYTES 65536
#define AGENT_FULL_BYTES 262144

struct agent_handler {
	/* Versions are agreed: calls can be made. */
	void (*handle_ready)(void *data);
	/* The agent asks for a call; the trigger is borrowed and its texts are as received. */
	void (*handle_trigger)(const struct qrexec_trigger *untrusted_trigger, void *data);
	void (*handle_terminated)(uint32_t untrusted_domain, uint32_t untrusted_port, void *data);
	/* After agent_congested() was true: it no longer is. */
	void (*handle_drained)(void *data);
	/* The agent is gone after handle_ready. A new connection is already being sought. */
	void (*handle_lost)(void *data);
	/* There will never be an agent again. */
	void (*handle_gone)(void *data);
};

struct agent_config {
	int domain;
	const char *name; /* of the qube, for the log */
	uid_t reader_uid; /* whom the reading process runs as; (uid_t)-1: as we do */
};

struct agent;

/* Begins to connect. The name is borrowed. NULL with errno set. */
struct agent *agent_create(struct loop *loop, const struct agent_config *config,
	const struct agent_handler *handler, void *data);
/* With a reader that is there already, connected by this descriptor, which is taken; for tests. */
struct agent *agent_create_read(
	struct loop *loop, int fd, const struct agent_handler *handler, void *data);
void agent_destroy(struct agent *agent);

/* What was agreed with the agent, or 0 while there is none. */
uint32_t agent_version(const struct agent *agent);

/* Whether it is reached over a link; known once it was. */
bool agent_is_over_link(const struct agent *agent);

/* Whether requests have to wait until handle_drained. */
bool agent_congested(const struct agent *agent);

/* A frame of exec_params; text as on the wire. Lost without an agent, as the agent's calls are. */
void agent_send_params(struct agent *agent, uint32_t type, uint32_t domain, uint32_t port,
	const void *text, size_t size);
void agent_send_refused(struct agent *agent, const uint8_t id[QREXEC_REQUEST_ID_BYTES]);

#endif
