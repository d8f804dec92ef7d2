/* Frames of the link protocol; see link_frame.h. Every byte may be hostile. */
#include "vchan/link_frame.h"

#include <errno.h>
#include <string.h>

#define FNV_OFFSET 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

const uint8_t link_magic[LINK_MAGIC_BYTES] = {
	'B', 'u', 'l', 'k', 'h', 'e', 'a', 'd', '-', 'l', 'i', 'n', 'k', '\r', '\n', 0xff};

/* FNV-1a: tells bytes that were cut or mixed up, not those that were forged. */
static uint64_t
checksum(const uint8_t *data, size_t size)
{
	uint64_t hash = FNV_OFFSET;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * FNV_PRIME;
	return hash;
}

int
link_put_hello(struct buf *b, const struct link_hello *hello)
{
	if (buf_room(b) < LINK_HELLO_BYTES)
		return -ENOBUFS;
	/* After this only memory can fail, and then the first call does. */
	if (buf_reserve(b, LINK_HELLO_BYTES) == NULL)
		return -ENOMEM;
	buf_trim(b, LINK_HELLO_BYTES);
	buf_put(b, link_magic, sizeof(link_magic));
	buf_put_u16(b, hello->version_min);
	buf_put_u16(b, hello->version_max);
	buf_put_u32(b, hello->role);
	buf_put_u32(b, hello->features);
	buf_put_u32(b, hello->domain);
	buf_put_u64(b, hello->nonce);
	buf_put_u64(b, hello->echo);
	buf_put_u32(b, hello->frame_max);
	buf_put_u32(b, hello->streams_max);
	return buf_put_u64(
		b, checksum(buf_data(b) + buf_len(b) - (LINK_HELLO_BYTES - sizeof(uint64_t)),
			   LINK_HELLO_BYTES - sizeof(uint64_t)));
}

int
link_put_header(struct buf *b, const struct link_header *header)
{
	if (buf_put_u32(b, header->type) < 0 || buf_put_u32(b, header->stream) < 0 ||
		buf_put_u32(b, header->length) < 0)
		return -ENOBUFS;
	return 0;
}

/* A buffer over bytes of another, for its getters; nothing may be added to it. */
static struct buf
view(const struct buf *b, size_t size)
{
	uint8_t *bytes = b->data + b->start;

	return (struct buf){.data = bytes, .end = size, .capacity = size, .max_bytes = size};
}

int
link_peek_hello(const struct buf *b, struct link_hello *ret_hello)
{
	struct link_hello h = {0};
	uint64_t check;
	struct buf v;

	if (buf_len(b) < LINK_HELLO_BYTES)
		return -EAGAIN;
	v = view(b, LINK_HELLO_BYTES);
	if (memcmp(buf_data(&v), link_magic, LINK_MAGIC_BYTES) != 0)
		return -EBADMSG;
	buf_consume(&v, LINK_MAGIC_BYTES);
	buf_get_u16(&v, &h.version_min);
	buf_get_u16(&v, &h.version_max);
	buf_get_u32(&v, &h.role);
	buf_get_u32(&v, &h.features);
	buf_get_u32(&v, &h.domain);
	buf_get_u64(&v, &h.nonce);
	buf_get_u64(&v, &h.echo);
	buf_get_u32(&v, &h.frame_max);
	buf_get_u32(&v, &h.streams_max);
	buf_get_u64(&v, &check);
	if (check != checksum(buf_data(b), LINK_HELLO_BYTES - sizeof(check)))
		return -EBADMSG;
	if (h.nonce == 0 || h.version_min > h.version_max || h.role > LINK_ROLE_QUBE ||
		h.frame_max < LINK_FRAME_MIN || h.streams_max == 0)
		return -EBADMSG;
	*ret_hello = h;
	return 0;
}

int
link_peek_header(const struct buf *b, struct link_header *ret_header)
{
	struct link_header h = {0};
	uint32_t type;

	if (buf_peek_u32(b, 0, &type) < 0 || buf_peek_u32(b, 4, &h.stream) < 0 ||
		buf_peek_u32(b, 8, &h.length) < 0)
		return -EAGAIN;
	/* The three bytes behind the type are flags, and none are defined. */
	if (type < LINK_FRAME_OPEN || type > LINK_FRAME_CLOSE || h.length > LINK_PAYLOAD_MAX)
		return -EBADMSG;
	h.type = (uint8_t)type;
	*ret_header = h;
	return 0;
}

uint32_t
link_session_tag(uint64_t sender_nonce, uint64_t receiver_nonce)
{
	uint8_t bytes[16];
	uint64_t hash;
	uint32_t tag;

	for (size_t i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(sender_nonce >> (8 * i));
		bytes[8 + i] = (uint8_t)(receiver_nonce >> (8 * i));
	}
	hash = checksum(bytes, sizeof(bytes));
	tag = (uint32_t)(hash >> 32) ^ (uint32_t)hash;
	return tag != 0 ? tag : 1;
}
