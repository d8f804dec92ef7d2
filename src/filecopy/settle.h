/*
 * The end of a transfer at the sender's side, after the receiver confirmed: a move takes the
 * originals away, and what was done is recorded.
 */
#ifndef BULKHEAD_FILECOPY_SETTLE_H
#define BULKHEAD_FILECOPY_SETTLE_H

#include <stdbool.h>

#include "base/err.h"
#include "filecopy/send.h"

/*
 * Takes away each argument of a move: to the trash where that is possible and the settings allow
 * it, else for good. Only objects that were sent and have not changed since are touched; an
 * argument with others keeps these. Each that stays is reported on stderr. Returns how many
 * objects stayed. For a copy nothing is touched.
 *
 * Then records the transfer; a record that cannot be written is logged, no more.
 */
unsigned int settle_transfer(bool move, const char *peer, char *const *paths,
	struct sent_list *sent, const struct send_outcome *outcome);

#endif
