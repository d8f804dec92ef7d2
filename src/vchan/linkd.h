/*
 * vchan-linkd: carries the channels of one qube over its virtio port. The same program runs at
 * both ends; on the host there is one for each qube. It joins three parts on one loop:
 *
 *     linkd_port.c    the port: a virtio-serial device in the qube, QEMU's socket on the host
 *     link.h          the protocol, which knows of no descriptors
 *     linkd_local.c   local programs: their requests, who serves what
 *     linkd_grant.c   what the host granted between two qubes
 *     linkd_stream.c  their bytes, once they are joined
 *     linkd_ring.c    in a qube, the memory by which many bytes go
 *
 * On the host the port's bytes are hostile, and what is parsed of them is in link*.c only. The
 * programs at the local socket are trusted on the host; in the qube, to the extent of their uid.
 */
#ifndef BULKHEAD_VCHAN_LINKD_H
#define BULKHEAD_VCHAN_LINKD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/loop.h"
#include "vchan/link.h"
#include "vchan/link_local.h"
#include "vchan/ring.h"
#include "vchan/same_processor.h"

#define LINKD_LOCALS_MAX (2 * LINK_STREAMS_MAX + 64)
#define LINKD_WINDOW_MAX LINK_WINDOW_GROWN
#define LINKD_GREETING_TIMEOUT_MS 10000 /* for a program to say what it wants */
#define LINKD_OFFER_TIMEOUT_MS 120000   /* for a channel of the peer to find its server */
#define LINKD_GRANT_TIMEOUT_MS 120000   /* for both ends of a channel between qubes to come */
#define LINKD_SWEEP_MS 5000
#define LINKD_RINGS_MAX 16 /* programs that have rings at a time; the others have their sockets */
#define LINKD_PORT_NAME "org.bulkhead.vchan"

struct linkd_config {
	enum link_role role;
	uint32_t domain;         /* host: number of the qube */
	const char *port_name;   /* qube: of the virtio port */
	const char *port_socket; /* host: QEMU's socket; NULL when port_fd is given */
	int port_fd;             /* already open, or -1 */
	const char *listen_path;
	int listen_fd; /* already listening, or -1 */
	int ready_fd;  /* gets a newline when the peer is there, or -1 */
};

struct linkd {
	struct linkd_config config;
	struct loop *loop;
	struct link *link;
	struct loop_deferred *work; /* linkd_work(), soon */

	int port_fd;
	struct loop_fd *port_source;
	bool port_readable, port_writable;
	bool peer_absent;              /* qube: nobody holds the host's end of the port */
	struct loop_timer *port_timer; /* opening again, or greeting again */
	unsigned int open_attempts;
	unsigned int restart_delay_ms; /* after a violation */
	uint64_t up_since_ms, last_report_ms;

	int listen_fd;
	struct loop_fd *listen_source;
	struct loop_timer *sweep; /* ends what takes too long */
	struct list locals;       /* linkd_local.link */
	struct list asking;       /* linkd_local.asking_link: clients without a stream yet */
	struct list offers;       /* linkd_offer.link: channels of the peer without a server yet */
	size_t local_count;
	size_t ring_count;
	struct same_processor processor;
	struct list bells; /* linkd_local.bell_link: programs to wake at the end of the turn */
};

enum linkd_local_state {
	LOCAL_GREETING,  /* the request has not come yet */
	LOCAL_LISTENING, /* a server that waits */
	LOCAL_ASKING,    /* a client that waits */
	LOCAL_JOINED,
	LOCAL_DRAINING, /* the stream is gone, the program still has bytes to take */
};

/* A program at the local socket, or half a channel to another qube (linkd_grant.c). */
struct linkd_local {
	struct linkd *linkd;
	enum linkd_local_state state;
	struct list link;        /* linkd.locals */
	struct list asking_link; /* linkd.asking */
	int fd;                  /* the stream, once joined */
	struct loop_fd *source;
	int grant_fd; /* the connection that granted the stream, until it is told; or -1 */
	struct loop_fd *grant_source;
	bool granted;
	uint64_t since_ms;
	uid_t uid;

	struct buf request_bytes;
	int request_fd; /* came with the request, or -1 */
	struct link_local_request request;
	struct link_stream *stream; /* NULL unless opened or joined */

