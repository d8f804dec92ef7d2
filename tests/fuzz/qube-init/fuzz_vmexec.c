/* The argument of qubes.VMExec, as another qube may send it: what decodes, encodes to itself. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qube-init/vmexec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Into a buffer that is large enough for any decoded text of this size. */
static size_t
encode(char **argv, size_t count, char *out)
{
	char *start = out;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*out++ = '+';
		for (const unsigned char *c = (unsigned char *)argv[i]; *c != '\0'; c++) {
			if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
				(*c >= '0' && *c <= '9') || *c == '_' || *c == '.')
				*out++ = (char)*c;
			else if (*c == '-')
				out += sprintf(out, "--");
			else
				out += sprintf(out, "-%02X", *c);
		}
	}
	*out = '\0';
	return (size_t)(out - start);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *again = malloc(3 * size + 1);
	char **argv, **second;
	size_t count, second_count;

	assert(text != NULL && again != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (vmexec_decode(text, &argv, &count) == 0) {
		assert(count >= 1 && argv[count] == NULL);
		encode(argv, count, again);
		assert(vmexec_decode(again, &second, &second_count) == 0);
		assert(second_count == count);
		for (size_t i = 0; i < count; i++)
			assert(strcmp(argv[i], second[i]) == 0);
		free(argv);
		free(second);
	}
	free(text);
	free(again);
	return 0;
}
