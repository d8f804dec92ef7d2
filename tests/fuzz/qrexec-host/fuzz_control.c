/*
 * A hostile agent: whatever it sends over the control channel, in pieces of any size, becomes
 * messages that qrexec-daemon takes apart again to the same, or ends the channel. The first byte of
 * the input chooses the size of the pieces.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/socket.h"
#include "qrexec/host/agent_message.h"
#include "qrexec/host/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lost;

static struct agent_message
there_and_back(struct buf *b)
{
	struct agent_message m;
	size_t size;

	assert(agent_message_parse(b, &m, &size) == 0 && size == buf_len(b));
	return m;
}

static void
handle_ready(uint32_t version, void *data)
{
	AUTO_BUF struct buf b;

	(void)data;
	assert(version >= QREXEC_VERSION_MIN && version <= QREXEC_VERSION);
	buf_init(&b, AGENT_MESSAGE_MAX_BYTES);
	assert(agent_message_put_ready(&b, version) == 0);
	assert(there_and_back(&b).version == version);
}

static void
handle_trigger(const struct qrexec_trigger *untrusted, void *data)
{
	struct agent_message m;
	AUTO_BUF struct buf b;

	(void)data;
	assert(!lost);
	buf_init(&b, AGENT_MESSAGE_MAX_BYTES);
	assert(agent_message_put_trigger(&b, untrusted) == 0);
	m = there_and_back(&b);
	assert(m.trigger.size == untrusted->size);
	assert(memcmp(m.trigger.service, untrusted->service, untrusted->size) == 0);
	assert(memcmp(m.trigger.id, untrusted->id, sizeof(m.trigger.id)) == 0);
	assert(strcmp(m.trigger.target, untrusted->target) == 0);
	assert(strcmp(m.trigger.source, untrusted->source) == 0);
}

static void
handle_terminated(uint32_t untrusted_domain, uint32_t untrusted_port, void *data)
{
	struct agent_message m;
	AUTO_BUF struct buf b;

	(void)data;
	assert(qrexec_port_valid(untrusted_port));
	buf_init(&b, AGENT_MESSAGE_MAX_BYTES);
	assert(agent_message_put_terminated(&b, untrusted_domain, untrusted_port) == 0);
	m = there_and_back(&b);
	assert(m.domain == untrusted_domain && m.port == untrusted_port);
}

static void
handle_room(void *data)
{
	(void)data;
}

static void
handle_lost(bool in_order, void *data)
{
	(void)in_order;
	(void)data;
	assert(!lost);
	lost = true;
}

static void
turn(struct loop *loop, int fd)
{
	uint8_t block[4096];

	while (loop_step(loop, 0) > 0) {
		while (recv(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
			;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct control_handler handler = {
		.handle_ready = handle_ready,
		.handle_trigger = handle_trigger,
		.handle_terminated = handle_terminated,
		.handle_room = handle_room,
		.handle_lost = handle_lost,
	};
	struct control *control;
	struct loop *loop;
	int pair[2];
	size_t piece;

	if (size < 2 || socket_pair(pair) < 0)
		return 0;
	log_set_level(LOG_LEVEL_ERROR);
	piece = (size_t)data[0] + 1;
	lost = false;
	loop = loop_create();
	assert(loop != NULL);
	control = control_create(loop, pair[0], &handler, NULL);
	assert(control != NULL);
	for (size_t done = 1; done < size && !lost; done += piece) {
		size_t count = size - done < piece ? size - done : piece;

		if (send(pair[1], data + done, count, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		turn(loop, pair[1]);
	}
	close(pair[1]);
	turn(loop, -1);
	assert(lost);
	control_destroy(control);
	loop_destroy(loop);
	return 0;
}
