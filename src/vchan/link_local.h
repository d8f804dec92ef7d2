/*
 * How a local program asks vchan-linkd for a stream, over linkd's unix socket: the program sends
 * one request and waits for one reply. After LINK_LOCAL_JOINED the socket is the stream, raw
 * bytes both ways. Without a reply the request is pending; closing the socket withdraws it.
 * docs/protocols/link.md, section "Local requests".
 */
#ifndef BULKHEAD_VCHAN_LINK_LOCAL_H
#define BULKHEAD_VCHAN_LINK_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define LINK_LOCAL_REQUEST_BYTES 32
#define LINK_LOCAL_REPLY_BYTES 8

/* "The domain this end speaks for": 0 on the host, its own number in a qube. */
#define LINK_LOCAL_DOMAIN_SELF UINT32_MAX

enum link_local_status {
	LINK_LOCAL_JOINED = 0,
	LINK_LOCAL_REFUSED = 1,  /* the request is not allowed, or the other end refused it */
	LINK_LOCAL_REPLACED = 2, /* a newer server took the same address */
};

struct link_local_request {
	bool server;
	uint32_t
		own_domain; /* LINK_LOCAL_DOMAIN_SELF, or (on the host) whom the asker stands for */
	uint32_t peer_domain;
	uint32_t port;
	uint32_t read_min, write_min; /* bytes under way each way, as libvchan_server_init() */
	/*
	 * Host: the stream is a socket that comes with the request, for the host to join two
	 * qubes (link_grant.h). The reply comes on the connection, which then ends.
	 */
	bool grant;
	/* Much may come and go by rings in shared memory (ring.h); linkd decides. */
	bool rings;
};

int link_local_put_request(struct buf *b, const struct link_local_request *request);
/* 0, -EAGAIN when bytes are missing, -EBADMSG. Consumes nothing unless 0. */
int link_local_get_request(struct buf *b, struct link_local_request *ret_request);

int link_local_put_reply(struct buf *b, enum link_local_status status);
int link_local_get_reply(struct buf *b, enum link_local_status *ret_status);

#endif
