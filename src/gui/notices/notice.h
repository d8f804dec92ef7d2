/*
 * Notifications of a qube's programs on their way to the person (service qubes.Notifications,
 * docs/protocols/notifications.md): the records, for both ends and for what stands between.
 */
#ifndef BULKHEAD_GUI_NOTICE_H
#define BULKHEAD_GUI_NOTICE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define NOTICE_VERSION 0x00010000U
#define NOTICE_SUMMARY_MAX 1000
#define NOTICE_BODY_MAX 8000
#define NOTICE_LINES_MAX 50
#define NOTICE_EXPIRE_MAX_MS 60000
/* Of a whole record, with its length. */
#define NOTICE_RECORD_MAX (3 * 4 + NOTICE_SUMMARY_MAX + NOTICE_BODY_MAX + 2)

enum notice_urgency {
	NOTICE_LOW,
	NOTICE_NORMAL,
	NOTICE_CRITICAL,
};

struct notice {
	uint32_t urgency;   /* enum notice_urgency */
	uint32_t expire_ms; /* 0: as the desktop likes it */
	char untrusted_summary[NOTICE_SUMMARY_MAX + 1];
	char untrusted_body[NOTICE_BODY_MAX + 1];
};

/* Texts that are too long are cut. 0 or -ENOBUFS. */
int notice_put(struct buf *b, const struct notice *n);
/* 1 with a notice, 0 when more bytes are needed, -1 with the error. */
int notice_take(struct buf *in, struct notice *ret_notice, struct err *err);

/*
 * Makes the texts fit to be shown: characters that deceive become '_', what is too much is cut.
 * Wants title_init() before.
 */
void notice_clean(struct notice *n);

/* The text with '&', '<' and '>' for a server that takes markup; the caller frees it. */
char *notice_without_markup(const char *text);

#endif
