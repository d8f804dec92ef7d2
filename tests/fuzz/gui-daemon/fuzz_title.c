/* Titles: never longer, never a control, and filtering twice changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "gui/daemon/title.h"
#include "gui/protocol/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[GUI_TITLE_BYTES + 1], again[GUI_TITLE_BYTES + 1];

	if (size < 1 || size - 1 > GUI_TITLE_BYTES)
		return 0;
	title_init();
	title_filter_name((const char *)data + 1, size - 1, data[0] & 1, out);
	if (strlen(out) > size - 1)
		abort();
	for (const char *at = out; *at != '\0'; at++) {
		if ((*at >= 0 && *at < 0x20) || *at == 0x7f)
			abort();
	}
	title_filter_name(out, strlen(out), data[0] & 1, again);
	if (strcmp(out, again) != 0)
		abort();
	return 0;
}
