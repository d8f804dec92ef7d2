/* A client of the daemon's local socket that sends anything, in pieces of any size. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/socket.h"
#include "qrexec/common/protocol.h"
#include "qrexec/host/local_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	unsigned int requests, gone, asked;
	bool congested;
};

static bool
handle_request(struct local_client *client, const struct local_request *request, void *data)
{
	struct seen *seen = data;

	seen->requests++;
	assert(request->size >= 1 && request->size <= QREXEC_LOCAL_BODY_MAX - QREXEC_PARAMS_BYTES);
	assert(request->text[request->size - 1] == '\0');
	assert(request->port == 0 || qrexec_port_valid(request->port));
	if (request->type == QREXEC_SERVICE_CONNECT)
		return false;
	assert(strlen(request->text) == request->size - 1);
	local_client_answer(client, request->type, 42, 513);
	return true;
}

static bool
is_congested(void *data)
{
	struct seen *seen = data;

	return seen->asked++ == 0 && seen->congested;
}

static void
handle_client_gone(struct local_client *client, void *data)
{
	struct seen *seen = data;

	(void)client;
	seen->gone++;
}

static const struct local_server_handler handler = {
	.handle_request = handle_request,
	.is_congested = is_congested,
	.handle_client_gone = handle_client_gone,
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {0};
	struct local_server *server;
	struct loop *loop;
	int pair[2];
	size_t piece;

	if (size < 2 || socket_pair(pair) < 0)
		return 0;
	log_set_level(LOG_LEVEL_ERROR);
	piece = (size_t)(data[0] & 0x7f) + 1;
	seen.congested = (data[0] & 0x80) != 0;
	loop = loop_create();
	assert(loop != NULL);
	server = local_server_create(loop, eventfd(0, EFD_CLOEXEC), &handler, &seen);
	assert(server != NULL);
	local_server_add(server, pair[0]);
	for (size_t done = 1; done < size; done += piece) {
		size_t count = size - done < piece ? size - done : piece;

		if (send(pair[1], data + done, count, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		while (loop_step(loop, 0) > 0)
			;
		local_server_resume(server);
	}
	close(pair[1]);
	while (loop_step(loop, 0) > 0)
		;
	local_server_destroy(server);
	loop_destroy(loop);
	assert(seen.requests <= 1 && seen.gone <= seen.requests);
	return 0;
}
