/*
 * A machine's serial console: what it says is kept in a file of bounded size, in text that is
 * safe to look at. The connection is made again when a new daemon adopts the machine. Private to
 * the hypervisor.
 */
#ifndef BULKHEAD_ADMIN_HYPERVISOR_CONSOLE_H
#define BULKHEAD_ADMIN_HYPERVISOR_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The file and the one before it (`.old`), each half of this. */
#define CONSOLE_LOG_MAX_BYTES (1024 * 1024)

struct console;
struct loop;

/* Takes ownership of the connected socket, also on failure. NULL with the error. */
struct console *console_create(struct loop *loop, int fd, const char *log_path, struct err *err);
/* Writes what is held first. NULL is fine. */
void console_destroy(struct console *c);

/*
 * Appends bytes in a form in which no terminal obeys them: carriage returns are dropped, all but
 * printable ASCII, tab and newline is written as \xHH. 0 or negative errno.
 */
int console_escape(struct buf *out, const uint8_t *untrusted_bytes, size_t size);

#endif
