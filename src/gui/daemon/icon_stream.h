/*
 * The icons that a qube's programs have for their windows, as they come from the qube (service
 * qubes.WindowIconUpdater, spec gui.md 6.8): records of text and pixels, taken apart while they
 * arrive. Pure. Whatever the qube sends, an icon costs us no more memory than the small one that
 * is left of it.
 */
#ifndef BULKHEAD_GUI_ICON_STREAM_H
#define BULKHEAD_GUI_ICON_STREAM_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What a qube may send, and what becomes of it: more is made smaller. */
#define ICON_EDGE_MAX 2048
#define ICON_SHOWN_MAX 128

struct icon {
	uint32_t window; /* the qube's number of it */
	uint32_t width, height;
	uint32_t pixels[ICON_SHOWN_MAX * ICON_SHOWN_MAX]; /* 0xAARRGGBB */
};

struct icon_stream;

/* NULL without memory. Destroy takes NULL. */
struct icon_stream *icon_stream_create(void);
void icon_stream_destroy(struct icon_stream *s);

/*
 * Consumes what has come, up to the end of one icon: 1 with *ret_icon, which is valid until the
 * next call; 0 when more has to come; -1 with the error, after which nothing more is taken.
 */
int icon_stream_take(
	struct icon_stream *s, struct buf *in, const struct icon **ret_icon, struct err *err);

#endif
