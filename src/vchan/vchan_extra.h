/*
 * What our own programs need of a vchan beyond libvchan.h: time limits, set-up driven by an event
 * loop, explicit addresses, and the socket beneath for readv(), writev() and splice().
 *
 * Over both transports a connected channel is nothing but a raw byte stream on a non-blocking
 * unix stream socket. A program with an event loop of its own therefore does this:
 *
 *     c = vchan_create(&config);            watch libvchan_fd_for_select(c) for EPOLLIN
 *     on each event: vchan_advance(c)       until it returns VCHAN_CONNECTED (or an error)
 *     fd = vchan_detach(c)                  from here on an ordinary socket of the program's own
 */
#ifndef BULKHEAD_VCHAN_EXTRA_H
#define BULKHEAD_VCHAN_EXTRA_H

#include <libvchan.h>
#include <stdbool.h>
#include <stddef.h>

/* Ports that exist: the control channel of qrexec, then its data channels; the windows. */
#define VCHAN_PORT_MIN 512
#define VCHAN_PORT_MAX 768
#define VCHAN_PORT_GUI 6000

static inline bool
vchan_port_exists(int port)
{
	return (port >= VCHAN_PORT_MIN && port <= VCHAN_PORT_MAX) || port == VCHAN_PORT_GUI;
}

enum vchan_transport {
	VCHAN_TRANSPORT_AUTO, /* by environment and what is there, as libvchan does */
	VCHAN_TRANSPORT_UNIX,
	VCHAN_TRANSPORT_LINK,
};

/* The domain a program speaks for when it does not say otherwise. */
#define VCHAN_DOMAIN_SELF (-1)

struct vchan_config {
	bool server;
	int domain; /* of the peer */
	int port;
	int own_domain; /* VCHAN_DOMAIN_SELF, or whom a host program stands for */
	enum vchan_transport transport;
	const char *socket_dir;     /* unix: instead of VCHAN_SOCKET_DIR, or NULL */
	size_t read_min, write_min; /* server: as for libvchan_server_init() */
	bool rings; /* it will be used by vchan_stream.h, which can do faster than the socket */
};

#define VCHAN_CONFIG_INIT                                                                          \
	{                                                                                          \
		.own_domain = VCHAN_DOMAIN_SELF                                                    \
	}

/*
 * Begins to serve or to join, without waiting. NULL with errno set when it can not ever work.
 * The result is in blocking mode (libvchan_set_blocking()) as far as libvchan_read() and the
 * others are concerned.
 */
libvchan_t *vchan_create(const struct vchan_config *config);

/*
 * Makes what progress is possible without waiting. VCHAN_CONNECTED, VCHAN_WAITING, or a negative
 * errno: -ECONNREFUSED (not granted), -ECONNRESET (joined and lost), -ENODEV (domain is gone).
 */
int vchan_advance(libvchan_t *c);

/* Waits until joined: 0, -ETIMEDOUT, or as vchan_advance(). timeout_ms -1: for ever. */
int vchan_wait_connected(libvchan_t *c, int timeout_ms);

/* libvchan_client_init() with a time limit in milliseconds (-1: none); errno ETIMEDOUT. */
libvchan_t *vchan_client_connect(int domain, int port, int timeout_ms);

/* Whether it goes over a link, where the host has to join the channels of two qubes. */
bool vchan_is_over_link(const libvchan_t *c);

/* The connected socket (borrowed, non-blocking), or -1 while there is none. */
int vchan_data_fd(const libvchan_t *c);

/*
 * Gives the connected socket to the caller and frees the channel. -1, and the channel stays, when
 * it is not connected. End of file on the socket is the disconnect; send with MSG_NOSIGNAL.
 */
int vchan_detach(libvchan_t *c);

/* Whether vchan-linkd may offer rings on the socket: ask before vchan_detach(). */
bool vchan_may_ring(const libvchan_t *c);

/* Nothing more will be written; what was written still arrives. 0 or negative errno. */
int vchan_shutdown_write(libvchan_t *c);

/*
 * System calls that libvchan makes, beyond those that sandbox_enter() always allows; for the list
 * that a confined program hands to it.
 */
#define VCHAN_SYSCALLS                                                                             \
	SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept4, SYS_sendto, SYS_recvfrom,      \
		SYS_shutdown, SYS_getsockopt, SYS_setsockopt, SYS_ioctl, SYS_poll, SYS_ppoll,      \
		SYS_openat, SYS_newfstatat, SYS_rename, SYS_renameat2, SYS_unlink, SYS_unlinkat,   \
		SYS_mkdir, SYS_inotify_init1, SYS_inotify_add_watch, SYS_timerfd_create,           \
		SYS_timerfd_settime

#endif
