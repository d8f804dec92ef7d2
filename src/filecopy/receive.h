/*
 * The receiver of qubes.Filecopy: reads a stream of entries, has them gathered, and shows them
 * when all is complete. Blocking; runs confined (confine.h) because the stream is a stranger's.
 */
#ifndef BULKHEAD_FILECOPY_RECEIVE_H
#define BULKHEAD_FILECOPY_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "filecopy/names.h"
#include "filecopy/wire.h"

struct receive_config {
	unsigned int flags; /* enum filecopy_flag */
	uint64_t max_bytes; /* of regular files together; 0: no limit */
	uint64_t max_entries;
	bool wait_for_space; /* before each file, until that much more than its size is free */
	uint64_t space_margin;
	unsigned int patience_seconds; /* how long the sender may be silent; 0: for ever */
	bool verbose;                  /* names to stderr, fit for a terminal */
};

struct receive_outcome {
	struct filecopy_result result;
	uint64_t files, bytes;
	uint32_t name_length;
	char name[FILECOPY_NAME_MAX + 1]; /* the last or offending one, as it was sent */
};

/*
 * Receives one transfer into the destination. Lines of objects go to record_fd, if not -1. Always
 * fills the outcome, whose code is also returned.
 */
uint32_t receive_transfer(int stream_fd, int destination_fd, int record_fd,
	const struct receive_config *config, struct receive_outcome *ret_outcome);

/* Sends the result record. 0 or a negative errno. */
int receive_answer(int fd, const struct receive_outcome *outcome);

#endif
