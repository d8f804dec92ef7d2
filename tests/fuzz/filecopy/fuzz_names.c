/* Names and link targets: a target that passes stays, step by step, below the top directory. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filecopy/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walks the target from the link's directory, and back whenever it goes up. */
static void
check_stays_below(const char *name, const char *target, size_t length)
{
	long depth = 0;

	for (const char *c = name; *c != '\0'; c++)
		depth += *c == '/';
	for (const char *at = target, *end = target + length; at <= end;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t size = (size_t)((slash != NULL ? slash : end) - at);

		if (size == 2 && at[0] == '.' && at[1] == '.')
			depth--;
		else if (size > 1 || (size == 1 && at[0] != '.'))
			depth++;
		assert(depth >= 1);
		at += size + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\0', size);
	const char *name = (const char *)data + 1;
	size_t target_size;
	unsigned int flags;

	if (size < 2 || end == NULL || end == data)
		return 0;
	flags = data[0] & 15;
	if (filecopy_name_check(name, strlen(name), flags) != 0)
		return 0;
	assert(name[0] != '/' && strstr(name, "//") == NULL && strstr(name, "/../") == NULL);
	target_size = size - (size_t)(end + 1 - data);
	if (target_size > 0 &&
		filecopy_target_check(name, (const char *)end + 1, target_size, flags) == 0) {
		assert(end[1] != '/');
		check_stays_below(name, (const char *)end + 1, target_size);
	}
	return 0;
}
