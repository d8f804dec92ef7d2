/*
 * libvchan: a two-way byte stream between two domains, named by the ordered triple (server
 * domain, client domain, port). Programs written for the vchan API of other systems can be
 * linked against this library unchanged.
 *
 * A channel is used by one thread at a time. Unless stated otherwise functions return a negative
 * number on failure, with errno set. Writing to a channel whose peer has gone never raises
 * SIGPIPE.
 *
 * Environment:
 *   VCHAN_TRANSPORT   "unix" or "link"; how it is chosen when not set: vchan-linkd(8)
 *   VCHAN_SOCKET_DIR  transport unix: where the sockets are, default /var/run/vchan
 *   VCHAN_DOMAIN      transport unix: our own domain number, default 0
 */
#ifndef LIBVCHAN_H
#define LIBVCHAN_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct libvchan;
typedef struct libvchan libvchan_t;
typedef int EVTCHN;

/* What libvchan_is_open() returns. */
#define VCHAN_DISCONNECTED 0
#define VCHAN_CONNECTED 1
#define VCHAN_WAITING 2

/*
 * Offers a channel to one domain. Returns at once, in state VCHAN_WAITING, with room for at least
 * read_min and write_min bytes under way; NULL on error. Serves one client: after a disconnect
 * the channel does not wait for another.
 */
libvchan_t *libvchan_server_init(int domain, int port, size_t read_min, size_t write_min);

/* Joins a channel, waiting until its server exists. NULL on error or when the domain is gone. */
libvchan_t *libvchan_client_init(int domain, int port);

/*
 * The same without waiting: returns at once. Each time *watch_fd (owned by the channel) is
 * readable, call libvchan_client_init_async_finish().
 */
libvchan_t *libvchan_client_init_async(int domain, int port, EVTCHN *watch_fd);

/*
 * Returns 0 when joined, a positive number when more waiting is needed, a negative one when it
 * failed (then close the channel). `blocking` is the mode of all later I/O.
 */
int libvchan_client_init_async_finish(libvchan_t *ctrl, bool blocking);

/* Whether read, write, recv and send wait (the default) or return 0 when they would have to. */
void libvchan_set_blocking(libvchan_t *ctrl, bool blocking);

/* Writes what fits, at least one byte; returns the count. */
int libvchan_write(libvchan_t *ctrl, const void *data, size_t size);

/* Writes all of it; returns size. */
int libvchan_send(libvchan_t *ctrl, const void *data, size_t size);

/*
 * Reads what is there, at least one byte; returns the count. After a disconnect first delivers
 * all the peer had written, then fails.
 */
int libvchan_read(libvchan_t *ctrl, void *data, size_t size);

/* Reads exactly size bytes; returns size. */
int libvchan_recv(libvchan_t *ctrl, void *data, size_t size);

/*
 * Sleeps until there is data, room or a new state, and clears the readable condition of
 * libvchan_fd_for_select(). Does not sleep when that descriptor was readable, nor when the
 * channel is disconnected. May return early: look at what is there. 0, or negative.
 */
int libvchan_wait(libvchan_t *ctrl);

/* Disconnects and frees. What was written still reaches the peer. NULL is fine. */
void libvchan_close(libvchan_t *ctrl);

/*
 * A descriptor to poll for POLLIN (and nothing else): readable when something changed since the
 * last libvchan_wait(). It is the same one for the life of the channel, and owned by it.
 */
EVTCHN libvchan_fd_for_select(libvchan_t *ctrl);

/* VCHAN_DISCONNECTED (the peer or its domain is gone), VCHAN_CONNECTED or VCHAN_WAITING. */
int libvchan_is_open(libvchan_t *ctrl);

/* Bytes that can be read without waiting. */
int libvchan_data_ready(libvchan_t *ctrl);

/* Bytes that can be written without waiting. */
int libvchan_buffer_space(libvchan_t *ctrl);

#ifdef __cplusplus
}
#endif

#endif
