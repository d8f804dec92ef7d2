/*
 * The stream from the sender as the receiver reads it: in large pieces, counted into the checksum
 * as they are consumed. Blocking.
 */
#ifndef BULKHEAD_FILECOPY_INPUT_H
#define BULKHEAD_FILECOPY_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FILECOPY_INPUT_BYTES (256UL * 1024)

/*
 * A sender that is not silent for long, but again and again, has to have sent so many bytes when it
 * was waited for so many times its patience in all. Only waiting counts: not what the receiver
 * takes itself, nor the sleep of the machine.
 */
#define FILECOPY_WAITING_PATIENCES 4
#define FILECOPY_WAITING_BYTES (64UL * 1024)

struct filecopy_input {
	int fd;                  /* not owned */
	int patience_ms;         /* how long the sender may be silent; -1: for ever */
	uint64_t waiting_max_ns; /* for FILECOPY_WAITING_BYTES */
	uint64_t waited_ns, waited_bytes;
	uint32_t checksum;
	uint8_t *bytes; /* owned */
	size_t start, end;
};

/* 0 or -ENOMEM. */
int filecopy_input_init(struct filecopy_input *in, int fd, int patience_ms);
void filecopy_input_finish(struct filecopy_input *in);

/* Exactly `size` bytes: 0, -ENODATA at the end of the stream, -ETIMEDOUT when the sender is given
 * up, or another negative errno. */
int filecopy_input_read(struct filecopy_input *in, void *data, size_t size);

/*
 * Borrows and consumes what is at hand, at least one byte and at most `max`; valid until the next
 * call. The count, or the errors of filecopy_input_read().
 */
ssize_t filecopy_input_take(struct filecopy_input *in, size_t max, const uint8_t **ret_data);

#endif
