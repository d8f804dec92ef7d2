/*
 * A hostile agent: whatever it sends over the control channel, in pieces of any size, ends in
 * refusals, released ports or the end of the channel. The first bytes of the input choose the
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
#include "qrexec/host/call.h"
#include "qrexec/host/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct daemon {
	struct control *control;
	struct call_table calls;
	struct port_table ports;
	bool lost;
};

static void
handle_ready(void *data)
{
	struct daemon *d = data;

	assert(control_version(d->control) >= QREXEC_VERSION_MIN &&
		control_version(d->control) <= QREXEC_VERSION);
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

static const struct control_handler handler = {
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
	d.control = control_create_connected(loop, pair[0], &handler, &d);
	d.calls = (struct call_table){
		.loop = loop,
		.domain = 42,
		.name = "alpha",
		.uuid = "",
		.socket_directory = "/nonexistent",
		.admin_socket = "/nonexistent/qubesd.sock",
		.control = d.control,
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
	control_destroy(d.control);
	policy_client_destroy(d.calls.policy);
	loop_destroy(loop);
	return 0;
}
