/*
 * Bytes through memory that two processes of one kernel share: a pair of rings, one each way. For
 * streams that carry much between vchan-linkd and a program (docs/protocols/link.md, "Rings"):
 * bytes are copied in and out without a system call, and the other side is woken by a door bell
 * (a byte on their socket, which is not this file's) only while it sleeps.
 *
 * The two do not trust each other. Sizes are fixed when the memory is made, and sealed; each side
 * keeps its own position where the other can not write; the other's position is read once and
 * checked. What lies in a ring may change while it is looked at: treat it as if it came from a
 * socket, and copy before checking.
 */
#ifndef BULKHEAD_VCHAN_RING_H
#define BULKHEAD_VCHAN_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RING_BYTES (512UL * 1024)

/* What both see of one ring. Positions count bytes and wrap around. */
struct ring_control {
	_Atomic uint32_t written; /* the writer's position */
	uint32_t pad1[15];        /* each side's words in a cache line of their own */
	_Atomic uint32_t taken;   /* the reader's position */
	uint32_t pad2[15];
	_Atomic uint32_t reader_sleeps; /* wants the bell when bytes come */
	_Atomic uint32_t writer_sleeps; /* wants the bell when there is room */
	_Atomic uint32_t ended;         /* the writer will write no more */
	_Atomic uint32_t begun;         /* the writer uses the ring from now on, and wrote */
	_Atomic uint64_t before;        /* so many bytes to the socket before that */
	_Atomic uint32_t processor;     /* to the program: the number of linkd's, plus 1; or 0 */
};

/* One side's view of one ring. */
struct ring {
	struct ring_control *control;
	uint8_t *bytes;    /* mapped twice in a row: every span is in one piece */
	uint32_t position; /* ours; the truth, of which the shared one is a copy */
};

struct ring_pair {
	void *memory;
	struct ring to_program;   /* linkd writes */
	struct ring from_program; /* linkd reads */
};

/*
 * Going over from the socket: what the writer sent there comes first, and it says in the ring how
 * many bytes that were. Whatever else comes by the socket is bells.
 */
struct ring_socket {
	bool begun;            /* the writer has gone over */
	uint64_t taken, total; /* bytes of the stream: read from the socket so far, and in all */
};

/*
 * linkd: makes the memory. *ret_fd is for the program; the caller closes it. NULL with errno set.
 */
struct ring_pair *ring_pair_create(int *ret_fd);
/* The program: maps memory that it was given, if it is what it should be. NULL with errno set. */
struct ring_pair *ring_pair_attach(int fd);
void ring_pair_destroy(struct ring_pair *pair);

/*
 * The writer: where to put bytes, and how many there is room for. Negative errno (-EPROTO) when
 * the reader's position can not be.
 */
ssize_t ring_room(const struct ring *ring, uint8_t **ret_place);
/* The writer goes over, having written so many bytes to the socket. It then rings the bell. */
void ring_begin(struct ring *ring, uint64_t before);
/* So many bytes have been put there. Whether the reader has to be woken. */
bool ring_written(struct ring *ring, size_t size);
/* The writer will sleep until much of the ring is free; false when it is already. */
bool ring_await_room(const struct ring *ring);
/* The writer will write no more. Whether the reader has to be woken. */
bool ring_end(struct ring *ring);

/*
 * The reader: how many of so many bytes just read from the socket (0: none) are of the stream, or
 * -EPROTO. It looks after the read whether the writer went over: it may have while it was made.
 */
ssize_t ring_count_socket(const struct ring *ring, struct ring_socket *socket, size_t count);

/* Whether the next bytes are in the ring. */
static inline bool
ring_is_next(const struct ring_socket *socket)
{
	return socket->begun && socket->taken == socket->total;
}

/* The reader: the bytes that are there. Negative errno (-EPROTO) as above. */
ssize_t ring_held(const struct ring *ring, const uint8_t **ret_bytes);
/* So many have been dealt with. Whether the writer has to be woken. */
bool ring_taken(struct ring *ring, size_t size);
/* The reader will sleep until there are bytes, or the end; false when there are. */
bool ring_await_bytes(const struct ring *ring);
/* Whether nothing comes after what is there: ask before ring_held(), not after it. */
bool ring_has_ended(const struct ring *ring);

/* The same with a copy: how many bytes were moved (0: full, empty), or -EPROTO. */
ssize_t ring_write(struct ring *ring, const void *bytes, size_t size, bool *ret_wake);
ssize_t ring_read(struct ring *ring, void *bytes, size_t size, bool *ret_wake);

#endif
