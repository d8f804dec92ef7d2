/*
 * New images, made without a program: qemu-img writes the same bytes whenever it is asked for the
 * same empty image, so that it is asked only once for each, and what it wrote is remembered.
 * Private to the qcow2 driver.
 */
#ifndef BULKHEAD_ADMIN_STORAGE_QCOW2_PATTERN_H
#define BULKHEAD_ADMIN_STORAGE_QCOW2_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Writes the image into an empty file. `backing` is the name in its header, "" for none. 1 when it
 * is written, 0 when no such image is remembered, -1 with the error.
 */
int qcow2_pattern_write(int fd, const char *backing, uint64_t size_bytes, struct err *err);

/* Remembers an image that nothing has written to yet. */
void qcow2_pattern_remember(int fd, const char *backing, uint64_t size_bytes);

/* All that is remembered. */
void qcow2_pattern_forget(void);

#endif
