/*
 * The sender of qubes.Filecopy: packs files and trees into the stream, reads the receiver's answer.
 * Blocking. The answer is a stranger's; the files are the user's own, and may change meanwhile.
 */
#ifndef BULKHEAD_FILECOPY_SEND_H
#define BULKHEAD_FILECOPY_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "filecopy/progress.h"
#include "filecopy/sent.h"
#include "filecopy/wire.h"

struct send_config {
	bool ignore_links;
	struct progress *progress; /* or NULL */
};

struct send_outcome {
	uint64_t files, bytes;
	uint64_t left_out; /* objects of kinds that are not sent; a warning was printed for each */
};

/*
 * Sends the paths, each with what is in it, and reads the answer. sent->wanted says whether to
 * keep the list. 0 when the receiver confirmed all; else -1 with the error, which has the
 * receiver's reason when it gave one.
 */
int send_paths(int stream_fd, int answer_fd, char *const *paths, const struct send_config *config,
	struct sent_list *sent, struct send_outcome *ret_outcome, struct err *err);

/*
 * Reads an answer and compares its checksum. 0, or -1 with the error. The name in the text is
 * made fit for a terminal.
 */
int send_read_answer(int answer_fd, uint32_t checksum, struct err *err);

#endif
