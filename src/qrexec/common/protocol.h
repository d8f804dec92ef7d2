/*
 * The frames of qrexec, versions 2 to 4: types, limits, bodies, negotiation and the cleaning of
 * names. The same header, `u32 type, u32 length`, is used on the control channel, on data
 * channels, on the daemon's socket and on the agent's socket. Integers are little-endian.
 *
 * Parsers are incremental: they return -EAGAIN and leave the buffer as it was until a frame is
 * complete. What they give out is still the peer's word; the checks that decide what may be
 * done with it have names of their own below.
 */
#ifndef BULKHEAD_QREXEC_PROTOCOL_H
#define BULKHEAD_QREXEC_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum qrexec_type {
	QREXEC_DATA_STDIN = 0x190,
	QREXEC_DATA_STDOUT = 0x191,
	QREXEC_DATA_STDERR = 0x192,
	QREXEC_DATA_EXIT_CODE = 0x193,
	QREXEC_EXEC_CMDLINE = 0x200,
	QREXEC_JUST_EXEC = 0x201,
	QREXEC_SERVICE_CONNECT = 0x202,
	QREXEC_SERVICE_REFUSED = 0x203,
	QREXEC_TRIGGER_SERVICE = 0x210,
	QREXEC_CONNECTION_TERMINATED = 0x211,
	QREXEC_TRIGGER_SERVICE3 = 0x212,
	QREXEC_TRIGGER_SERVICE4 = 0x213,
	QREXEC_HELLO = 0x300,
};

enum qrexec_exit {
	QREXEC_EXIT_PROBLEM = 125,   /* bad command or configuration, cannot execute, no user */
	QREXEC_EXIT_REFUSED = 126,   /* by policy */
	QREXEC_EXIT_NOT_FOUND = 127, /* no such service */
	QREXEC_EXIT_LOST = 255,      /* caller: the channel ended before an exit code */
};

#define QREXEC_VERSION 4           /* what we speak on control and data channels */
#define QREXEC_VERSION_MIN 2       /* the least we accept there */
#define QREXEC_LOCAL_VERSION 3     /* what the daemon says on its local socket */
#define QREXEC_LOCAL_VERSION_MIN 3 /* the least it accepts there */

#define QREXEC_HEADER_BYTES 8
#define QREXEC_PORT_CONTROL 512
#define QREXEC_PORT_MIN 513
#define QREXEC_PORT_MAX 768
#define QREXEC_PORT_COUNT 256
#define QREXEC_NAME_BYTES 64 /* source and target fields */
#define QREXEC_REQUEST_ID_BYTES 32
#define QREXEC_PARAMS_BYTES 8       /* exec_params without its string */
#define QREXEC_SERVICE_BYTES 65000  /* NAME+ARGUMENT with NUL, in a trigger */
#define QREXEC_LOCAL_BODY_MAX 65535 /* body of a request on the daemon's socket */
#define QREXEC_COMMAND_BYTES 65535  /* command string with NUL */
#define QREXEC_TRIGGER3_HEAD_BYTES 96
#define QREXEC_TRIGGER4_HEAD_BYTES 160
#define QREXEC_TRIGGER2_BYTES 128
#define QREXEC_TRIGGER2_TARGET_BYTES 32
#define QREXEC_CALLS_MAX 256 /* pending or running calls of one qube */

/*
 * How an agent of ours says that a caller left while dom0 was asked: CONNECTION_TERMINATED for this
 * bit and the request's number instead of a domain, and for port QREXEC_PORT_MIN. The request's id
 * is the prefix and the number. Other daemons know no such domain and ignore it
 * (docs/protocols/qrexec.md).
 */
#define QREXEC_WITHDRAWN UINT32_C(0x80000000)
#define QREXEC_REQUEST_ID_PREFIX "SOCKET"

/* Data frames: the limit by the version in force, and the rings that take a whole frame. */
#define QREXEC_CHUNK_V2_BYTES 4096
#define QREXEC_CHUNK_BYTES 65536
#define QREXEC_DATA_RING_BYTES 65536
#define QREXEC_CONTROL_RING_BYTES 131072

struct qrexec_header {
	uint32_t type;
	uint32_t length; /* of the body that follows */
};

