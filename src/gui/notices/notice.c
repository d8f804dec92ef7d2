/* Records of notifications; see notice.h. */
#include "gui/notices/notice.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define FIXED_BYTES 8

int
notice_put(struct buf *b, const struct notice *n)
{
	size_t summary = strnlen(n->untrusted_summary, NOTICE_SUMMARY_MAX);
	size_t body = strnlen(n->untrusted_body, NOTICE_BODY_MAX);

	if (buf_room(b) < 4 + FIXED_BYTES + summary + body + 2)
		return -ENOBUFS;
	buf_put_u32(b, (uint32_t)(FIXED_BYTES + summary + body + 2));
	buf_put_u32(b, n->urgency);
	buf_put_u32(b, n->expire_ms);
	buf_put(b, n->untrusted_summary, summary);
	buf_put_u8(b, 0);
	buf_put(b, n->untrusted_body, body);
	return buf_put_u8(b, 0);
}

static int
refuse(struct err *err, const char *what)
{
	return err_set(err, EPROTO, "notification: %s", what);
}

/* A text of at most `max` bytes with its NUL; `*left` bytes of the record are left. */
static int
take_text(struct buf *in, size_t max, uint32_t *left, char *ret_text)
{
	const uint8_t *end = *left > 0 ? memchr(buf_data(in), '\0', *left) : NULL;
	size_t length;

	if (end == NULL)
		return -EBADMSG;
	length = (size_t)(end - buf_data(in));
	if (length > max)
		return -EBADMSG;
	memcpy(ret_text, buf_data(in), length + 1);
	buf_consume(in, length + 1);
	*left -= (uint32_t)length + 1;
	return 0;
}

int
notice_take(struct buf *in, struct notice *ret_notice, struct err *err)
{
	struct notice n = {0};
	uint32_t left;

	if (buf_peek_u32(in, 0, &left) < 0)
		return 0;
	if (left < FIXED_BYTES + 2 || left > NOTICE_RECORD_MAX - 4)
		return refuse(err, "wrong length");
	if (buf_len(in) < 4 + left)
		return 0;
	buf_consume(in, 4);
	buf_get_u32(in, &n.urgency);
	buf_get_u32(in, &n.expire_ms);
	left -= FIXED_BYTES;
	if (n.urgency > NOTICE_CRITICAL)
		return refuse(err, "unknown urgency");
	if (n.expire_ms > NOTICE_EXPIRE_MAX_MS)
		return refuse(err, "longer than a minute");
	if (take_text(in, NOTICE_SUMMARY_MAX, &left, n.untrusted_summary) < 0 ||
		take_text(in, NOTICE_BODY_MAX, &left, n.untrusted_body) < 0 || left != 0)
		return refuse(err, "the texts contradict the length");
	*ret_notice = n;
	return 1;
}

char *
notice_without_markup(const char *text)
{
	AUTO_BUF struct buf b;

	buf_init(&b, 5 * strlen(text) + 1);
	for (; *text != '\0'; text++) {
		if (*text == '&')
			buf_put_string(&b, "&amp;");
		else if (*text == '<')
			buf_put_string(&b, "&lt;");
		else if (*text == '>')
			buf_put_string(&b, "&gt;");
		else
			buf_put_u8(&b, (uint8_t)*text);
	}
	return buf_len(&b) > 0 ? buf_steal_string(&b) : text_copy("");
}
