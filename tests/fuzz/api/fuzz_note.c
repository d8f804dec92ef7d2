/* Cleaning notes: what comes out is UTF-8 that misleads nobody, and cleaning it changes nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "admin/model/note.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ERR struct err err = ERR_INIT;
	AUTO_FREE char *clean = note_clean((const char *)data, size, &err);
	AUTO_FREE char *again = NULL;

	if (clean == NULL) {
		if (err.kind == NULL)
			abort();
		return 0;
	}
	if (strlen(clean) > NOTE_MAX_BYTES)
		abort();
	for (size_t i = 0, length; i < strlen(clean); i += length) {
		uint32_t c;

		length = utf8_decode(clean + i, strlen(clean) - i, &c);
		if (length == 0 || (utf8_misleads(c) && c != '\n' && c != '\t'))
			abort();
	}
	again = note_clean(clean, strlen(clean), &err);
	if (again == NULL || !text_equal(again, clean))
		abort();
	return 0;
}
