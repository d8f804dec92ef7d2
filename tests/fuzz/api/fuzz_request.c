/* The framing of requests: any bytes give fields that are texts within the bytes, or a refusal. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api/method.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text, const char *bytes, size_t size)
{
	assert(text >= bytes && text + strlen(text) <= bytes + size);
	for (; *text != '\0'; text++)
		assert(*text >= 0x20 && *text <= 0x7e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request_parts parts;
	char *bytes = malloc(size + 1);

	if (bytes == NULL)
		abort();
	if (size > 0)
		memcpy(bytes, data, size);
	if (request_parse(bytes, size, &parts) == 0) {
		check_text(parts.method, bytes, size);
		check_text(parts.source, bytes, size);
		assert(parts.payload >= bytes &&
			parts.payload + parts.payload_size == bytes + size);
		assert(*(parts.payload + parts.payload_size) == '\0');
		assert(strlen(parts.argument) <= size && strlen(parts.destination) <= size);
		(void)method_find(parts.method, false);
	}
	free(bytes);
	return 0;
}
