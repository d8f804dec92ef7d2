/* A line of the log of decisions: whatever it is, what comes out lies in it and is printable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "qrexec/policy/tools/log_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xcalloc(1, size + 1);
	struct log_filter any = {0};
	struct log_line line;

	if (size > 0)
		memcpy(text, data, size);
	if (log_line_parse(text, &line) < 0)
		return 0;
	if (line.count == 0 || line.count > LOG_LINE_FIELDS_MAX || !log_filter_matches(&any, &line))
		abort();
	check_text(line.time);
	for (size_t i = 0; i < line.count; i++) {
		const char *value = log_line_get(&line, line.fields[i].key);
		struct log_filter same = {.source = log_line_get(&line, "source"),
			.service = log_line_get(&line, "service"),
			.since = line.time};

		check_text(line.fields[i].key);
		check_text(value);
		/* A name with a plus in it is no name of a service. */
		if (strchr(same.service, '+') == NULL && !log_filter_matches(&same, &line))
			abort();
	}
	return 0;
}
