/* Parser of events; see event_reader.h. The daemon they come from is trusted, but not to be
 * without mistakes. */
#include "qrexec/policy/event_reader.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* The text at *position, which moves behind its NUL; NULL when it has none yet. */
static const char *
next_text(const struct buf *in, size_t *position)
{
	const char *text = (const char *)buf_data(in) + *position;
	const char *end;

	if (*position >= buf_len(in))
		return NULL;
	end = memchr(text, '\0', buf_len(in) - *position);
	if (end != NULL)
		*position += (size_t)(end - text) + 1;
	return end != NULL ? text : NULL;
}

int
event_peek(const struct buf *in, struct qubes_event *ret)
{
	struct qubes_event event = {0};
	const char *text = next_text(in, &event.size);

	if (buf_len(in) > 0 && buf_data(in)[0] != '1')
		return -EBADMSG;
	if (text == NULL)
		return -EAGAIN;
	if (!text_equal(text, "1"))
		return -EBADMSG;
	event.subject = next_text(in, &event.size);
	if (event.subject == NULL)
		return -EAGAIN;
	event.name = next_text(in, &event.size);
	if (event.name == NULL)
		return -EAGAIN;
	for (size_t i = 0; i < EVENT_MAX_FIELDS; i++) {
		text = next_text(in, &event.size);
		if (text == NULL)
			return -EAGAIN;
		if (text[0] == '\0') {
			*ret = event;
			return 0;
		}
		if (next_text(in, &event.size) == NULL)
			return -EAGAIN;
	}
	return -EBADMSG;
}
