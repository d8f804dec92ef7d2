/*
 * The stream to the receiver as the sender writes it: in large pieces, counted into the checksum.
 * Before each piece goes out the way back is looked at: a receiver that answers early has failed.
 */
#ifndef BULKHEAD_FILECOPY_OUTPUT_H
#define BULKHEAD_FILECOPY_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#define FILECOPY_OUTPUT_BYTES (256UL * 1024)

struct filecopy_output {
	int fd, answer_fd; /* not owned */
	uint32_t checksum;
	uint64_t written; /* bytes that went out */
	uint8_t *bytes;   /* owned */
	size_t length;
};

/* 0 or -ENOMEM. */
int filecopy_output_init(struct filecopy_output *out, int fd, int answer_fd);
void filecopy_output_finish(struct filecopy_output *out);

/*
 * These return 0 or a negative errno: -EPIPE when the receiver is gone, -ECANCELED when its answer
 * is there.
 */
int filecopy_output_put(struct filecopy_output *out, const void *data, size_t size);
int filecopy_output_flush(struct filecopy_output *out);

/*
 * Room of at least one byte, at most `max`, to be filled in place; then say how many bytes were.
 */
int filecopy_output_reserve(
	struct filecopy_output *out, size_t max, uint8_t **ret_bytes, size_t *ret_size);
void filecopy_output_commit(struct filecopy_output *out, size_t size);

#endif
