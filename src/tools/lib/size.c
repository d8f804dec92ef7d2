/* Sizes as users write them (size.h). */
#include "tools/lib/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct unit {
	const char *suffix;
	uint64_t factor;
} units[] = {
	{"", 1},
	{"K", 1000},
	{"KB", 1000},
	{"M", UINT64_C(1000000)},
	{"MB", UINT64_C(1000000)},
	{"G", UINT64_C(1000000000)},
	{"GB", UINT64_C(1000000000)},
	{"Ki", UINT64_C(1) << 10},
	{"KiB", UINT64_C(1) << 10},
	{"Mi", UINT64_C(1) << 20},
	{"MiB", UINT64_C(1) << 20},
	{"Gi", UINT64_C(1) << 30},
	{"GiB", UINT64_C(1) << 30},
};

int
size_parse(const char *text, uint64_t *ret_bytes)
{
	size_t digits = strspn(text, "0123456789");
	AUTO_FREE char *number = text_format("%.*s", (int)digits, text);
	uint64_t value, bytes;
	int e;

	e = text_parse_u64(number, UINT64_MAX, &value);
	if (e < 0)
		return e;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(text + digits, units[i].suffix) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].factor, &bytes))
			return -ERANGE;
		*ret_bytes = bytes;
		return 0;
	}
	return -EINVAL;
}
