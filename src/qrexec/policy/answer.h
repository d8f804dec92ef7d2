/*
 * The text protocol of the policy socket (spec qrexec.md 6.1), the engine's side of it: questions
 * are read, answers written.
 */
#ifndef BULKHEAD_QREXEC_POLICY_ANSWER_H
#define BULKHEAD_QREXEC_POLICY_ANSWER_H

#include "qrexec/policy/policy.h"

#define POLICY_ANSWER_MAX 4096          /* bytes of an answer, NUL included */
#define POLICY_QUESTION_LINE_MAX 65536  /* bytes of a line of a question */
#define POLICY_QUESTION_MAX (80u << 10) /* of a whole question */

/* A question. Texts are borrowed from the buffer it was read from. */
struct policy_question {
	struct policy_request request;
	bool assume_yes_for_ask;
	bool just_evaluate;
};

/*
 * Parses a whole question, which is text[0..size) with its closing empty line (or without it,
 * when the writer ended the stream). The bytes are changed. 0 or -1 with the error.
 */
int policy_question_parse(
	char *untrusted_text, size_t size, struct policy_question *ret, struct err *err);

/* The number of bytes up to and with the empty line that ends a question, or 0: not there yet. */
size_t policy_question_length(const char *text, size_t size);

/*
 * Appends the answer to a final decision (ask counts as deny). `just_evaluate` gives only the
 * result. 0, or a negative errno (-ENOBUFS: too long; the caller then refuses).
 */
int policy_answer_format(const struct policy_view *v, const struct policy_request *request,
	const struct policy_decision *d, bool just_evaluate, struct buf *out);

#endif
