/* Reading QMP messages; see qmp_message.h. Every byte is hostile. */
#include "admin/hypervisor/qmp_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int
check_id(const json_t *root, uint64_t *ret_id)
{
	const json_t *id = json_object_get(root, "id");

	if (!json_is_integer(id) || json_integer_value(id) < 0)
		return -EBADMSG;
	*ret_id = (uint64_t)json_integer_value(id);
	return 0;
}

const char *
qmp_get_text(const json_t *object, const char *name, const char *fallback)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : fallback;
}

/* QEMU answers what is no JSON at all without an id; we never send such, so that is refused. */
static int
classify(struct qmp_message *message)
{
	const json_t *root = message->root;
	const json_t *value;

	if (!json_is_object(root))
		return -EBADMSG;
	if ((value = json_object_get(root, "event")) != NULL) {
		message->kind = QMP_EVENT;
		message->data = json_object_get(root, "data");
		if (!json_is_string(value) ||
			(message->data != NULL && !json_is_object(message->data)))
			return -EBADMSG;
		(void)snprintf(
			message->text, sizeof(message->text), "%s", json_string_value(value));
		return 0;
	}
	if ((value = json_object_get(root, "return")) != NULL) {
		message->kind = QMP_RETURN;
		message->data = value;
		return check_id(root, &message->id);
	}
	if ((value = json_object_get(root, "error")) != NULL) {
		message->kind = QMP_ERROR;
		(void)snprintf(message->text, sizeof(message->text), "%s",
			qmp_get_text(value, "desc", "no description"));
		return check_id(root, &message->id);
	}
	if (json_is_object(json_object_get(root, "QMP"))) {
		message->kind = QMP_GREETING;
		return 0;
	}
	return -EBADMSG;
}

int
qmp_message_read(struct buf *in, struct qmp_message *ret)
{
	struct qmp_message message = {0};
	size_t held = buf_len(in);
	const uint8_t *bytes = buf_data(in);
	const uint8_t *end = held > 0 ? memchr(bytes, '\n', held) : NULL;
	json_error_t ignored;
	size_t length;
	int result;

	if (end == NULL)
		return held > QMP_LINE_MAX ? -EBADMSG : 0;
	length = (size_t)(end - bytes) + 1;
	if (length > QMP_LINE_MAX)
		return -EBADMSG;
	message.root = json_loadb((const char *)bytes, length, JSON_REJECT_DUPLICATES, &ignored);
	buf_consume(in, length);
	if (message.root == NULL)
		return -EBADMSG;
	result = classify(&message);
	if (result < 0) {
		json_decref(message.root);
		return result;
	}
	*ret = message;
	return 1;
}

void
qmp_message_finish(struct qmp_message *message)
{
	json_decref(message->root);
	*message = (struct qmp_message){0};
}
