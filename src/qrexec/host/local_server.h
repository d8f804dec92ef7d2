/*
 * The socket on which a qube's daemon takes requests of this host's programs (spec qrexec.md
 * 2.6). Each connection carries one request and then only waits for its end. The programs are
 * dom0's, yet are parsed like any peer.
 */
#ifndef BULKHEAD_QREXEC_HOST_LOCAL_SERVER_H
#define BULKHEAD_QREXEC_HOST_LOCAL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"

/* Connections at once; more wait in the backlog. */
#define LOCAL_CLIENTS_MAX 512
/* From the connection to a complete request. */
#define LOCAL_REQUEST_TIMEOUT_MS 60000

struct local_request {
	uint32_t type;    /* EXEC_CMDLINE, JUST_EXEC or SERVICE_CONNECT */
	uint32_t domain;  /* the other end of the data channel */
	uint32_t port;    /* 0: to be allocated, else in range */
	const char *text; /* borrowed; its last byte on the wire is NUL */
	size_t size;      /* with that NUL */
};

struct local_server;
struct local_client;

struct local_server_handler {
	/*
	 * A complete request. False: the connection is closed without an answer. Not called
	 * while is_congested says that the agent can take no more.
	 */
	bool (*handle_request)(
		struct local_client *client, const struct local_request *request, void *data);
	bool (*is_congested)(void *data);
	/* A client that made a request goes, of its own will or by local_client_close(). */
	void (*handle_client_gone)(struct local_client *client, void *data);
};

/* Takes the listening descriptor. NULL with errno set; the descriptor is then closed. */
struct local_server *local_server_create(
	struct loop *loop, int listen_fd, const struct local_server_handler *handler, void *data);
/* Serves one more connection, as if it had been accepted; the descriptor is taken. */
void local_server_add(struct local_server *server, int fd);
/* Closes all connections. NULL is fine. */
void local_server_destroy(struct local_server *server);

/* The congestion is over: looks at requests that were held back. */
void local_server_resume(struct local_server *server);

/* Answers a request: the same type, our domain, the port. */
void local_client_answer(
	struct local_client *client, uint32_t type, uint32_t domain, uint32_t port);

/* The process that made the connection, by pidfd, or -1 when it is no more. */
int local_client_process(const struct local_client *client);

/* Closes the connection: the call is over. Not from within handle_request. */
void local_client_close(struct local_client *client);

/*
 * Parses the body of a request, all of it and nothing more. NULL, or the name of the field that
 * the protocol does not permit.
 */
const char *local_request_parse(
	uint32_t type, const void *body, size_t size, struct local_request *ret_request);

#endif
