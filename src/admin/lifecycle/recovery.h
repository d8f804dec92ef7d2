/* What a new daemon finds of its predecessor; see lifecycle_recover(). Private to this folder. */
#ifndef BULKHEAD_ADMIN_LIFECYCLE_RECOVERY_H
#define BULKHEAD_ADMIN_LIFECYCLE_RECOVERY_H

struct recovery;

void recovery_destroy(struct recovery *r);

#endif
