/* The stream of events of the administration daemon. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "qrexec/policy/event_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf in;
	struct qubes_event event;

	buf_init(&in, size + 1);
	buf_put(&in, data, size);
	while (event_peek(&in, &event) == 0) {
		assert(event.size <= buf_len(&in));
		assert(strlen(event.subject) + strlen(event.name) < event.size);
		buf_consume(&in, event.size);
	}
	return 0;
}
