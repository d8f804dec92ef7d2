/*
 * The records of a user's transfers: files named by an id, YYYYMMDD-HHMMSS-XXXX in UTC, so that
 * their order is that of time. Old ones are dropped, and with them originals in the trash, by the
 * limits of transfer.conf: /etc/bulkhead/transfer.conf, then ~/.config/bulkhead/transfer.conf.
 */
#ifndef BULKHEAD_FILECOPY_TRANSFERS_H
#define BULKHEAD_FILECOPY_TRANSFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "filecopy/transfer_record.h"

#define TRANSFER_ID_LENGTH 20
#define TRANSFER_RECORD_MAX (128UL * 1024 * 1024)

struct transfer_settings {
	uint64_t trash_max_bytes; /* of originals of moves, all together */
	uint64_t trash_max_days;
	uint64_t keep_records;
};

void transfer_settings_read(struct transfer_settings *ret_settings);
/* Takes the lines of one file; -EINVAL names the first bad line as *ret_line. For the tests. */
int transfer_settings_parse(char *text, struct transfer_settings *settings, int *ret_line);

bool transfer_id_valid(const char *id);

/* Stores a new record under a fresh id. 0, or -1 with the error. */
int transfers_add(const struct buf *text, char ret_id[TRANSFER_ID_LENGTH + 1], struct err *err);
/* Replaces or extends one that is there. */
int transfers_replace(const char *id, const struct buf *text, struct err *err);

int transfers_read(const char *id, struct transfer_record *ret_record, struct err *err);

/* All ids, oldest first; the caller frees each and the array. */
int transfers_list(char ***ret_ids, size_t *ret_count, struct err *err);
void transfers_free(char **ids, size_t count);

/* The record as its lines. */
int transfers_format(const struct transfer_record *record, struct buf *text);

/* Enforces the limits. What cannot be dropped is logged. */
void transfers_prune(const struct transfer_settings *settings);

#endif
