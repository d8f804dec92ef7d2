/* Any bytes as what a machine's process says: to the reader in pieces, and on its console. */
#include <stdlib.h>
#include <string.h>

#include "admin/hypervisor/console.h"
#include "admin/hypervisor/qmp_message.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct qmp_message *message)
{
	if (strnlen(message->text, sizeof(message->text)) > QMP_TEXT_MAX)
		abort();
	if (message->kind == QMP_EVENT)
		(void)strlen(qmp_get_text(message->data, "reason", ""));
}

/* The first byte says how large the pieces are. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size > 0 ? (size_t)data[0] + 1 : 1;
	AUTO_BUF struct buf in;
	AUTO_BUF struct buf text;
	int result = 0;

	buf_init(&in, (size_t)2 * QMP_LINE_MAX);
	buf_init(&text, 65536);
	for (size_t at = 1; at < size && result >= 0; at += piece) {
		size_t count = size - at < piece ? size - at : piece;
		struct qmp_message message;

		if (buf_put(&in, data + at, count) < 0)
			break;
		while ((result = qmp_message_read(&in, &message)) == 1) {
			check(&message);
			qmp_message_finish(&message);
		}
	}
	if (console_escape(&text, data, size) == 0) {
		for (size_t i = 0; i < buf_len(&text); i++) {
			uint8_t byte = buf_data(&text)[i];

			if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte > 0x7e)
				abort();
		}
	}
	return 0;
}