	struct buf queue;  /* from the peer; the program does not take it yet */
	bool input_ended;  /* the program half-closed; nothing more to read */
	bool hung_up;      /* the program closed both directions */
	bool end_seen;     /* an end of file follows what can be read */
	bool output_ended; /* the peer half-closed; told to the program after the queue */
	bool ring_sends;   /* the program has accepted the rings */
	bool bells_ended;  /* rings: its socket has ended */

	struct ring_pair *rings; /* or NULL */
	struct list bell_link;   /* linkd.bells */
	uint64_t moved;          /* towards rings */
	struct ring_socket socket;
	uint64_t socket_sent; /* bytes of the stream to the socket */
};

/* linkd.c */
int linkd_init(struct linkd *d, const struct linkd_config *config, struct err *err);
void linkd_finish(struct linkd *d);
/*
 * One turn: acts on what came, then asks for what is wanted, then writes what is to go. What local
 * programs do schedules `work` instead, so that the frames of many go in one write.
 */
void linkd_work(struct linkd *d);

/* linkd_port.c */
void linkd_port_begin(struct linkd *d);
void linkd_port_finish(struct linkd *d);
/* Reads and acts for a while; and writes what waits. Both return whether there is more to do. */
bool linkd_port_read(struct linkd *d);
bool linkd_port_write(struct linkd *d);
void linkd_port_handle_up(struct link *link, void *data);
void linkd_port_handle_down(struct link *link, const char *violation, void *data);

/* linkd_local.c */
int linkd_local_begin(struct linkd *d, struct err *err);
void linkd_local_finish(struct linkd *d);
void linkd_local_destroy(struct linkd_local *l);
void linkd_local_handle_event(struct loop_fd *source, uint32_t events, void *data);
/* Opens streams for those clients that wait for one. */
void linkd_local_ask(struct linkd *d);
void linkd_local_handle_open(struct link_stream *s, void *data);
void linkd_local_handle_accept(struct link_stream *s, void *data);
/* A client's request, or what the peer offered (then l is NULL), came to nothing. */
void linkd_local_handle_refusal(
	struct linkd *d, struct link_stream *s, struct linkd_local *l, enum link_reason reason);

/*
 * linkd_grant.c: channels between two qubes. A request becomes a grant: 0, or a text says why not.
 * Then nothing but the channel it names can use its descriptor, once.
 */
const char *linkd_grant_begin(struct linkd_local *l);
/* The granter is told, and has no further part in the stream. */
void linkd_grant_end(struct linkd_local *l);
/* The other half is gone, and has left nothing to deliver. */
bool linkd_grant_is_void(const struct linkd_local *l);
/* A grant does not outlive the session in which it was made. */
void linkd_grant_drop_all(struct linkd *d);

/* linkd_ring.c: of a joined program */

/* So many bytes more have moved: perhaps it is worth offering rings. */
void linkd_ring_count(struct linkd_local *l, size_t size);
void linkd_ring_finish(struct linkd_local *l);
/* As far as there is room: how many bytes, or -EPROTO. */
ssize_t linkd_ring_send(struct linkd_local *l, const uint8_t *bytes, size_t size);
/* The peer will send no more; told at once, or when the program has accepted the rings. */
void linkd_ring_end_output(struct linkd_local *l);
/* A count, 0 at the end, or a negative errno. */
ssize_t linkd_ring_receive(struct linkd_local *l, uint8_t *place, size_t size);
/* Rings for those programs whose rings have changed. */
void linkd_ring_bells(struct linkd *d);
/* The program's socket had an event. */
void linkd_ring_handle_event(struct linkd_local *l);

/* linkd_stream.c: of a joined program */
void linkd_stream_begin(struct linkd_local *l);
/* Takes note of what events say of the program's end. */
void linkd_stream_note_end(struct linkd_local *l, uint32_t events);
void linkd_stream_handle_event(struct linkd_local *l, uint32_t events);
/* Reads from the program into the frame that is its turn. */
void linkd_stream_fill(struct linkd_local *l);
void linkd_stream_handle_data(struct link_stream *s, const uint8_t *bytes, size_t size, void *data);
void linkd_stream_handle_shutdown(struct link_stream *s, void *data);
void linkd_stream_handle_close(struct link_stream *s, enum link_reason reason, void *data);

#endif
