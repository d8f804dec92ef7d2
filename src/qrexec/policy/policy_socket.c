/* The protocol of the policy socket (spec qrexec.md 6.1), as the server speaks it. */
#include <errno.h>

#include "qrexec/policy/answer.h"
#include "qrexec/policy/server.h"

static enum server_parse
parse_question(char *untrusted_bytes, size_t size, bool ended, struct server_question *ret,
	struct err *err)
{
	size_t length = policy_question_length(untrusted_bytes, size);
	struct policy_question question;

	if (length == 0 && !ended)
		return SERVER_PARSE_MORE;
	if (length == 0) {
		/* The end of the stream may stand for the last line's end. */
		if (size > 0 && untrusted_bytes[size - 1] != '\n')
			untrusted_bytes[size++] = '\n';
		length = size;
	}
	if (length != size) {
		err_set(err, EBADMSG, "question: something follows its end");
		return SERVER_PARSE_BAD;
	}
	if (policy_question_parse(untrusted_bytes, length, &question, err) < 0)
		return SERVER_PARSE_BAD;
	*ret = (struct server_question){
		.inquiry =
			{
				.request = question.request,
				.assume_yes = question.assume_yes_for_ask,
				.just_evaluate = question.just_evaluate,
			},
	};
	return SERVER_PARSE_DONE;
}

static int
format_answer(const struct policy_view *v, const struct policy_decision *d,
	const struct server_question *question, struct buf *out)
{
	return policy_answer_format(
		v, &question->inquiry.request, d, question->inquiry.just_evaluate, out);
}

const struct server_protocol policy_socket_protocol = {
	.name = "policy socket",
	.max_bytes = POLICY_QUESTION_MAX,
	.parse = parse_question,
	.format = format_answer,
};
