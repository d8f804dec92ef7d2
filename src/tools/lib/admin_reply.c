/* Answers of the Admin API (admin_reply.h). */
#include "tools/lib/admin_reply.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "tools/lib/admin_error.h"

#define PARAMETERS_MAX 16

static const char empty_reply[] =
	"Got empty response from qubesd. See journalctl in dom0 for details.";

/* What follows `32 00`: TYPE 00 TRACEBACK 00 MESSAGE 00 ( PARAMETER 00 )*. */
static int
parse_exception(struct buf *in, struct err *err)
{
	const char *texts[3], *parameters[PARAMETERS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < 3; i++)
		if (buf_get_text(in, ADMIN_REPLY_MAX, &texts[i]) < 0)
			return err_set(err, EBADMSG, "answer of the daemon: incomplete exception");
	while (count < PARAMETERS_MAX && buf_get_text(in, ADMIN_REPLY_MAX, &parameters[count]) == 0)
		count++;

	AUTO_FREE char *message = admin_error_format(texts[2], parameters, count);

	return err_set_kind(err, admin_error_kind(texts[0]), EPROTO, "%s", message);
}

int
admin_reply_parse(struct buf *in, const char **ret_content, size_t *ret_size, struct err *err)
{
	uint8_t status[2];

	if (buf_len(in) == 0)
		return err_set(err, ENODATA, "%s", empty_reply);
	if (buf_get(in, status, sizeof(status)) < 0 || status[1] != '\0')
		return err_set(err, EBADMSG, "answer of the daemon: not in the form of the API");
	switch (status[0]) {
	case '0':
		*ret_content = (const char *)buf_data(in);
		*ret_size = buf_len(in);
		return 0;
	case '2':
		return parse_exception(in, err);
	case '1':
		return err_set(err, EBADMSG, "answer of the daemon: events where a result was due");
	default:
		return err_set(
			err, EBADMSG, "answer of the daemon: unknown kind 0x%02x", status[0]);
	}
}

/* Finds the NUL that ends the text at *position and steps over it; false when it is not there. */
static bool
skip_text(const uint8_t *bytes, size_t size, size_t *position, bool *ret_empty)
{
	const uint8_t *end =
		*position < size ? memchr(bytes + *position, 0, size - *position) : NULL;

	if (end == NULL)
		return false;
	*ret_empty = end == bytes + *position;
	*position = (size_t)(end - bytes) + 1;
	return true;
}

/* The length of the whole event at the front, 0 when more bytes are needed. */
static size_t
event_length(const uint8_t *bytes, size_t size, size_t *ret_pairs)
{
	size_t position = 2, pairs = 0;
	bool empty;

	for (size_t i = 0; i < 2; i++)
		if (!skip_text(bytes, size, &position, &empty))
			return 0;
	for (;;) {
		if (!skip_text(bytes, size, &position, &empty))
			return 0;
		if (empty)
			break;
		if (!skip_text(bytes, size, &position, &empty))
			return 0;
		pairs++;
	}
	*ret_pairs = pairs;
	return position;
}

static const char *
next_text(const char **position)
{
	const char *text = *position;

	*position += strlen(text) + 1;
	return text;
}

int
admin_event_parse(struct buf *in, struct admin_event *ret_event)
{
	struct admin_event event = {0};
	const uint8_t *bytes = buf_data(in);
	size_t size = buf_len(in), pairs = 0, length;

	if (size >= 1 && bytes[0] != '1')
		return -EBADMSG;
	if (size >= 2 && bytes[1] != '\0')
		return -EBADMSG;
	length = size > 2 ? event_length(bytes, size, &pairs) : 0;
	if (length == 0)
		return size > ADMIN_EVENT_MAX ? -EBADMSG : -EAGAIN;
	if (pairs > ADMIN_EVENT_PAIRS_MAX)
		return -EBADMSG;

	event.text = xcalloc(length, 1);
	memcpy(event.text, bytes, length);

	const char *position = event.text + 2;

	event.subject = next_text(&position);
	event.name = next_text(&position);
	for (; event.pair_count < pairs; event.pair_count++) {
		event.pairs[event.pair_count].key = next_text(&position);
		event.pairs[event.pair_count].value = next_text(&position);
	}
	buf_consume(in, length);
	*ret_event = event;
	return 0;
}

void
admin_event_finish(struct admin_event *event)
{
	free(event->text);
	*event = (struct admin_event){0};
}

const char *
admin_event_value(const struct admin_event *event, const char *key)
{
	for (size_t i = 0; i < event->pair_count; i++)
		if (text_equal(event->pairs[i].key, key))
			return event->pairs[i].value;
	return NULL;
}
