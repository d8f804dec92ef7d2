/* qrexec-client -c. Runs in qrexec-client; for a command in dom0 it becomes the data endpoint. */
#include "qrexec/host/client_connect.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/common/protocol.h"
#include "qrexec/host/client_request.h"
#include "qrexec/host/service_endpoint.h"

/*
 * Tells the daemon of the source qube who answers its request: the id goes in full, padded. The
 * number is the name that can not be taken over; without a daemon by number the name is tried.
 */
static int
send_service_connect(
	const struct client_options *o, uint32_t domain, uint32_t port, struct err *err)
{
	AUTO_FREE char *number = text_format("%u", o->source.domain);
	char id[QREXEC_REQUEST_ID_BYTES] = {0};
	struct client_request request = {
		.socket_directory = o->socket_directory,
		.target = number,
		.type = QREXEC_SERVICE_CONNECT,
		.domain = domain,
		.port = port,
		.text = id,
		.size = sizeof(id),
	};
	int fd;

	memcpy(id, o->source.request_id, strlen(o->source.request_id));
	fd = client_request_send(&request, err);
	request.target = o->source.name;
	if (fd < 0 && err->code == ENOENT)
		fd = client_request_send(&request, err);
	return fd;
}

static int
connect_to_qube(const struct client_options *o, struct err *err)
{
	const struct client_request request = {
		.socket_directory = o->socket_directory,
		.target = o->target,
		.type = QREXEC_EXEC_CMDLINE,
		.domain = o->source.domain,
		.text = o->command,
		.size = strlen(o->command) + 1,
	};
	AUTO_FD int target_fd = client_request_send(&request, err);
	AUTO_FD int source_fd = -1;
	uint32_t domain, port;

	if (target_fd < 0 || client_request_await(target_fd, request.type, o->target,
				     o->connect_timeout_ms, &domain, &port, err) < 0)
		return -1;
	source_fd = send_service_connect(o, domain, port, err);
	if (source_fd < 0)
		return -1;
	if (o->wait_for_end)
		client_request_await_end(target_fd);
	return 0;
}

static int
connect_to_dom0(const struct client_options *o, struct err *err)
{
	AUTO_FD int source_fd = send_service_connect(o, 0, 0, err);
	uint32_t domain, port;

	if (source_fd < 0 || client_request_await(source_fd, QREXEC_SERVICE_CONNECT, o->source.name,
				     o->connect_timeout_ms, &domain, &port, err) < 0)
		return -1;
	return service_endpoint_run(
		(int)domain, (int)port, o->source.name, o->command, o->connect_timeout_ms);
}

int
client_connect(const struct client_options *o, struct err *err)
{
	signal(SIGPIPE, SIG_IGN);
	return client_target_is_dom0(o->target) ? connect_to_dom0(o, err) : connect_to_qube(o, err);
}
