/* Any bytes as the beginning of an image that a machine has written. */
#include <stdlib.h>
#include <string.h>

#include "admin/storage/qcow2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qcow2_header header;
	uint8_t *copy = malloc(size > 0 ? size : 1); /* its own, so that overreads are seen */

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	if (qcow2_parse_header(copy, size, size, &header, NULL) == 0 &&
		strnlen(header.backing, sizeof(header.backing)) > QCOW2_NAME_MAX)
		abort();
	free(copy);
	return 0;
}
