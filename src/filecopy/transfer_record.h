/*
 * What is remembered of a transfer, so that it can be listed and taken back: one small text file
 * a transfer, at each end, below ~/.local/share/bulkhead/transfers. A line is a keyword and its
 * fields; paths have every byte but letters, digits and -._/ as %HH.
 *
 *     bulkhead-transfer 1
 *     in|out copy|move PEER UNIX-TIME
 *     total FILES BYTES
 *     root HASH COUNT BYTES PATH        an object that arrived, below QubesIncoming/PEER
 *     sent PATH                         an argument of the sender
 *     trashed HASH COUNT BYTES TRASH PATH   an original, now at TRASH
 *     lost PATH                         an original that no trash could keep
 *     undone UNIX-TIME
 */
#ifndef BULKHEAD_FILECOPY_TRANSFER_RECORD_H
#define BULKHEAD_FILECOPY_TRANSFER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "filecopy/tree.h"

#define TRANSFER_PEER_MAX 63

enum transfer_line { TRANSFER_ROOT, TRANSFER_SENT, TRANSFER_TRASHED, TRANSFER_LOST };

struct transfer_object {
	enum transfer_line kind;
	struct tree_sum sum; /* roots and trashed ones */
	char *path;
	char *trash_name; /* where a trashed one is; absolute; else NULL */
};

struct transfer_record {
	bool incoming, move;
	char peer[TRANSFER_PEER_MAX + 1];
	int64_t time;
	uint64_t files, bytes;
	int64_t undone; /* 0: not */
	struct transfer_object *objects;
	size_t count;
};

/* Lines; 0 or a negative errno of the buffer. */
int transfer_record_put_head(
	struct buf *b, bool incoming, bool move, const char *peer, int64_t unix_time);
int transfer_record_put_total(struct buf *b, uint64_t files, uint64_t bytes);
int transfer_record_put_root(struct buf *b, const char *path, const struct tree_sum *sum);
int transfer_record_put_path(struct buf *b, enum transfer_line kind, const char *path);
int transfer_record_put_trashed(
	struct buf *b, const char *trash_name, const char *path, const struct tree_sum *sum);
int transfer_record_put_undone(struct buf *b, int64_t unix_time);

/* Reads a record; 0, or -1 with the error. The record is the caller's to finish. */
int transfer_record_parse(
	const char *text, size_t size, struct transfer_record *ret_record, struct err *err);
void transfer_record_finish(struct transfer_record *record);

#define AUTO_RECORD __attribute__((cleanup(transfer_record_finish)))

#endif
