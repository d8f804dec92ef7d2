/* Requests to a prompt: the first byte chooses the kind. What is taken can be answered. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"
#include "qrexec/prompt/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		assert(*c >= ' ' && *c < 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_REQUEST struct request r = {0};

	if (size == 0)
		return 0;
	if (request_parse(data[0] == 'n' ? REQUEST_NOTIFY : REQUEST_ASK, (const char *)data + 1,
		    size - 1, &r, NULL) < 0)
		return 0;
	check_text(r.source.words);
	check_text(r.service);
	check_text(r.argument);
	for (size_t i = 0; i < r.target_count; i++) {
		char *answer = request_answer(&r, i, size % REQUEST_TERMS);

		check_text(r.targets[i].words);
		check_text(answer);
		free(answer);
	}
	if (r.kind == REQUEST_NOTIFY)
		check_text(r.target);
	return 0;
}
