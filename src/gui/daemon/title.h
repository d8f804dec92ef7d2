/*
 * Texts of a qube made fit to stand beside our own (spec gui.md 2.5). Pure; in the daemon that
 * reads the qube's bytes.
 */
#ifndef BULKHEAD_GUI_TITLE_H
#define BULKHEAD_GUI_TITLE_H

#include <stdbool.h>
#include <stddef.h>

/* Loads what the judgement of characters needs; once, before the sandbox. */
void title_init(void);

/*
 * Copies at most `size` bytes up to the first NUL; the result has at most as many and a NUL. What
 * may not be shown becomes '_'. `ret` has room for size + 1.
 */
void title_filter(const char *untrusted, size_t size, bool allow_utf8, char *ret);

/* A window's title: as above, and without UTF-8 a final ellipsis becomes three dots. */
void title_filter_name(const char *untrusted, size_t size, bool allow_utf8, char *ret);

#endif