/* Reads the header at the front without consuming it. 0 or -EAGAIN. */
int qrexec_header_peek(const struct buf *in, struct qrexec_header *ret_header);

int qrexec_put_header(struct buf *out, uint32_t type, uint32_t length);

/* The name of a type for log lines, "unknown message" for others. */
const char *qrexec_type_name(uint32_t type);

/*
 * HELLO. qrexec_get_hello() consumes one whole frame and gives the peer's number. -EAGAIN, or
 * -EBADMSG when what is there cannot be a HELLO.
 */
int qrexec_put_hello(struct buf *out, uint32_t version);
int qrexec_get_hello(struct buf *in, uint32_t *ret_version);

/* The version in force, min(own, peer), or -EPROTO when that is below `least`. */
int qrexec_negotiate(uint32_t own, uint32_t peer, uint32_t least);

/*
 * exec_params: the body of 0x200, 0x201, 0x202 and, without a string, of 0x211 and of the
 * daemon's answer. The string is held as a C string in memory of its own; `size` counts the
 * bytes of the wire, NUL included. `terminated` says whether the last of them was NUL and none
 * before it; a string that was not ends at its first NUL or, forcibly, at its last byte.
 */
struct qrexec_params {
	uint32_t domain;
	uint32_t port;
	char *text; /* owned; NULL when the body has no string */
	size_t size;
	bool terminated;
};

/* Consumes one whole frame, header included. -EAGAIN, -EBADMSG (shorter than 8), -EMSGSIZE
 * (longer than body_max), -ENOMEM. */
int qrexec_get_params(
	struct buf *in, size_t body_max, uint32_t *ret_type, struct qrexec_params *ret_params);
void qrexec_params_finish(struct qrexec_params *params);

int qrexec_put_params(struct buf *out, uint32_t type, uint32_t domain, uint32_t port,
	const void *text, size_t size);

/* A request of a caller in a qube, in any of its three wire forms. Fixed fields are cut at the
 * first NUL; `id` is kept as received. */
struct qrexec_trigger {
	char source[QREXEC_NAME_BYTES]; /* claimed; "" when none */
	char target[QREXEC_NAME_BYTES];
	uint8_t id[QREXEC_REQUEST_ID_BYTES];
	char *service; /* owned bytes, always followed by a NUL of ours */
	size_t size;   /* of the service on the wire, NUL included */
};

/* Whether a frame of this type may be sent at all under this version, and the type to send. */
bool qrexec_trigger_allowed(uint32_t type, uint32_t version);
uint32_t qrexec_trigger_type(uint32_t version);

/* Whether the length fits the type (which must be one of the three). */
bool qrexec_trigger_length_valid(uint32_t type, uint32_t length);

/* Consumes one whole frame. -EAGAIN, -EBADMSG (type or length), -ENOMEM. */
int qrexec_get_trigger(struct buf *in, struct qrexec_trigger *ret_trigger);
void qrexec_trigger_finish(struct qrexec_trigger *trigger);

/*
 * Writes the request in the form of the version. -EMSGSIZE when that form cannot hold it,
 * -EPROTO when a source is claimed and the version cannot say so.
 */
int qrexec_put_trigger(struct buf *out, uint32_t version, const struct qrexec_trigger *trigger);

/* SERVICE_REFUSED. */
int qrexec_put_refused(struct buf *out, const uint8_t id[QREXEC_REQUEST_ID_BYTES]);
int qrexec_get_refused(struct buf *in, uint8_t ret_id[QREXEC_REQUEST_ID_BYTES]);

/* Request id: text of `A-Z a-z 0-9 _ - .` and space, at least one NUL, then only NUL. */
bool qrexec_request_id_valid(const uint8_t id[QREXEC_REQUEST_ID_BYTES]);

/* Service of a trigger: NUL at the end and nowhere else, not empty, not starting with '+'. */
bool qrexec_service_valid(const char *service, size_t size);

/* Every byte that may not stand in a name or in a service becomes '_'; the text keeps its
 * length. What policy sees is what this leaves. */
void qrexec_clean_name(char *name);
void qrexec_clean_service(char *service);

bool qrexec_port_valid(uint32_t port);

#endif
