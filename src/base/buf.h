/*
 * The one buffer through which every byte from outside is parsed and every message is built.
 * It has a maximum size that it never exceeds and a read cursor. A getter either consumes a
 * complete value or leaves the buffer as it was. Integers are little-endian.
 *
 * Functions return 0, or a negative errno: -ENOBUFS when the maximum would be passed, -ENOMEM,
 * -EAGAIN when a getter needs more bytes than are held, -EBADMSG when the bytes held can not be
 * the value.
 */
#ifndef BULKHEAD_BASE_BUF_H
#define BULKHEAD_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf {
	uint8_t *data; /* owned */
	size_t start;  /* first unread byte */
	size_t end;    /* one past the last byte */
	size_t capacity;
	size_t max_bytes; /* end - start never exceeds this */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_finish(struct buf *b);

#define AUTO_BUF __attribute__((cleanup(buf_finish)))

/* Unread bytes: their number, and a borrowed pointer valid until the next change. */
size_t buf_len(const struct buf *b);
const uint8_t *buf_data(const struct buf *b);

/* Bytes that may still be added. */
size_t buf_room(const struct buf *b);

/* Forgets all bytes, keeps the memory. */
void buf_clear(struct buf *b);

/* Drops `size` unread bytes; -EAGAIN when fewer are held. */
int buf_consume(struct buf *b, size_t size);

/* Undoes the addition of the last `size` bytes; used to give back reserved room. */
int buf_trim(struct buf *b, size_t size);

/* Makes room for `size` bytes and returns where they go, counted as held. NULL on failure. */
void *buf_reserve(struct buf *b, size_t size);

int buf_put(struct buf *b, const void *data, size_t size);
int buf_put_u8(struct buf *b, uint8_t value);
int buf_put_u16(struct buf *b, uint16_t value);
int buf_put_u32(struct buf *b, uint32_t value);
int buf_put_u64(struct buf *b, uint64_t value);
/* The text with (buf_put_text) or without (buf_put_string) its closing NUL. */
int buf_put_string(struct buf *b, const char *text);
int buf_put_text(struct buf *b, const char *text);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

int buf_get(struct buf *b, void *data, size_t size);
int buf_get_u8(struct buf *b, uint8_t *ret_value);
int buf_get_u16(struct buf *b, uint16_t *ret_value);
int buf_get_u32(struct buf *b, uint32_t *ret_value);
int buf_get_u64(struct buf *b, uint64_t *ret_value);
int buf_peek_u32(const struct buf *b, size_t offset, uint32_t *ret_value);

/*
 * Borrows the text up to the next NUL and consumes both. -EAGAIN without a NUL, -EBADMSG when
 * the text is longer than max_length. The pointer is valid until the next change.
 */
int buf_get_text(struct buf *b, size_t max_length, const char **ret_text);

/*
 * Reads once from a descriptor, at most max_bytes and the room left. Returns the count, 0 at
 * end of file, or a negative errno (-EAGAIN when a non-blocking descriptor has nothing,
 * -ENOBUFS when there is no room).
 */
ssize_t buf_read_fd(struct buf *b, int fd, size_t max_bytes);

/* Writes once what is held and consumes it. Returns the count or a negative errno. */
ssize_t buf_write_fd(struct buf *b, int fd);

/*
 * Gives the content as a NUL-terminated string that the caller frees, and empties the buffer.
 * NULL without memory.
 */
char *buf_steal_string(struct buf *b);

#endif
