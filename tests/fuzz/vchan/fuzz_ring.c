/*
 * A ring whose other side writes what it likes into the memory that both see: positions, flags,
 * counts. Ours never sees more bytes than a ring holds, and only those of its own memory; a
 * position that can not be is an error each time it is looked at.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vchan/ring.h"

/* An input is a row of these: what is done, and a number for it. */
struct step {
	uint8_t action;
	uint8_t number[4];
};

enum action {
	THEY_SET_WRITTEN,
	THEY_SET_TAKEN,
	THEY_SET_SLEEPING,
	THEY_SET_ENDED,
	THEY_BEGIN,
	WE_READ,
	WE_WRITE,
	WE_LOOK,
	WE_COUNT,
	ACTIONS
};

static struct ring_pair *pair; /* made once: five mappings each time would be all that is tested */
static uint8_t scratch[RING_BYTES + 1];

static void
check_look(const struct ring *in, const struct ring *out)
{
	const uint8_t *held;
	uint8_t *room;
	ssize_t count = ring_held(in, &held);

	assert(count == -EPROTO || (count >= 0 && count <= (ssize_t)RING_BYTES));
	if (count > 0)
		assert(held >= in->bytes && held < in->bytes + RING_BYTES &&
			held[count - 1] + 1 > 0);
	count = ring_room(out, &room);
	assert(count == -EPROTO || (count >= 0 && count <= (ssize_t)RING_BYTES));
	if (count > 0)
		room[count - 1] = 1;
	ring_await_bytes(in);
	ring_await_room(out);
}

static void
check_read(struct ring *in, size_t size)
{
	uint32_t before = in->position;
	bool wake;
	ssize_t count = ring_read(in, scratch, size, &wake);

	assert(count == -EPROTO || (count >= 0 && (size_t)count <= size));
	assert(in->position == before + (count > 0 ? (uint32_t)count : 0));
}

static void
check_write(struct ring *out, size_t size)
{
	uint32_t before = out->position;
	bool wake;
	ssize_t count = ring_write(out, scratch, size, &wake);

	assert(count == -EPROTO || (count >= 0 && (size_t)count <= size));
	assert(out->position == before + (count > 0 ? (uint32_t)count : 0));
}

static void
check_count(const struct ring *in, struct ring_socket *socket, size_t size)
{
	ssize_t count = ring_count_socket(in, socket, size);

	assert(count == -EPROTO || (count >= 0 && (size_t)count <= size));
	if (count >= 0 && socket->begun)
		assert(socket->taken <= socket->total);
}

static void
take_step(const struct step *step, struct ring_socket *socket)
{
	struct ring *in = &pair->from_program, *out = &pair->to_program;
	uint32_t number;

	memcpy(&number, step->number, sizeof(number));
	switch ((enum action)(step->action % ACTIONS)) {
	case THEY_SET_WRITTEN:
		atomic_store(&in->control->written, number);
		break;
	case THEY_SET_TAKEN:
		atomic_store(&out->control->taken, number);
		break;
	case THEY_SET_SLEEPING:
		atomic_store(&in->control->writer_sleeps, number & 1);
		atomic_store(&out->control->reader_sleeps, number & 2);
		break;
	case THEY_SET_ENDED:
		atomic_store(&in->control->ended, number);
		break;
	case THEY_BEGIN:
		atomic_store(&in->control->before, (uint64_t)number << (step->action & 32));
		atomic_store(&in->control->begun, 1);
		break;
	case WE_READ:
		check_read(in, number % sizeof(scratch));
		break;
	case WE_WRITE:
		check_write(out, number % sizeof(scratch));
		break;
	case WE_LOOK:
		check_look(in, out);
		break;
	case WE_COUNT:
		check_count(in, socket, number % sizeof(scratch));
		break;
	case ACTIONS:
		break;
	}
}

static void
start_over(struct ring *ring)
{
	memset(ring->control, 0, sizeof(*ring->control));
	ring->position = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ring_socket socket = {0};
	struct step step;
	int fd;

	if (pair == NULL) {
		pair = ring_pair_create(&fd);
		assert(pair != NULL);
		close(fd);
	}
	start_over(&pair->to_program);
	start_over(&pair->from_program);
	for (; size >= sizeof(step); data += sizeof(step), size -= sizeof(step)) {
		memcpy(&step, data, sizeof(step));
		take_step(&step, &socket);
	}
	return 0;
}
