/*
 * Joining two qubes: for qrexec-daemon, which knows what the policy allowed. The vchan-linkd of
 * each qube is told of one channel and handed one end of a socketpair for it, whereupon
 *
 *     libvchan_server_init(client's domain, port)  in the one qube, and
 *     libvchan_client_init(server's domain, port)  in the other
 *
 * meet, whichever of the two and of the grants comes first. A grant is good for one channel of
 * exactly this address, and ends unused: when it is destroyed (the call died), when the other
 * half is, when a newer one has the same address, when the link of its qube starts anew, and
 * after two minutes. Once a qube has joined, its half needs nobody: the stream lives until
 * either qube closes it. Nothing here waits.
 *
 * Used on the host by processes that may open the sockets of both vchan-linkd; with
 * link_grant_create() alone, one process can tell the one and another process the other.
 */
#ifndef BULKHEAD_VCHAN_LINK_GRANT_H
#define BULKHEAD_VCHAN_LINK_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct link_grant;
struct link_join;

struct link_grant_config {
	uint32_t domain;      /* of the qube whose vchan-linkd is told */
	uint32_t peer_domain; /* of the other qube */
	uint32_t port;
	bool serves; /* the qube is the server of the channel, else its client */
};

/*
 * How it ended, called once: 0 the qube has joined; negative errno: -ECONNREFUSED (not granted,
 * replaced, or out of time), -ENOENT (no vchan-linkd for this domain), -ECONNRESET (the other
 * half, vchan-linkd or its session ended). The callback may destroy the object.
 */
typedef void (*link_grant_callback)(struct link_grant *grant, int result, void *data);

/*
 * One half. Takes `fd`, one end of a socketpair (socket_pair() of base/socket.h), also on
 * failure. NULL with errno set.
 */
struct link_grant *link_grant_create(struct loop *loop, const struct link_grant_config *config,
	int fd, link_grant_callback callback, void *data);

/* Frees, and revokes what was not used yet. NULL is fine. */
void link_grant_destroy(struct link_grant *grant);

/*
 * Both halves. The callback says 0 when both qubes have joined, else the first failure; then what
 * was not used of the other half is revoked already.
 */
typedef void (*link_join_callback)(struct link_join *join, int result, void *data);
struct link_join *link_join_create(struct loop *loop, uint32_t server_domain,
	uint32_t client_domain, uint32_t port, link_join_callback callback, void *data);

/* Frees, and revokes what was not used yet. NULL is fine. */
void link_join_destroy(struct link_join *join);

/*
 * System calls this makes beyond those that sandbox_enter() always allows; it also needs to reach
 * /run/vchan.
 */
#define LINK_GRANT_SYSCALLS SYS_socket, SYS_socketpair, SYS_connect, SYS_openat

#endif
