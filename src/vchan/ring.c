/*
 * Rings in shared memory; see ring.h. Runs in vchan-linkd and in programs at its socket. Every word
 * of the shared memory may be changed by the other side at any time.
 *
 * Sleeping: a side says that it sleeps, looks once more, and then waits for the bell; the other
 * moves its position, and then looks whether somebody sleeps. All four in one total order, so
 * that one of the two sees the other.
 */
#include "vchan/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CONTROL_BYTES 4096UL /* a page for each ring's control */
#define FILE_BYTES (2 * CONTROL_BYTES + 2 * RING_BYTES)
#define MAPPED_BYTES (2 * CONTROL_BYTES + 4 * RING_BYTES)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Enough room to be woken for: with each small piece it would happen all the time. */
#define ROOM_TO_WAKE (RING_BYTES / 2)

static bool
map_piece(uint8_t *at, size_t size, int fd, size_t offset)
{
	return mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) !=
	       MAP_FAILED;
}

/* The controls, then each ring's bytes twice. */
static bool
map_all(uint8_t *memory, int fd)
{
	uint8_t *at = memory + 2 * CONTROL_BYTES;

	if (!map_piece(memory, 2 * CONTROL_BYTES, fd, 0))
		return false;
	for (size_t i = 0; i < 4; i++) {
		size_t offset = 2 * CONTROL_BYTES + i / 2 * RING_BYTES;

		if (!map_piece(at + i * RING_BYTES, RING_BYTES, fd, offset))
			return false;
	}
	return true;
}

static struct ring_pair *
map_pair(int fd)
{
	struct ring_pair *pair = calloc(1, sizeof(*pair));
	uint8_t *memory;

	if (pair == NULL)
		return NULL;
	memory = mmap(NULL, MAPPED_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		free(pair);
		return NULL;
	}
	pair->memory = memory;
	if (!map_all(memory, fd)) {
		ring_pair_destroy(pair);
		return NULL;
	}
	pair->to_program.control = (struct ring_control *)(void *)memory;
	pair->from_program.control = (struct ring_control *)(void *)(memory + CONTROL_BYTES);
	pair->to_program.bytes = memory + 2 * CONTROL_BYTES;
	pair->from_program.bytes = memory + 2 * CONTROL_BYTES + 2 * RING_BYTES;
	return pair;
}

struct ring_pair *
ring_pair_create(int *ret_fd)
{
	AUTO_FD int fd = memfd_create("vchan-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct ring_pair *pair;

	if (fd < 0 || ftruncate(fd, FILE_BYTES) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return NULL;
	pair = map_pair(fd);
	if (pair != NULL)
		*ret_fd = steal_fd(&fd);
	return pair;
}

struct ring_pair *
ring_pair_attach(int fd)
{
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);

	/* A file that could become shorter would kill us at the next access. */
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &status) < 0 ||
		status.st_size != FILE_BYTES) {
		errno = EPROTO;
		return NULL;
	}
	return map_pair(fd);
}

void
ring_pair_destroy(struct ring_pair *pair)
{
	if (pair == NULL)
		return;
	munmap(pair->memory, MAPPED_BYTES);
	free(pair);
}

/* Whether the other one sleeps; it is told once. */
static bool
wakes(_Atomic uint32_t *sleeps)
{
	return atomic_load(sleeps) != 0 && atomic_exchange(sleeps, 0) != 0;
}

/* The writer */

static bool
used_bytes(uint32_t written, uint32_t taken, uint32_t *ret_used)
{
	*ret_used = written - taken;
	return *ret_used <= RING_BYTES;
}

ssize_t
ring_room(const struct ring *ring, uint8_t **ret_place)
{
	uint32_t used;

	if (!used_bytes(ring->position, atomic_load(&ring->control->taken), &used))
		return -EPROTO;
	*ret_place = ring->bytes + ring->position % RING_BYTES;
	return (ssize_t)(RING_BYTES - used);
}

bool
ring_written(struct ring *ring, size_t size)
{
	ring->position += (uint32_t)size;
	atomic_store(&ring->control->written, ring->position);
	return wakes(&ring->control->reader_sleeps);
}

bool
ring_await_room(const struct ring *ring)
{
	uint8_t *place;
	ssize_t room;

	atomic_store(&ring->control->writer_sleeps, 1);
	room = ring_room(ring, &place);
	return room >= 0 && room < (ssize_t)ROOM_TO_WAKE;
}

bool
ring_end(struct ring *ring)
{
	atomic_store(&ring->control->ended, 1);
	return wakes(&ring->control->reader_sleeps);
}

ssize_t
ring_write(struct ring *ring, const void *bytes, size_t size, bool *ret_wake)
{
	uint8_t *place;
	ssize_t room = ring_room(ring, &place);

	*ret_wake = false;
	if (room <= 0)
		return room;
	if (size > (size_t)room)
		size = (size_t)room;
	memcpy(place, bytes, size);
	*ret_wake = ring_written(ring, size);
	return (ssize_t)size;
}

void
ring_begin(struct ring *ring, uint64_t before)
{
	atomic_store(&ring->control->before, before);
	atomic_store(&ring->control->begun, 1);
}

/* The reader */

ssize_t
ring_count_socket(const struct ring *ring, struct ring_socket *socket, size_t count)
{
	if (!socket->begun && atomic_load(&ring->control->begun) != 0) {
		uint64_t total = atomic_load(&ring->control->before);

		if (total < socket->taken)
			return -EPROTO;
		socket->begun = true;
		socket->total = total;
	}
	if (socket->begun && count > socket->total - socket->taken)
		count = (size_t)(socket->total - socket->taken);
	socket->taken += count;
	return (ssize_t)count;
}

ssize_t
ring_held(const struct ring *ring, const uint8_t **ret_bytes)
{
	uint32_t used;

	if (!used_bytes(atomic_load(&ring->control->written), ring->position, &used))
		return -EPROTO;
	*ret_bytes = ring->bytes + ring->position % RING_BYTES;
	return (ssize_t)used;
}

bool
ring_taken(struct ring *ring, size_t size)
{
	uint32_t used;

	ring->position += (uint32_t)size;
	atomic_store(&ring->control->taken, ring->position);
	if (atomic_load(&ring->control->writer_sleeps) == 0)
		return false;
	if (used_bytes(atomic_load(&ring->control->written), ring->position, &used) &&
		RING_BYTES - used < ROOM_TO_WAKE)
		return false;
	return wakes(&ring->control->writer_sleeps);
}

bool
ring_await_bytes(const struct ring *ring)
{
	const uint8_t *bytes;

	atomic_store(&ring->control->reader_sleeps, 1);
	return ring_held(ring, &bytes) == 0 && !ring_has_ended(ring);
}

bool
ring_has_ended(const struct ring *ring)
{
	return atomic_load(&ring->control->ended) != 0;
}

ssize_t
ring_read(struct ring *ring, void *bytes, size_t size, bool *ret_wake)
{
	const uint8_t *held_bytes;
	ssize_t held = ring_held(ring, &held_bytes);

	*ret_wake = false;
	if (held <= 0)
		return held;
	if (size > (size_t)held)
		size = (size_t)held;
	memcpy(bytes, held_bytes, size);
	*ret_wake = ring_taken(ring, size);
	return (ssize_t)size;
}
