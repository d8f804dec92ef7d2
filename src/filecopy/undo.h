/*
 * Taking a transfer back, at the end where this runs: what arrived goes to the trash, originals of
 * a move come back from it.
 */
#ifndef BULKHEAD_FILECOPY_UNDO_H
#define BULKHEAD_FILECOPY_UNDO_H

#include <stdio.h>

#include "base/err.h"

/*
 * Says on `report` what became of each object. 0 when all was taken back; 1 when some was not,
 * which can be tried again; -1 with the error when nothing could be tried.
 */
int undo_transfer(const char *id, FILE *report, struct err *err);

/* A table of all transfers, newest last. 0, or -1 with the error. */
int undo_list(FILE *report, struct err *err);

#endif
