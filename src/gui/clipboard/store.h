/*
 * The clipboard between qubes: files in /run/qubes, one at a time behind a lock, emptied by the
 * first paste (spec gui.md 5). Used by the helper of each gui-daemon and by qvm-clipboard; their
 * content is a qube's and is never looked at.
 *
 * An operation that is not newer than the last one does nothing: a daemon that was held up must not
 * bring an old content back. Times are X's, 32-bit milliseconds that wrap.
 */
#ifndef BULKHEAD_GUI_CLIPBOARD_STORE_H
#define BULKHEAD_GUI_CLIPBOARD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

#define CLIPBOARD_DATA_FILE "qubes-clipboard.bin"
#define CLIPBOARD_SOURCE_FILE "qubes-clipboard.bin.source"
#define CLIPBOARD_TIME_FILE "qubes-clipboard.bin.xevent"
#define CLIPBOARD_METADATA_FILE "qubes-clipboard.bin.metadata"
#define CLIPBOARD_LOCK_FILE "appviewer.lock"
#define CLIPBOARD_MAX_BYTES 256000

/* Who does something, when, and the numbers that the metadata tell a widget. */
struct clipboard_operation {
	const char *qube;
	uint32_t time;
	uint32_t sent_bytes;  /* as the qube claimed it */
	uint32_t limit_bytes; /* of the qube */
	uint32_t agent_version;
};

/* What lies there. */
struct clipboard_state {
	char source[QUBE_NAME_MAX + 1]; /* "": nothing */
	uint32_t time;
	bool has_time;
	size_t size;
};

/* Functions return 1 when done, 0 when something newer was there already, -1 with the error. */

int clipboard_copy(const char *directory, const struct clipboard_operation *o, const void *data,
	size_t size, struct err *err);
/* The qube had more than it may send: what lay there is gone. */
int clipboard_refuse_oversize(
	const char *directory, const struct clipboard_operation *o, struct err *err);
/* 0: nothing newer than the state that was looked at may be between look and take. */
int clipboard_look(const char *directory, struct clipboard_state *ret_state, struct err *err);
/* Takes what clipboard_look() saw, wiping it. 0 also when it is no longer that. */
int clipboard_take(const char *directory, const struct clipboard_operation *o,
	const struct clipboard_state *seen, struct buf *ret_data, struct err *err);
int clipboard_clear(const char *directory, struct err *err);

/*
 * The time of what the person does by a command: now as X counts it, which is the monotonic clock,
 * or just after what is there, if that claims to come later.
 */
uint32_t clipboard_time_of_command(const struct clipboard_state *state);

/* Whether `time` comes after `last`, which may have wrapped since. */
static inline bool
clipboard_is_newer(uint32_t time, uint32_t last)
{
	return (uint32_t)(last - time) >= 0x80000000U;
}

#endif
