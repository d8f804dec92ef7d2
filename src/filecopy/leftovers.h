/*
 * What receivers that were killed left behind, of all sources: so that it does not lie about,
 * unseen, until the same source sends again.
 */
#ifndef BULKHEAD_FILECOPY_LEFTOVERS_H
#define BULKHEAD_FILECOPY_LEFTOVERS_H

/*
 * Below the directory of all sources: what is complete is shown, anything else removed; what a
 * receiver holds is left alone. A confined child does it, and only if there is something to do; on
 * failure a line is logged.
 */
void leftovers_settle(int incoming_fd);

#endif
