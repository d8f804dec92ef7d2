/* Any bytes to the sockets of the Eval services, as a whole and in two pieces. */
#include "fuzz_common.h"
#include "qrexec/policy/server.h"

static enum server_parse
parse(const struct server_protocol *protocol, const uint8_t *data, size_t size, bool ended)
{
	struct server_question question;
	enum server_parse result;
	char *copy = malloc(size + 1);

	/* Exactly one byte of room, so that a second one written is seen. */
	memcpy(copy, data, size);
	result = protocol->parse(copy, size, ended, &question, NULL);
	if (result == SERVER_PARSE_MORE && ended)
		abort();
	if (result == SERVER_PARSE_DONE && (question.inquiry.request.service[0] == '\0' ||
						   strlen(question.inquiry.request.source) > 31 ||
						   strlen(question.inquiry.request.target) > 63))
		abort();
	free(copy);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* What is refused before its end is refused with it. */
	if (parse(&eval_simple_protocol, data, size, false) == SERVER_PARSE_BAD &&
		parse(&eval_simple_protocol, data, size, true) != SERVER_PARSE_BAD)
		abort();
	parse(&eval_gui_protocol, data, size, true);
	return 0;
}
