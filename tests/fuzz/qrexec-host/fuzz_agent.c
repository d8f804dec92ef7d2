/*
 * A reader of the agent that the qube has taken over: whatever it tells qrexec-daemon, in pieces of
 * any size, ends in refusals, released ports or its end. The first byte of the input chooses the
 * size of the pieces.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/socket.h"
#include "qrexec/host/agent.h"
#include "qrexec/host/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct daemon {
	struct agent *agent;
	struct call_table calls;
	struct port_table ports;
	bool lost;
};

static void
handle_ready(void *data)
{
	struct daemon *d = data;

	assert(agent_version(d->agent) >= QREXEC_VERSION_MIN &&
		agent_version(d->agent) <= QREXEC_VERSION);
}

static void
handle_trigger(const struct qrexec_trigger *untrusted_trigger, void *data)
{
	struct daemon *d = data;

	assert(!d->lost);
	call_begin(&d->calls, untrusted_trigger);
	assert(d->calls.unanswered <= QREXEC_CALLS_MAX);
}

static void
handle_terminated(uint32_t untrusted_domain, uint32_t untrusted_port, void *data)
{
	struct daemon *d = data;
	void *holder;

	assert(qrexec_port_valid(untrusted_port));
	port_table_release(&d->ports, untrusted_domain, untrusted_port, &holder);
}

static void
handle_drained(void *data)
{
	(void)data;
}

static void
handle_lost(void *data)
{
	struct daemon *d = data;

	d->lost = true;
	call_table_cancel(&d->calls, true);
}

static const struct agent_handler handler = {
	.handle_ready = handle_ready,
	.handle_trigger = handle_trigger,
	.handle_terminated = handle_terminated,
	.handle_drained = handle_drained,
	.handle_lost = handle_lost,
	.handle_gone = handle_lost,
};

static void
swallow(int fd)
{
	uint8_t block[4096];

	while (recv(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
}

static void
turn(struct loop *loop, int fd)
{
	while (loop_step(loop, 0) > 0)
		swallow(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct daemon d = {.lost = false};
	struct loop *loop;
	int pair[2];
	size_t piece;

	if (size < 2 || socket_pair(pair) < 0)
		return 0;
	log_set_level(LOG_LEVEL_ERROR);
	piece = (size_t)data[0] + 1;
	loop = loop_create();
	assert(loop != NULL);
	port_table_init(&d.ports, 42);
	port_table_allocate(&d.ports, 0, NULL);
	d.agent = agent_create_read(loop, pair[0], &handler, &d);
	d.calls = (struct call_table){
		.loop = loop,
		.domain = 42,
		.name = "alpha",
		.uuid = "",
		.socket_directory = "/nonexistent",
		.admin_socket = "/nonexistent/qubesd.sock",
		.agent = d.agent,
		.ports = &d.ports,
		.policy = policy_client_create(loop, "/nonexistent/policy.sock", NULL),
	};
	call_table_init(&d.calls);
	for (size_t done = 1; done < size && !d.lost; done += piece) {
		size_t count = size - done < piece ? size - done : piece;

		if (send(pair[1], data + done, count, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		turn(loop, pair[1]);
	}
	close(pair[1]);
	turn(loop, -1);
	call_table_finish(&d.calls);
	agent_destroy(d.agent);
	policy_client_destroy(d.calls.policy);
	loop_destroy(loop);
	return 0;
}
