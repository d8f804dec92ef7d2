/* The bounded buffer; see buf.h. Holds bytes from anywhere: nothing in it is trusted. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUF_FIRST_CAPACITY 256

void
buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){.max_bytes = max_bytes};
}

void
buf_finish(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max_bytes = b->max_bytes};
}

size_t
buf_len(const struct buf *b)
{
	return b->end - b->start;
}

const uint8_t *
buf_data(const struct buf *b)
{
	/* Never NULL, so that a zero-length copy from it is defined. */
	return b->data != NULL ? b->data + b->start : (const uint8_t *)"";
}

size_t
buf_room(const struct buf *b)
{
	return b->max_bytes - buf_len(b);
}

void
buf_clear(struct buf *b)
{
	b->start = b->end = 0;
}

int
buf_consume(struct buf *b, size_t size)
{
	if (size > buf_len(b))
		return -EAGAIN;
	b->start += size;
	if (b->start == b->end)
		buf_clear(b);
	return 0;
}

int
buf_trim(struct buf *b, size_t size)
{
	if (size > buf_len(b))
		return -EAGAIN;
	b->end -= size;
	if (b->start == b->end)
		buf_clear(b);
	return 0;
}

static int
grow(struct buf *b, size_t needed)
{
	size_t capacity = b->capacity > 0 ? b->capacity : BUF_FIRST_CAPACITY;
	uint8_t *data;

	while (capacity < needed) {
		if (__builtin_mul_overflow(capacity, 2, &capacity))
			return -ENOMEM;
	}
	if (capacity > b->max_bytes && needed <= b->max_bytes)
		capacity = b->max_bytes;
	data = realloc(b->data, capacity);
	if (data == NULL)
		return -ENOMEM;
	b->data = data;
	b->capacity = capacity;
	return 0;
}

/* Makes sure that `size` bytes fit behind `end`. */
static int
make_room(struct buf *b, size_t size)
{
	size_t held = buf_len(b);

	if (size > buf_room(b))
		return -ENOBUFS;
	if (b->capacity - b->end >= size)
		return 0;
	if (b->start > 0) {
		memmove(b->data, b->data + b->start, held);
		b->start = 0;
		b->end = held;
	}
	if (b->capacity - b->end >= size)
		return 0;
	return grow(b, held + size);
}

void *
buf_reserve(struct buf *b, size_t size)
{
	void *place;

	if (make_room(b, size) < 0 || b->data == NULL)
		return NULL;
	place = b->data + b->end;
	b->end += size;
	return place;
}

int
buf_put(struct buf *b, const void *data, size_t size)
{
	int result;

	if (size == 0)
		return 0;
	result = make_room(b, size);
	if (result < 0)
		return result;
	memcpy(b->data + b->end, data, size);
	b->end += size;
	return 0;
}

int
buf_put_u8(struct buf *b, uint8_t value)
{
	return buf_put(b, &value, sizeof(value));
}

static void
store_little_endian(uint8_t *bytes, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t
load_little_endian(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

static int
put_integer(struct buf *b, size_t size, uint64_t value)
{
	uint8_t bytes[8];

	store_little_endian(bytes, size, value);
	return buf_put(b, bytes, size);
}

int
buf_put_u16(struct buf *b, uint16_t value)
{
	return put_integer(b, sizeof(value), value);
}

int
buf_put_u32(struct buf *b, uint32_t value)
{
	return put_integer(b, sizeof(value), value);
}

int
buf_put_u64(struct buf *b, uint64_t value)
{
	return put_integer(b, sizeof(value), value);
}

int
buf_put_string(struct buf *b, const char *text)
{
	return buf_put(b, text, strlen(text));
}

int
buf_put_text(struct buf *b, const char *text)
{
	return buf_put(b, text, strlen(text) + 1);
}

int
buf_printf(struct buf *b, const char *format, ...)
{
	va_list arguments;
	char *text;
	int length, result;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return -ENOMEM;
	result = buf_put(b, text, (size_t)length);
	free(text);
	return result;
}

int
buf_get(struct buf *b, void *data, size_t size)
{
	if (size > buf_len(b))
		return -EAGAIN;
	if (size > 0)
		memcpy(data, b->data + b->start, size);
	return buf_consume(b, size);
}

static int
get_integer(struct buf *b, size_t size, uint64_t *ret_value)
{
	uint8_t bytes[8];
	int result = buf_get(b, bytes, size);

	if (result < 0)
		return result;
	*ret_value = load_little_endian(bytes, size);
	return 0;
}

int
buf_get_u8(struct buf *b, uint8_t *ret_value)
{
	return buf_get(b, ret_value, sizeof(*ret_value));
}

int
buf_get_u16(struct buf *b, uint16_t *ret_value)
{
	uint64_t value;
	int result = get_integer(b, sizeof(*ret_value), &value);

	if (result == 0)
		*ret_value = (uint16_t)value;
	return result;
}

int
buf_get_u32(struct buf *b, uint32_t *ret_value)
{
	uint64_t value;
	int result = get_integer(b, sizeof(*ret_value), &value);

	if (result == 0)
		*ret_value = (uint32_t)value;
	return result;
}

int
buf_get_u64(struct buf *b, uint64_t *ret_value)
{
	return get_integer(b, sizeof(*ret_value), ret_value);
}

int
buf_peek_u32(const struct buf *b, size_t offset, uint32_t *ret_value)
{
	size_t held = buf_len(b);

	if (offset > held || held - offset < sizeof(*ret_value))
		return -EAGAIN;
	*ret_value = (uint32_t)load_little_endian(buf_data(b) + offset, sizeof(*ret_value));
	return 0;
}

int
buf_get_text(struct buf *b, size_t max_length, const char **ret_text)
{
	const uint8_t *text = buf_data(b);
	const uint8_t *nul = memchr(text, '\0', buf_len(b));

	if (nul == NULL)
		return buf_len(b) > max_length ? -EBADMSG : -EAGAIN;
	if ((size_t)(nul - text) > max_length)
		return -EBADMSG;
	/* Not buf_consume(): the borrowed bytes must stay where they are. */
	b->start += (size_t)(nul - text) + 1;
	*ret_text = (const char *)text;
	return 0;
}

ssize_t
buf_read_fd(struct buf *b, int fd, size_t max_bytes)
{
	size_t size = buf_room(b) < max_bytes ? buf_room(b) : max_bytes;
	ssize_t count;
	int result;

	if (size == 0)
		return -ENOBUFS;
	result = make_room(b, size);
	if (result < 0)
		return result;
	do
		count = read(fd, b->data + b->end, size);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	b->end += (size_t)count;
	return count;
}

ssize_t
buf_write_fd(struct buf *b, int fd)
{
	ssize_t count;

	if (buf_len(b) == 0)
		return 0;
	do
		count = write(fd, buf_data(b), buf_len(b));
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	buf_consume(b, (size_t)count);
	return count;
}

char *
buf_steal_string(struct buf *b)
{
	size_t length = buf_len(b);
	char *text = malloc(length + 1);

	if (text == NULL)
		return NULL;
	memcpy(text, buf_data(b), length);
	text[length] = '\0';
	buf_finish(b);
	return text;
}
